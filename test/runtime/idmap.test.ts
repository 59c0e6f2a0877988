import { afterAll, describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { helperCommand, mapIdentity, ownIdentity, parseRanges, writeMaps } from "../../src/runtime/idmap.ts";
import { requires } from "../harness/requires.ts";
import { ordinaryUser, sweepUsers, type TestUser, userWithoutRanges } from "../harness/user.ts";

afterAll(sweepUsers());

const alice = { uid: 1000, gid: 1001, name: "alice" };

describe("ranges", () => {
  test("by name and by number, others' and broken lines left out", () => {
    const text = "# comment\nbob:1:2\nalice:100000:65536\n1000:300000:10\nalice:x:1\nalice:5:0\nalice:7\n10000:1:1\n\n";
    expect(parseRanges(text, alice)).toEqual([
      { start: 100000, count: 65536 },
      { start: 300000, count: 10 },
    ]);
  });
  test("a user without a name has no line without a name", () => {
    expect(parseRanges(":100:5\n1000:200:5\n", { uid: 1000, name: "" })).toEqual([{ start: 200, count: 5 }]);
  });
});

describe("maps", () => {
  const host = { subuid: "alice:100000:65536\nalice:300000:10\n", subgid: "alice:200000:65536\n", helpers: true };
  const single = {
    uidMaps: [{ containerID: 0, hostID: 1000, size: 1 }],
    gidMaps: [{ containerID: 0, hostID: 1001, size: 1 }],
    needsHelpers: false,
  };
  test("root is the user, the ranges follow each other", () => {
    expect(mapIdentity(alice, host)).toEqual({
      uidMaps: [
        { containerID: 0, hostID: 1000, size: 1 },
        { containerID: 1, hostID: 100000, size: 65536 },
        { containerID: 65537, hostID: 300000, size: 10 },
      ],
      gidMaps: [
        { containerID: 0, hostID: 1001, size: 1 },
        { containerID: 1, hostID: 200000, size: 65536 },
      ],
      needsHelpers: true,
    });
  });
  test("a single id without the programs, or without ranges of both kinds", () => {
    expect(mapIdentity(alice, { ...host, helpers: false })).toEqual(single);
    expect(mapIdentity(alice, { ...host, subuid: "" })).toEqual(single);
    expect(mapIdentity(alice, { ...host, subgid: "bob:1:1\n" })).toEqual(single);
  });
  test("the same range by name and by number is mapped once, a range with the user's own id not at all", () => {
    const twice = mapIdentity(alice, { ...host, subuid: "alice:100000:65536\n1000:100000:65536\nalice:999:5\nalice:165536:2\n" });
    expect(twice.uidMaps.map(({ hostID }) => hostID)).toEqual([1000, 100000, 165536]);
    expect(twice.uidMaps[2]?.containerID).toBe(65537);
  });
  test("the words of newuidmap", () => {
    const [program, ...words] = helperCommand("newuidmap", 42, mapIdentity(alice, { ...host, subuid: "alice:100000:65536" }).uidMaps);
    expect(program).toEndWith("newuidmap");
    expect(words).toEqual(["42", "0", "1000", "1", "1", "100000", "65536"]);
  });
});

const MODULE = resolve(import.meta.dir, "../../src/runtime/idmap.ts");

test("the user's name is the one of its id, whatever the environment says", () => {
  const uid = process.getuid?.() ?? 0;
  const before = process.env.USER;
  process.env.USER = "mallory";
  try {
    expect(ownIdentity(`x:x:${uid}9:0::/:\nright:x:${uid}:0::/:\n`)).toMatchObject({ uid, name: "right" });
    expect(ownIdentity("").name).toBe("mallory");
  } finally {
    if (before === undefined) delete process.env.USER;
    else process.env.USER = before;
  }
});

/** As the user: writes the maps of a process in a new user namespace, and prints them as the kernel has them. */
const PROGRAM = `
import { readFileSync, readlinkSync } from "node:fs";
const { identityMaps, ownIdentity, writeMaps } = await import(process.env.MODULE);
const child = Bun.spawn(["unshare", "--user", "sleep", "60"], { stdio: ["ignore", "ignore", "inherit"] });
const space = (pid) => readlinkSync("/proc/" + pid + "/ns/user");
for (let left = 500; space(child.pid) === space("self") && left > 0; left--) Bun.sleepSync(10);
try {
  writeMaps(child.pid, identityMaps(ownIdentity()));
  for (const file of ["uid_map", "gid_map", "setgroups"]) console.log(readFileSync("/proc/" + child.pid + "/" + file, "utf8").trim().replace(/ +/g, " "));
} finally {
  child.kill();
}`;

function mapsAs(user: TestUser): string[] {
  const command = [process.execPath, "-e", PROGRAM];
  const asUser =
    process.getuid?.() === 0 ? ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", ...command] : command;
  const { stdout, stderr, exitCode } = Bun.spawnSync(asUser, { cwd: "/", env: { PATH: process.env.PATH ?? "", HOME: "/", MODULE } });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => line.trim());
}

requires(
  "rootless",
  "root",
  "open-checkout",
  "useradd",
  "newuidmap",
  "newgidmap",
  "setpriv",
)("a user with ranges gets them from the set-uid programs", () => {
  const user = ordinaryUser();
  const [uid, uids, gid, gids, setgroups] = mapsAs(user);
  expect([uid, gid]).toEqual([`0 ${user.uid} 1`, `0 ${user.gid} 1`]);
  expect(uids).toMatch(/^1 \d+ 65536$/);
  expect(gids).toMatch(/^1 \d+ 65536$/);
  expect(setgroups).toBe("allow");
});

requires(
  "rootless",
  "root",
  "open-checkout",
  "useradd",
  "setpriv",
)("a user without ranges gets its own id, and may not drop groups", () => {
  const user = userWithoutRanges();
  expect(mapsAs(user)).toEqual([`0 ${user.uid} 1`, `0 ${user.gid} 1`, "deny"]);
});

requires("newuidmap", "newgidmap")("what the programs refuse is an error that names the program and the file", () => {
  // Nobody is given process 1.
  const maps = {
    uidMaps: [{ containerID: 0, hostID: 0, size: 1 }],
    gidMaps: [{ containerID: 0, hostID: 4_000_000_000, size: 2 }],
    needsHelpers: true,
  };
  expect(() => writeMaps(1, maps)).toThrow(/^newgidmap cannot set up the user's namespace: newgidmap: /);
});

test("a process that is gone is an error in words", () => {
  const maps = mapIdentity(alice, { subuid: "", subgid: "", helpers: false });
  expect(() => writeMaps(2 ** 30, maps)).toThrow(/^cannot set up the user's namespace: no such file or directory/);
});
