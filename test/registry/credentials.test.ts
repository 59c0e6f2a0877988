import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eraseAccount, findAccount, saveAccount } from "../../src/registry/credentials.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** A helper that keeps one account per server in files, and says in which environment it ran. */
const HELPER = `#!/bin/sh
cd "$(dirname "$0")"
env > env
key() { tr '/:' '__'; }
case $1 in
  get) file=store-$(key); [ -f "$file" ] && cat "$file" || { echo "credentials not found in native keychain"; exit 1; } ;;
  store) input=$(cat); server=$(printf '%s' "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/'); printf '%s' "$input" > "store-$(printf '%s' "$server" | key)" ;;
  erase) rm -f "store-$(key)" ;;
esac
`;

describe("credentials", () => {
  let folder: string;
  const before = { ...process.env };
  const config = (): string => join(folder, "docker/config.json");
  const write = (content: unknown): void => {
    mkdirSync(join(folder, "docker"), { recursive: true });
    writeFileSync(config(), typeof content === "string" ? content : JSON.stringify(content));
  };
  const read = (): Record<string, unknown> => JSON.parse(readFileSync(config(), "utf8"));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hoy-credentials-"));
    process.env.DOCKER_CONFIG = join(folder, "docker");
    const helper = join(folder, "docker-credential-test");
    writeFileSync(helper, HELPER);
    chmodSync(helper, 0o755);
    process.env.PATH = `${folder}:${before.PATH}`;
  });
  afterEach(() => {
    for (const name of ["DOCKER_CONFIG", "PATH", "BUN_OPTIONS"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    rmSync(folder, { recursive: true });
  });

  test("no file is no account", async () => {
    expect(await findAccount("docker.io")).toBeUndefined();
    expect(await eraseAccount("docker.io")).toBe(false);
    expect(existsSync(config())).toBe(false);
  });

  test("accounts in the file, by host and by the URLs of old clients", async () => {
    write({
      auths: {
        "https://index.docker.io/v1/": { auth: base64("hub:a:b") },
        "localhost:5000": { username: "u", password: "p" },
        "https://old.example/v2/": { auth: base64("old:pw\0\0") },
        "token.example": { auth: base64("me:"), identitytoken: "abc" },
        "empty.example": {},
      },
    });
    expect(await findAccount("docker.io")).toEqual({ username: "hub", password: "a:b" });
    expect(await findAccount("localhost:5000")).toEqual({ username: "u", password: "p" });
    expect(await findAccount("old.example")).toEqual({ username: "old", password: "pw" });
    expect(await findAccount("token.example")).toEqual({ username: "me", identityToken: "abc" });
    expect(await findAccount("empty.example")).toBeUndefined();
    expect(await findAccount("localhost:5001")).toBeUndefined();
  });

  test("saving keeps what other programs wrote, and is for the user alone", async () => {
    write({ auths: { "a.example": { auth: base64("a:a") } }, proxies: { default: { httpProxy: "x" } }, detachKeys: "ctrl-x" });
    expect(await saveAccount("b.example", { username: "b", password: "päss" })).toBe(config());
    expect(read()).toEqual({
      auths: { "a.example": { auth: base64("a:a") }, "b.example": { auth: base64("b:päss") } },
      proxies: { default: { httpProxy: "x" } },
      detachKeys: "ctrl-x",
    });
    expect(statSync(config()).mode & 0o777).toBe(0o600);
    expect(await findAccount("b.example")).toEqual({ username: "b", password: "päss" });
    expect(await eraseAccount("b.example")).toBe(true);
    expect(await eraseAccount("b.example")).toBe(false);
    expect(Object.keys(read().auths as object)).toEqual(["a.example"]);
    expect(read().detachKeys).toBe("ctrl-x");
  });

  test("a config.json that is a link stays one", async () => {
    mkdirSync(join(folder, "docker"));
    writeFileSync(join(folder, "real.json"), "{}");
    symlinkSync("../real.json", config());
    await saveAccount("a.example", { username: "a", password: "b" });
    expect(lstatSync(config()).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, "real.json"), "utf8")).auths["a.example"].auth).toBe(base64("a:b"));
  });

  test("a helper keeps the secret, the file only the name of the registry", async () => {
    write({ credsStore: "test" });
    process.env.BUN_OPTIONS = "--smol";
    expect(await saveAccount("docker.io", { username: "me", password: "secret" })).toBeUndefined();
    expect(readFileSync(config(), "utf8")).not.toContain("secret");
    expect(read()).toEqual({ credsStore: "test", auths: { "https://index.docker.io/v1/": {} } });
    expect(await findAccount("docker.io")).toEqual({ username: "me", password: "secret" });
    expect(readFileSync(join(folder, "env"), "utf8")).not.toContain("BUN_OPTIONS");
    expect(await eraseAccount("docker.io")).toBe(true);
    expect(await findAccount("docker.io")).toBeUndefined();
  });

  test("credHelpers stands before credsStore, and may give identity tokens", async () => {
    write({ credsStore: "missing", credHelpers: { "a.example": "test" } });
    await saveAccount("a.example", { username: "me", identityToken: "refresh" });
    expect(await findAccount("a.example")).toEqual({ username: "<token>", identityToken: "refresh" });
    await expect(findAccount("b.example")).rejects.toThrow("docker-credential-missing is not on the PATH");
  });

  test.each(["{", '{"auths": []}x', '{"auths": {"x": 1}}', '{"credsStore": 5}'])("a damaged file is an error: %s", async (content) => {
    write(content);
    await expect(findAccount("x")).rejects.toHaveProperty("name", "HoyError");
    await expect(saveAccount("x", { username: "a", password: "b" })).rejects.toHaveProperty("name", "HoyError");
    expect(readFileSync(config(), "utf8")).toBe(content);
  });

  test("a helper's name cannot be a path", async () => {
    write({ credsStore: "../../bin/sh" });
    await expect(findAccount("x")).rejects.toThrow("is not the name of a credential helper");
  });
});
