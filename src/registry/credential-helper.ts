/**
 * Credential helpers: programs named `docker-credential-X` that speak one verb on standard input and JSON on standard output
 * (github.com/docker/docker-credential-helpers, "Development").
 */
import { helperAnswerSchema } from "../spec/docker-config.ts";
import { HoyError } from "../spec/error.ts";
import { validate } from "../spec/validate.ts";

/** Words of the helpers' library for "I have none", printed on standard output with exit code 1. */
const NOT_FOUND = "credentials not found in native keychain";

/** BUN_OPTIONS and its kin would change what a helper that is itself made with Bun does (BUN.md 13). */
const environment = (): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BUN_")));

async function run(helper: string, verb: "get" | "store" | "erase", input: string): Promise<{ ok: boolean; output: string }> {
  const program = `docker-credential-${helper}`;
  if (!/^[\w.-]+$/.test(helper)) throw new HoyError(`${JSON.stringify(helper)} is not the name of a credential helper`);
  if (!Bun.which(program, { PATH: process.env.PATH ?? "" }))
    throw new HoyError(`the credential helper ${program} is not on the PATH`, {
      hint: "install it, or remove it from credsStore and credHelpers of Docker's config.json",
    });
  const child = Bun.spawn([program, verb], { stdin: Buffer.from(input), stdout: "pipe", stderr: "ignore", env: environment() });
  const [output, exitCode] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return { ok: exitCode === 0, output: output.trim() };
}

export interface HelperAccount {
  readonly username: string;
  readonly secret: string;
}

/** What the helper knows of `server`; undefined for nothing. Throws HoyError when the helper is missing or fails. */
export async function helperGet(helper: string, server: string): Promise<HelperAccount | undefined> {
  const { ok, output } = await run(helper, "get", server);
  if (!ok && output === NOT_FOUND) return undefined;
  if (!ok) throw new HoyError(`docker-credential-${helper} get ${server}: ${output || "failed without a word"}`);
  let document: unknown;
  try {
    document = JSON.parse(output);
  } catch (error) {
    // The output may hold a secret: it is not repeated.
    throw new HoyError(`docker-credential-${helper} get ${server}: the answer is not JSON`, { cause: error });
  }
  const answer = validate(helperAnswerSchema, document, `docker-credential-${helper}`);
  return answer.Username === "" && answer.Secret === "" ? undefined : { username: answer.Username, secret: answer.Secret };
}

export async function helperStore(helper: string, server: string, account: HelperAccount): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: account.username, Secret: account.secret });
  const { ok, output } = await run(helper, "store", input);
  if (!ok) throw new HoyError(`docker-credential-${helper} store ${server}: ${output || "failed without a word"}`);
}

export async function helperErase(helper: string, server: string): Promise<void> {
  const { ok, output } = await run(helper, "erase", server);
  if (!ok && output !== NOT_FOUND) throw new HoyError(`docker-credential-${helper} erase ${server}: ${output || "failed without a word"}`);
}
