/** `login`. */
import { knownUser, login } from "../../engine/images/login.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, type Flags, text, truth } from "../define.ts";
import { printLine, tellLine } from "../output/write.ts";
import { askPassword, askUsername, passwordFromStdin } from "./password.ts";

async function readAccount(flags: Flags, server: string): Promise<{ username: string; password: string }> {
  const given = { username: text(flags, "username"), password: text(flags, "password") };
  const fromStdin = truth(flags, "password-stdin");
  if (given.password !== undefined && fromStdin) throw new HoyError("--password and --password-stdin are mutually exclusive");
  if (fromStdin && !given.username) throw new HoyError("the --password-stdin option requires --username to be set");
  if (given.password !== undefined) tellLine("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
  const username = given.username || askUsername(await knownUser(server));
  if (username === "") throw new HoyError("username is empty");
  const password = fromStdin ? await passwordFromStdin() : (given.password ?? askPassword());
  if (password === "") throw new HoyError("password is empty");
  return { username, password };
}

const body: Body = async ({ flags, args: [server = ""] }) => {
  const { plainFile } = await login({ server, ...(await readAccount(flags, server)) });
  if (plainFile)
    tellLine(
      `WARNING! Your credentials are stored unencrypted in '${plainFile}'.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/`,
    );
  printLine("Login Succeeded");
  return 0;
};

export default body;
