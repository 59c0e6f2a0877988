/** Limits of the caller's own that leave hoy too little: one line that says which, and nothing is loaded or done in its place. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { each, ROOT } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";

const root = each([ROOT], "busybox");

/** Runs hoy below `ulimit FLAG VALUE`; returns its exit code and what it said. */
function limited(store: TestStore, limit: string, args: readonly string[]): { code: number; stderr: string } {
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-c", `ulimit ${limit}; exec "$@"`, "sh", dist(), ...args], {
    cwd: store.dir,
    env: cleanEnv({ ...store.env, HOY_ROOT: store.root }),
    stdin: "ignore",
  });
  return { code: exitCode, stderr: stderr.toString() };
}

root("too little address space: no library of the working directory is tried", async (store) => {
  for (const name of ["libc.so", "libc.so.6", "libc.musl-x86_64.so.1"]) writeFileSync(join(store.dir, name), "planted");
  expect(limited(store, "-v 500000", ["ps", "-q"])).toEqual({
    code: 1,
    stderr: "hoy: not enough address space for the compiler (ulimit -v has to be 3 GiB or more)\n",
  });
});

root("too few descriptors: said as such", async (store) => {
  const run = ["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "true"];
  await store.ok(run);
  expect(limited(store, "-n 30", run)).toEqual({ code: 125, stderr: expect.stringMatching(/^hoy: [^\n]*too many open files\n$/) });
  for (const [limit, args] of [
    ["-n 20", run],
    ["-n 6", ["ps"]],
  ] as const) {
    const { code, stderr } = limited(store, limit, args);
    expect([limit, code === 0, stderr]).toEqual([limit, false, expect.stringMatching(/too many open files/i)]);
  }
});

root("--ulimit nofile below what the start itself needs is the program's affair", async (store) => {
  for (const limit of [1, 3])
    expect(
      await store.ok([
        "run",
        "--rm",
        "--network",
        "none",
        "--ulimit",
        `nofile=${limit}`,
        "--rootfs",
        store.rootfs,
        "sh",
        "-c",
        "ulimit -n",
      ]),
    ).toBe(String(limit));
});
