/** Accounts at registries, shared with Docker's client: ~/.docker/config.json and the credential helpers that it names. */

import { chmodSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { programName } from "../spec/caller.ts";
import { type DockerConfig, dockerConfigSchema } from "../spec/docker-config.ts";
import { HoyError, reasonOf } from "../spec/error.ts";
import { withoutNulls } from "../spec/json.ts";
import { DOCKER_HUB } from "../spec/reference.ts";
import { validate } from "../spec/validate.ts";
import { helperErase, helperGet, helperStore } from "./credential-helper.ts";

/** An account. Only one of `password` and `identityToken` is set. */
export interface Account {
  readonly username: string;
  readonly password?: string;
  /** OAuth2 refresh token. */
  readonly identityToken?: string;
}

/** Docker Hub's name in config.json and for the helpers, since its first API. */
const HUB_KEY = "https://index.docker.io/v1/";
/** User name by which a helper says that the secret is an identity token. */
const TOKEN_USER = "<token>";

/** The key of a registry in config.json: its host with the port, or Docker Hub's old URL. */
export const serverKey = (domain: string): string => (domain === DOCKER_HUB || domain === "index.docker.io" ? HUB_KEY : domain);

/** `https://host/v1/` and `host` are the same registry: older clients wrote URLs. */
const hostOf = (key: string): string => key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");

const configFile = (): string => join(process.env.DOCKER_CONFIG || join(process.env.HOME || "/", ".docker"), "config.json");

function readConfig(): DockerConfig {
  const file = configFile();
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return {};
    throw new HoyError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
  if (text.trim() === "") return {};
  try {
    return validate(dockerConfigSchema, withoutNulls(JSON.parse(text)) ?? {}, file);
  } catch (error) {
    if (error instanceof HoyError) throw error;
    throw new HoyError(`${file} is not JSON`, { cause: error, hint: "correct the file, or set DOCKER_CONFIG to another folder" });
  }
}

function keysOf(record: Record<string, unknown> | undefined, server: string): string[] {
  const keys = Object.keys(record ?? {});
  return keys.includes(server) ? [server] : keys.filter((key) => hostOf(key) === hostOf(server));
}

function helperOf(config: DockerConfig, server: string): string | undefined {
  const [key] = keysOf(config.credHelpers, server);
  return (key === undefined ? undefined : config.credHelpers?.[key]) || config.credsStore || undefined;
}

/**
 * The account for a registry (`docker.io`, `localhost:5000`), or undefined. Throws HoyError for a config.json that cannot be
 * read and for a helper that is missing or fails.
 */
export async function findAccount(domain: string): Promise<Account | undefined> {
  const config = readConfig();
  const server = serverKey(domain);
  const helper = helperOf(config, server);
  if (helper) {
    const found = await helperGet(helper, server);
    if (!found) return undefined;
    return found.username === TOKEN_USER
      ? { username: TOKEN_USER, identityToken: found.secret }
      : { username: found.username, password: found.secret };
  }
  const [key] = keysOf(config.auths, server);
  return key === undefined ? undefined : fromEntry(config.auths?.[key] ?? {}, key);
}

function fromEntry(entry: NonNullable<DockerConfig["auths"]>[string], key: string): Account | undefined {
  const decoded = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8") : "";
  const colon = decoded.indexOf(":");
  if (entry.auth && colon < 0)
    throw new HoyError(`${configFile()}: the account for ${key} is damaged`, {
      hint: `log in again with: ${programName()} login ${hostOf(key)}`,
    });
  const username = entry.username ?? decoded.slice(0, Math.max(colon, 0));
  if (entry.identitytoken) return { username, identityToken: entry.identitytoken };
  const password = entry.password ?? decoded.slice(colon + 1).replace(/\0+$/, "");
  return username === "" ? undefined : { username, password };
}

/** Keeps an account, in the helper if the user has one, else in config.json. Returns the file if the secret lies there in plain. */
export async function saveAccount(domain: string, account: Account): Promise<string | undefined> {
  const config = readConfig();
  const server = serverKey(domain);
  const helper = helperOf(config, server);
  const { username, password = "", identityToken } = account;
  if (helper) {
    await helperStore(helper, server, identityToken ? { username: TOKEN_USER, secret: identityToken } : { username, secret: password });
    return void writeConfig({ ...config, auths: { ...config.auths, [server]: {} } });
  }
  const auth = Buffer.from(`${username}:${identityToken ? "" : password}`).toString("base64");
  const entry = identityToken ? { auth, identitytoken: identityToken } : { auth };
  return writeConfig({ ...config, auths: { ...config.auths, [server]: entry } });
}

/** Forgets the account of a registry, in the helper and in config.json. False when there was none. */
export async function eraseAccount(domain: string): Promise<boolean> {
  const config = readConfig();
  const server = serverKey(domain);
  const keys = keysOf(config.auths, server);
  const helper = helperOf(config, server);
  const known = keys.length > 0 || (helper !== undefined && (await helperGet(helper, server)) !== undefined);
  if (!known) return false;
  if (helper) await helperErase(helper, server);
  const auths = Object.fromEntries(Object.entries(config.auths ?? {}).filter(([key]) => !keys.includes(key)));
  writeConfig({ ...config, auths });
  return true;
}

/** By rename, for nobody else's eyes; where config.json is a link (dotfiles in a repository) its target is replaced. */
function writeConfig(config: DockerConfig): string {
  const file = configFile();
  const temporary = (path: string): string => `${path}.${process.pid}.tmp`;
  let target = file;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    try {
      target = realpathSync(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    writeFileSync(temporary(target), `${JSON.stringify(config, null, "\t")}\n`, { mode: 0o600 });
    chmodSync(temporary(target), 0o600);
    renameSync(temporary(target), target);
    return file;
  } catch (error) {
    rmSync(temporary(target), { force: true });
    throw new HoyError(`cannot write ${file}: ${reasonOf(error)}`, { cause: error });
  }
}
