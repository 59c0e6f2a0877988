/** The set-up of a container: what failed is what is told, and nothing of the host's is changed by it. */
import { expect } from "bun:test";
import { cpSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { each, ROOT } from "../harness/people.ts";

const root = each([ROOT], "busybox");

root("a mount that fails is the reason told, also where the network was about to be connected", async (store) => {
  for (let round = 0; round < 5; round++) {
    const { code, stderr } = await store.hoy(["run", "--rm", "--tmpfs", "/x:size=zzz", "--rootfs", store.rootfs, "true"]);
    expect([code, stderr]).toEqual([125, expect.stringContaining("mount /x (tmpfs) (option size=zzz): invalid argument")]);
  }
});

root("a folder of the host's on /dev gets no nodes", async (store) => {
  const run = (source: string, ...command: string[]) =>
    store.ok(["run", "--rm", "--network", "none", "-v", `${source}:/dev`, "--rootfs", store.rootfs, ...command]);
  expect(await run("/dev", "ls", "/dev/null")).toBe("/dev/null");
  const folder = join(store.dir, "dev");
  mkdirSync(folder);
  expect(await run(folder, "ls", "/dev")).toBe("");
  expect(readdirSync(folder)).toEqual([]);
});

root("the log of earlier runs counts for its largest size", async (store) => {
  const flags = ["--network", "none", "--log-opt", "max-size=2k", "--log-opt", "max-file=2"];
  const id = await store.ok(["create", ...flags, "--rootfs", store.rootfs, "sh", "-c", "for i in $(seq 12); do echo line $i; done"]);
  for (let run = 0; run < 4; run++) await store.ok(["start", "-a", id]);
  const folder = join(store.root, "containers", id);
  const sizes = readdirSync(folder).filter((name) => name.startsWith("log.json"));
  expect(sizes.sort()).toEqual(["log.json", "log.json.1"]);
  // the line that reaches the size is still written
  for (const name of sizes) expect(statSync(join(folder, name)).size).toBeLessThan(2048 + 128);
  await store.ok(["rm", id]);
});

root("CVE-2019-16884: no mount on a link to /proc stands in for it", async (store) => {
  const rootfs = join(store.dir, "own");
  cpSync(store.rootfs, rootfs, { recursive: true, verbatimSymlinks: true });
  symlinkSync("proc", join(rootfs, "link"));
  const folder = join(store.dir, "fake");
  mkdirSync(folder);
  const flags = ["--network", "none", "-v", `${folder}:/link`, "-v", `${folder}:/link/sys`];
  expect(await store.ok(["run", "--rm", ...flags, "--rootfs", rootfs, "sh", "-c", "cat /proc/1/comm; wc -c < /proc/timer_list"])).toBe(
    "sh\n0",
  );
});
