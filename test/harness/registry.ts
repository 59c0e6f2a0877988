/** Debian's docker-registry on a free port of loopback, over HTTP, with its data in a temporary folder. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Where it keeps its blobs: `docker/registry/v2/blobs/sha256/AB/ABCD…/data` below it. */
  readonly folder: string;
}

export interface RegistryOptions {
  /** Asks for this user and password with basic authentication; anonymous without. */
  login?: { user: string; password: string };
  /** Asks for tokens of an authorization service; `rootcertbundle` is a file with the certificate of its key. */
  token?: { realm: string; service: string; issuer: string; rootcertbundle: string };
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

async function isUp(address: string): Promise<boolean> {
  try {
    return [200, 401].includes((await fetch(`http://${address}/v2/`)).status);
  } catch {
    return false;
  }
}

/** Starts a registry and waits until it answers. Throws with its log when it ends or does not answer within 10 s. */
export async function startRegistry({ login, token }: RegistryOptions = {}): Promise<Registry> {
  const dir = mkdtempSync(join(tmpdir(), "hoy-registry-"));
  const folder = join(dir, "data");
  const address = `127.0.0.1:${freePort()}`;
  const htpasswd = join(dir, "htpasswd");
  if (login) writeFileSync(htpasswd, `${login.user}:${await Bun.password.hash(login.password, { algorithm: "bcrypt", cost: 4 })}\n`);
  const config = {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
    http: { addr: address },
    ...(login ? { auth: { htpasswd: { realm: "hoy", path: htpasswd } } } : {}),
    ...(token ? { auth: { token } } : {}),
  };
  // JSON is YAML.
  writeFileSync(join(dir, "config.yml"), JSON.stringify(config));
  const log = join(dir, "log");
  const child = Bun.spawn(["docker-registry", "serve", join(dir, "config.yml")], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(log),
    env: { PATH: process.env.PATH ?? "/usr/bin", OTEL_TRACES_EXPORTER: "none" },
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(dir, { recursive: true, force: true });
  };
  for (const end = Date.now() + 10_000; !(await isUp(address)); await Bun.sleep(20)) {
    if (child.exitCode === null && Date.now() < end) continue;
    const said = await Bun.file(log).text();
    await stop();
    throw new Error(`docker-registry did not answer on ${address}:\n${said}`);
  }
  return { address, folder, [Symbol.asyncDispose]: stop };
}

/** Copies an image with skopeo between places in its notation: `oci:DIR:TAG`, `docker-archive:FILE`, `docker://HOST/NAME:TAG`. */
export async function skopeoCopy(from: string, to: string, flags: readonly string[] = [], tries = 3): Promise<void> {
  const child = Bun.spawn(
    ["skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", ...flags, from, to],
    {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    },
  );
  const [said, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code === 0) return;
  // a registry on a disk that is busy answers 500 now and then, and skopeo takes that for the end
  if (tries > 1 && said.includes("500 Internal Server Error")) return await skopeoCopy(from, to, flags, tries - 1);
  throw new Error(`skopeo copy ${from} ${to} ended with ${code}: ${said}`);
}
