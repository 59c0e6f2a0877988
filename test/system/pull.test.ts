/** pull, login and logout on the compiled binary, as a user at a terminal and as a script see them. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../harness/build.ts";
import { startFaultProxy } from "../harness/fault-proxy.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { busyboxImage } from "../harness/images.ts";
import { onPty } from "../harness/pty.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { available, requires } from "../harness/requires.ts";
import { testStore } from "../harness/store.ts";
import { ordinaryUser } from "../harness/user.ts";
import { noiseImage, publish } from "../registry/scene.ts";

const NEEDS = ["root", "docker-registry", "skopeo", "busybox"] as const;
const needs = requires(...NEEDS);
const MIB = 1 << 20;

/** VmHWM in MiB, 0 when the process has ended. */
function highWater(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    // Between its end and our look at its exit code.
    return 0;
  }
}

describe("pull", () => {
  let registry: Registry;
  let digest: string;
  beforeAll(async () => {
    if (!available(...NEEDS)) return;
    registry = await startRegistry();
    digest = await publish(registry, "busybox:1", busyboxImage());
  });
  afterAll(async () => registry?.[Symbol.asyncDispose]());

  needs("for a script: plain lines, then the full name", async () => {
    await using store = await testStore();
    const name = `${registry.address}/busybox:1`;
    const lines = (await store.ok(["pull", name])).split("\n");
    expect(lines[0]).toBe("1: Pulling from busybox");
    expect(lines.slice(1, 4).map((line) => line.replace(/^[0-9a-f]{12}: /, ""))).toEqual([
      "Pulling fs layer",
      "Download complete",
      "Pull complete",
    ]);
    expect(lines.slice(4)).toEqual([`Digest: ${digest}`, `Status: Downloaded newer image for ${name}`, name]);
    const again = await store.ok(["image", "pull", name]);
    expect(again).toBe(["1: Pulling from busybox", `Digest: ${digest}`, `Status: Image is up to date for ${name}`, name].join("\n"));
    expect(await store.ok(["pull", "-q", name])).toBe(name);
    for (const line of (await store.ok(["pull", "--progress=json", name])).split("\n")) expect(JSON.parse(line)).toHaveProperty("status");
  });

  needs("a layer that is there already is told of as that alone; all tags end with one status", async () => {
    await using store = await testStore();
    const repository = `${registry.address}/tags`;
    await publish(registry, "tags:1", busyboxImage({ Cmd: ["one"] }));
    await publish(registry, "tags:2", busyboxImage({ Cmd: ["two"] }));
    const lines = (await store.ok(["pull", "-a", repository])).split("\n");
    // which tag comes first is the registry's choice
    const plain = lines.map((line) =>
      line
        .replace(/^[0-9a-f]{12}: /, "")
        .replace(/^\d: /, "N: ")
        .replace(/sha256:[0-9a-f]{64}$/, "…"),
    );
    expect(plain).toEqual([
      "N: Pulling from tags",
      "Pulling fs layer",
      "Download complete",
      "Pull complete",
      "Digest: …",
      "N: Pulling from tags",
      "Already exists",
      "Digest: …",
      `Status: Downloaded newer image for ${repository}`,
      repository,
    ]);
    expect((await store.ok(["pull", "-a", repository])).split("\n").slice(-2)).toEqual([
      `Status: Image is up to date for ${repository}`,
      repository,
    ]);
  });

  needs("on a terminal the bars are redrawn in place", async () => {
    await using store = await testStore();
    const name = `${registry.address}/busybox:1`;
    await using session = onPty([dist(), "pull", name], { env: cleanEnv({ ...store.env, HOY_ROOT: store.root }), columns: 100 });
    expect(await session.exited).toBe(0);
    expect(session.shown).toMatch(/\x1b\[1A\x1b\[J\x1b\[2K[0-9a-f]{12}: Downloading \[=*> *\] /);
    expect(session.shown).toMatch(/Pull complete\r\nDigest: /);
    expect(session.shown.trimEnd().endsWith(name)).toBe(true);
  });

  needs("run pulls what is missing, and says so on standard error", async () => {
    await using store = await testStore();
    const name = `${registry.address}/busybox:1`;
    const { code, stdout, stderr } = await store.hoy(["run", "--rm", "--network", "none", name, "echo", "ran"]);
    expect([code, stdout]).toEqual([0, "ran\n"]);
    expect(stderr).toContain(`Unable to find image '${name}' locally\n1: Pulling from busybox\n`);
    expect(stderr).toContain(`Status: Downloaded newer image for ${name}\n`);
    expect(await store.hoy(["run", "--rm", "--network", "none", "--pull", "never", `${name}x`, "true"])).toEqual({
      code: 125,
      stdout: "",
      stderr: expect.stringContaining(`No such image: ${name}x`),
    });
  });

  requires(...NEEDS, "rootless")("as an ordinary user", async () => {
    await using store = await testStore({ user: ordinaryUser() });
    const name = `${registry.address}/busybox:1`;
    expect((await store.ok(["pull", name])).split("\n").slice(-2)).toEqual([`Status: Downloaded newer image for ${name}`, name]);
    expect(await store.ok(["run", "--rm", "--network", "none", name, "echo", "ran"])).toBe("ran");
  });

  needs("errors are one line, and exit with 1", async () => {
    await using store = await testStore();
    for (const [name, words] of [
      [`${registry.address}/busybox:none`, `manifest for ${registry.address}/busybox:none not found: manifest unknown`],
      ["127.0.0.1:1/x", "cannot reach registry 127.0.0.1:1: connection refused"],
      ["Busybox", "invalid reference format: repository name (Busybox) must be lowercase"],
    ] as const) {
      const { code, stderr } = await store.hoy(["pull", "-q", name]);
      expect([code, stderr.trimEnd()]).toEqual([1, `hoy: ${words}`]);
    }
  });

  needs("killed in mid-layer, the next pull starts as if nothing had been", async () => {
    await using store = await testStore();
    await using proxy = await startFaultProxy(registry.address, ({ path, earlier }) =>
      path.includes("/blobs/") && earlier === 0 ? { stall: 500_000 } : undefined,
    );
    const name = `${proxy.address}/busybox:1`;
    const child = store.spawn(["pull", name]);
    const isLoading = () => proxy.seen.filter(({ path }) => path.includes("/blobs/")).length > 1;
    for (const end = Date.now() + 10_000; !isLoading() && Date.now() < end; ) await Bun.sleep(20);
    await Bun.sleep(100);
    child.kill("SIGKILL");
    await child.exited;
    expect(await store.ok(["pull", "-q", name])).toBe(name);
    expect(await store.ok(["run", "--rm", "--network", "none", name, "echo", "whole"])).toBe("whole");
  });

  needs("memory does not grow with the layer", async () => {
    await using store = await testStore();
    await publish(registry, "small:1", noiseImage(2 * MIB, 2));
    await publish(registry, "large:1", noiseImage(96 * MIB, 3));
    // Not the child's maxRSS: that begins with what the test's own process has at the time of the fork.
    const peak = async (name: string): Promise<number> => {
      const child = store.spawn(["pull", "-q", `${registry.address}/${name}`]);
      let highest = 0;
      while (child.exitCode === null) {
        highest = Math.max(highest, highWater(child.pid));
        await Bun.sleep(2);
      }
      expect(child.exitCode).toBe(0);
      return highest;
    };
    const small = await peak("small:1");
    const large = await peak("large:1");
    expect(large - small).toBeLessThan(30);
  });

  needs("login at a terminal does not show the password; logout forgets it", async () => {
    await using locked = await startRegistry({ login: { user: "me", password: "secret" } });
    await using store = await testStore();
    await using session = onPty([dist(), "login", locked.address], { env: cleanEnv({ ...store.env, HOY_ROOT: store.root }) });
    await session.see("Username: ");
    session.type("me\n");
    await session.see("Password: ");
    session.type("wrong\x15secretx\x7f\r");
    await session.see("Login Succeeded");
    expect(await session.exited).toBe(0);
    expect(session.shown).not.toContain("secret");
    const file = join(store.env.DOCKER_CONFIG ?? "", "config.json");
    expect(JSON.parse(readFileSync(file, "utf8")).auths[locked.address].auth).toBe(btoa("me:secret"));
    expect(await store.ok(["logout", locked.address])).toBe(`Removing login credentials for ${locked.address}`);
    expect(JSON.parse(readFileSync(file, "utf8")).auths).toEqual({});
  });

  needs("login for scripts", async () => {
    await using locked = await startRegistry({ login: { user: "me", password: "secret" } });
    await using store = await testStore();
    const refused = await store.hoy(["login", "-u", "me", "--password-stdin", locked.address], { input: "wrong\n" });
    expect(refused).toEqual({ code: 1, stdout: "", stderr: "hoy: unauthorized: incorrect username or password\n" });
    expect(existsSync(join(store.env.DOCKER_CONFIG ?? "", "config.json"))).toBe(false);
    const { code, stdout, stderr } = await store.hoy(["login", "-u", "me", "-p", "secret", locked.address]);
    expect([code, stdout]).toEqual([0, "Login Succeeded\n"]);
    expect(stderr).toContain("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    const noTerminal = await store.hoy(["login", locked.address]);
    expect([noTerminal.code, noTerminal.stderr.split("\n")[0]]).toEqual([
      1,
      "hoy: Cannot perform an interactive login from a non TTY device",
    ]);
  });
});
