/** The flags of `exec`: its environment, folder, user and keys. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");

all("--env-file, -e, -w and -u of exec", async (store, { title }) => {
  const flags = ["-e", "A=container", "-e", "B=container", "-w", "/tmp", "--network", "none", "--rootfs", store.rootfs];
  await store.ok(["run", "-d", "--name", "one", ...flags, "sleep", "1000"]);
  const file = join(store.dir, "variables");
  writeFileSync(file, "# a comment\nB=file\nC=file\nFROM_CALLER\n", { mode: 0o644 });
  const env = ["--env-file", file, "-e", "C=flag"];
  const script = "echo $A $B $C $FROM_CALLER; pwd";
  const call = ["exec", ...env, "one", "sh", "-c", script];
  expect(await store.ok(call, { env: { FROM_CALLER: "caller" } })).toBe("container file flag caller\n/tmp");
  expect(await store.ok(["exec", "-w", "/etc", "one", "pwd"])).toBe("/etc");
  const relative = await store.hoy(["exec", "-w", "etc", "one", "pwd"]);
  expect([relative.code, relative.stderr]).toEqual([126, expect.stringContaining("Cwd must be an absolute path")]);
  const missing = await store.hoy(["exec", "-w", "/no/such", "one", "pwd"]);
  expect([missing.code, missing.stderr]).toEqual([127, expect.stringContaining("/no/such")]);
  const noFile = await store.hoy(["exec", "--env-file", "/no/such/file", "one", "true"]);
  expect([noFile.code, noFile.stderr]).toEqual([1, expect.stringContaining("/no/such/file: no such file")]);
  if (title !== "rootless without subordinate ids") expect(await store.ok(["exec", "-u", "5:6", "one", "id", "-u"])).toBe("5");
  expect(await store.ok(["exec", "-u", "0", "one", "id", "-u"])).toBe("0");
  const unknown = await store.hoy(["exec", "-u", "nobodyhere", "one", "id"]);
  expect([unknown.code, unknown.stderr]).toEqual([126, expect.stringContaining("unable to find user nobodyhere")]);
});

all("broken --detach-keys of exec start nothing", async (store) => {
  await store.ok(["run", "-d", "--name", "one", "--network", "none", "--rootfs", store.rootfs, "sleep", "1000"]);
  const { code, stdout, stderr } = await store.hoy(["exec", "--detach-keys", "ctrl-!", "one", "echo", "started"]);
  expect([code, stdout, stderr]).toEqual([1, "", expect.stringContaining("ctrl-!")]);
});
