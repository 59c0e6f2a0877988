/** Exit codes of `run`, as Docker documents them: 125, 126, 127, 128+n, else the command's own. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
/** With the root file system as the last of the flags, before the command. */
const run = (...args: string[]): string[] => ["run", "--rm", "--network", "none", "--rootfs", ...args];

all("the command's own exit code", async (store) => {
  for (const code of [0, 1, 77, 255]) {
    const outcome = await store.hoy(run(store.rootfs, "sh", "-c", `exit ${code}`));
    expect(outcome).toEqual({ code, stdout: "", stderr: "" });
  }
});

all("128 plus the signal that ended the command", async (store) => {
  const child = store.spawn(["run", "--rm", "--name", "victim", ...run(store.rootfs, "sh", "-c", "echo up; sleep 30").slice(2)]);
  const reader = child.stdout.getReader();
  await reader.read();
  await store.ok(["kill", "victim"]);
  expect(await child.exited).toBe(137);
});

all("127 for a command that is not there", async (store) => {
  const { code, stdout, stderr } = await store.hoy(run(store.rootfs, "no-such-command"));
  expect([code, stdout]).toEqual([127, ""]);
  expect(stderr).toContain("no-such-command");
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

all("126 for a command that cannot be executed", async (store) => {
  const { code, stderr } = await store.hoy(run(store.rootfs, "/etc/passwd"));
  expect(code).toBe(126);
  expect(stderr).toContain("permission denied");
});

all("with --force, what is not there is told and is no failure", async (store) => {
  for (const command of ["rm", "rmi"]) {
    expect((await store.hoy([command, "nothing"])).code).toBe(1);
    const { code, stdout, stderr } = await store.hoy([command, "-f", "nothing"]);
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(/^hoy: No such (container|image): nothing\n$/);
  }
});

all("125 for an error of hoy's own: flags, names, folders", async (store) => {
  for (const args of [
    ["--no-such-flag", "--rootfs", store.rootfs, "true"],
    ["--name", "-bad-", "--network", "none", "--rootfs", store.rootfs, "true"],
    ["--network", "none", "--rootfs", "/no/such/folder", "true"],
  ]) {
    const { code, stdout, stderr } = await store.hoy(["run", "--rm", ...args]);
    expect([args.join(" "), code, stdout]).toEqual([args.join(" "), 125, ""]);
    expect(stderr).toStartWith("hoy: ");
  }
});

each([ROOT, ROOTLESS], "busybox")("a script without an interpreter line is refused, not run by hoy", async (store) => {
  const script = join(store.dir, "script");
  writeFileSync(script, "echo never\n", { mode: 0o755 });
  const { code, stdout } = await store.hoy([
    "run",
    "--rm",
    "--network",
    "none",
    "-v",
    `${script}:/script`,
    "--rootfs",
    store.rootfs,
    "/script",
  ]);
  expect([code, stdout]).toEqual([126, ""]);
});
