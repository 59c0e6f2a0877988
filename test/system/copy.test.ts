/** `cp` between a container and the host, on the compiled binary. */
import { expect } from "bun:test";
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { busyboxLayer, dockerArchive } from "../harness/images.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import { onPty } from "../harness/pty.ts";
import type { TestStore } from "../harness/store.ts";
import { tar } from "../harness/tar.ts";
import { failure, fileBeside } from "./image-store.ts";

const both = each([ROOT, ROOTLESS], "busybox");
const asRoot = each([ROOT], "busybox");

/** A container `cc` of busybox, running or only made, and a folder of the host's with `f`, `d/inner` and `empty/`. */
async function scene(store: TestStore, state: "running" | "made", ...flags: string[]): Promise<string> {
  await store.ok(["load", "-i", fileBeside(store, "b.tar", dockerArchive({ layers: [busyboxLayer()] }, "b:1"))]);
  await store.ok(["create", "--name", "cc", "--network", "none", ...flags, "b:1", "sleep", "600"]);
  if (state === "running") await store.ok(["start", "cc"]);
  const here = join(store.dir, "here");
  for (const folder of [here, join(here, "d"), join(here, "empty")]) mkdirSync(folder);
  writeFileSync(join(here, "f"), "file", { mode: 0o640 });
  writeFileSync(join(here, "d/inner"), "inner");
  if (store.user) for (const path of ["", "d", "empty", "f", "d/inner"]) chownSync(join(here, path), store.user.uid, store.user.gid);
  return here;
}

/** What the container has at a path: contents of files by name, as `cp -` tells it. */
async function listing(store: TestStore, path: string): Promise<string[]> {
  const child = store.spawn(["cp", `cc:${path}`, "-"]);
  const bytes = await new Response(child.stdout).bytes();
  expect(await child.exited).toBe(0);
  const { stdout } = Bun.spawnSync(["tar", "t"], { stdin: bytes });
  return stdout.toString().split("\n").filter(Boolean);
}

for (const state of ["running", "made"] as const) {
  both(`all cases of sources and destinations, into a container that is ${state}`, async (store) => {
    const here = await scene(store, state);
    const cp = (from: string, to: string) => store.hoy(["cp", from, to], { cwd: here });
    const cases: [from: string, to: string, expected: string | number][] = [
      ["f", "cc:/new", 0],
      ["f", "cc:/tmp", 0],
      ["f", "cc:tmp/named", 0],
      ["d", "cc:/tmp", 0],
      ["d", "cc:/tmp/renamed", 0],
      ["d/.", "cc:/tmp/renamed", 0],
      ["d/.", "cc:/tmp/only", 0],
      ["empty/", "cc:/tmp/", 0],
      ["f", "cc:/nothing/", "no such directory"],
      ["f", "cc:/nothing/f", "Could not find the file /nothing in container cc"],
      ["d", "cc:/new", "cannot copy directory"],
      ["f", "cc:/new/f", "extraction point is not a directory"],
      ["nothing", "cc:/", `lstat ${here}/nothing: no such file or directory`],
      ["f/", "cc:/", `lstat ${here}/f/: not a directory`],
      ["f", "d", "must specify at least one container source"],
      ["cc:/f", "cc:/g", "copying between containers is not supported"],
      ["", "cc:/", "source can not be empty"],
      ["f", "", "destination can not be empty"],
      ["f", "nobody:/", "No such container: nobody"],
    ];
    for (const [from, to, expected] of cases) {
      const outcome = await cp(from, to);
      const [code, text] = failure(outcome);
      expect([from, to, code, text]).toEqual(expected === 0 ? [from, to, 0, ""] : [from, to, 1, `hoy: ${expected}`]);
    }
    expect((await listing(store, "/tmp")).sort()).toEqual(
      [
        "tmp/",
        "tmp/d/",
        "tmp/d/inner",
        "tmp/empty/",
        "tmp/f",
        "tmp/named",
        "tmp/only/",
        "tmp/only/inner",
        "tmp/renamed/",
        "tmp/renamed/inner",
      ].sort(),
    );
    expect(failure(await cp("d", "cc:/tmp/f")), "a folder over a file").toEqual([1, "hoy: cannot copy directory"]);
    mkdirSync(join(here, "g"));
    mkdirSync(join(here, "g/f"));
    expect(failure(await cp("g/f", "cc:/tmp/"))).toEqual([1, 'hoy: cannot overwrite non-directory "/tmp/f" with directory "/tmp"']);
    writeFileSync(join(here, "g/d"), "");
    expect(failure(await cp("g/d", "cc:/tmp/"))).toEqual([1, 'hoy: cannot overwrite directory "/tmp/d" with non-directory "/tmp"']);
  });

  both(`all cases out of a container that is ${state}`, async (store) => {
    const here = await scene(store, state);
    await store.ok(["cp", "f", "cc:/tmp/"], { cwd: here });
    await store.ok(["cp", "d", "cc:/tmp/"], { cwd: here });
    const cp = (from: string, to: string) => store.hoy(["cp", from, to], { cwd: here });
    const cases: [from: string, to: string, expected: string | number][] = [
      ["cc:/tmp/f", "out", 0],
      ["cc:/tmp/f", "empty", 0],
      ["cc:/tmp/d", "empty", 0],
      ["cc:/tmp/d", "made", 0],
      ["cc:/tmp/d/.", "made", 0],
      ["cc:tmp/d/.", "inside", 0],
      ["cc:/tmp/f", "nodir/", "no such directory"],
      ["cc:/tmp/f", "no/dir", `invalid output path: directory "${here}/no" does not exist`],
      ["cc:/tmp/d", "f", "cannot copy directory"],
      ["cc:/nothing", ".", "Could not find the file /nothing in container cc"],
      ["cc:/tmp/f/", ".", "lstat /tmp/f/: not a directory"],
      ["cc:/tmp/f", "/dev/null", 'invalid output path: "/dev/null" must be a directory or a regular file: got a device'],
    ];
    for (const [from, to, expected] of cases) {
      const [code, text] = failure(await cp(from, to));
      expect([from, to, code, text]).toEqual(expected === 0 ? [from, to, 0, ""] : [from, to, 1, `hoy: ${expected}`]);
    }
    expect(readFileSync(join(here, "out"), "utf8")).toBe("file");
    expect(statSync(join(here, "out")).mode & 0o777).toBe(0o640);
    expect(statSync(join(here, "out")).uid).toBe(store.user?.uid ?? 0);
    expect(readdirSync(join(here, "empty")).sort()).toEqual(["d", "f"]);
    expect(readdirSync(join(here, "made"))).toEqual(["inner"]);
    expect(readdirSync(join(here, "inside"))).toEqual(["inner"]);
  });
}

both("times, modes and owners are kept, and -a makes the container's user the owner", async (store, { title }) => {
  const here = await scene(store, "running", "--user", "alice");
  if (title === "root") chownSync(join(here, "f"), 1234, 1235);
  await store.ok(["cp", "f", "cc:/tmp/plain"], { cwd: here });
  await store.ok(["cp", "-a", "f", "cc:/tmp/alices"], { cwd: here });
  const look = await store.ok(["exec", "cc", "stat", "-c", "%u:%g %a %Y", "/tmp/plain", "/tmp/alices"]);
  const time = Math.floor(statSync(join(here, "f")).mtimeMs / 1000);
  expect(look.split("\n")).toEqual([`${title === "root" ? "1234:1235" : "0:0"} 640 ${time}`, `1000:1000 640 ${time}`]);
  await store.ok(["cp", "cc:/tmp/alices", "mine"], { cwd: here });
  expect(statSync(join(here, "mine")).uid).toBe(store.user?.uid ?? 0);
  if (title !== "root") return;
  await store.ok(["cp", "-a", "cc:/tmp/alices", "hers"], { cwd: here });
  expect(statSync(join(here, "hers")).uid).toBe(1000);
});

both("-L follows a link that is the source, on either side", async (store) => {
  const here = await scene(store, "running");
  symlinkSync("f", join(here, "link"));
  await store.ok(["cp", "link", "cc:/tmp/"], { cwd: here });
  await store.ok(["cp", "-L", "link", "cc:/tmp/followed"], { cwd: here });
  expect(await store.ok(["exec", "cc", "readlink", "/tmp/link"])).toBe("f");
  expect(await store.ok(["exec", "cc", "cat", "/tmp/followed"])).toBe("file");
  await store.ok(["exec", "cc", "ln", "-s", "/etc", "/tmp/etc"]);
  await store.ok(["cp", "cc:/tmp/etc", "plain"], { cwd: here });
  expect(readlinkSync(join(here, "plain"))).toBe("/etc");
  await store.ok(["cp", "-L", "cc:/tmp/etc", "."], { cwd: here });
  expect(readFileSync(join(here, "etc/passwd"), "utf8")).toContain("alice");
  // a destination that is a link leads where it leads in the container
  await store.ok(["cp", "f", "cc:/tmp/etc"], { cwd: here });
  expect(await store.ok(["exec", "cc", "cat", "/etc/f"])).toBe("file");
});

both("a tar goes in through -, plain or packed, and comes out", async (store) => {
  const here = await scene(store, "running");
  const archive = tar([{ name: "dir/" }, { name: "dir/x", data: "one" }, { name: "dir/y", type: "2", link: "x" }]);
  await store.ok(["cp", "-", "cc:/tmp"], { cwd: here, input: archive });
  await store.ok(["cp", "-", "cc:/home"], { cwd: here, input: Bun.gzipSync(archive) });
  for (const place of ["tmp", "home"]) expect(await store.ok(["exec", "cc", "cat", `/${place}/dir/y`])).toBe("one");
  expect(await listing(store, "/tmp/dir/.")).toEqual(["./", "./x", "./y"]);
  expect(await listing(store, "/tmp/dir/x")).toEqual(["x"]);
  expect(failure(await store.hoy(["cp", "-", "cc:/etc/passwd"], { input: archive }))).toEqual([
    1,
    'hoy: destination "cc:/etc/passwd" must be a directory',
  ]);
  expect(failure(await store.hoy(["cp", "-", "cc:/tmp"], { input: "no tar".repeat(200) }))[0]).toBe(1);
});

both("volumes, binds and tmpfs mounts are reached, and what is read-only is refused", async (store) => {
  const bind = join(store.dir, "bind");
  mkdirSync(bind);
  if (store.user) chownSync(bind, store.user.uid, store.user.gid);
  const flags = ["--read-only", "-v", "vol:/vol", "-v", `${bind}:/bind`, "-v", `${bind}:/locked:ro`, "--tmpfs", "/scratch"];
  const here = await scene(store, "made", ...flags);
  const cp = async (to: string) => failure(await store.hoy(["cp", "f", `cc:${to}`], { cwd: here }));
  for (const state of ["made", "running", "stopped"]) {
    if (state === "running") await store.ok(["start", "cc"]);
    if (state === "stopped") await store.ok(["stop", "-t", "0", "cc"]);
    expect([state, await cp(`/vol/${state}`)]).toEqual([state, [0, ""]]);
    expect([state, await cp(`/bind/${state}`)]).toEqual([state, [0, ""]]);
    expect([state, await cp("/locked/f")]).toEqual([state, [1, "hoy: mounted volume is marked read-only"]]);
    expect([state, await cp("/f")]).toEqual([state, [1, "hoy: container rootfs is marked read-only"]]);
    if (state === "running") {
      expect(await cp("/scratch/f")).toEqual([0, ""]);
      expect(await store.ok(["exec", "cc", "cat", "/scratch/f"])).toBe("file");
      expect(await cp("/dev/null")).toEqual([1, 'hoy: destination "cc:/dev/null" must be a directory or a regular file: got a device']);
      expect((await cp("/proc/sys"))[0]).toBe(1);
      expect((await cp("/etc/hosts"))[0]).toBe(1);
    }
  }
  expect(readdirSync(bind).sort()).toEqual(["made", "running", "stopped"]);
  expect(await listing(store, "/vol")).toEqual(["vol/", "vol/made", "vol/running", "vol/stopped"]);
  expect(readFileSync(join(store.root, "volumes/vol/_data/made"), "utf8")).toBe("file");
});

both("the engine's own files in /etc are mounts, which cp does not take away", async (store) => {
  const here = await scene(store, "running");
  expect(failure(await store.hoy(["cp", "f", "cc:/etc/hosts"], { cwd: here }))).toEqual([
    1,
    "hoy: unlinkat /etc/hosts: device or resource busy",
  ]);
  expect(await store.ok(["exec", "cc", "cat", "/etc/hosts"])).toContain("localhost");
});

both("on a terminal it tells what was copied, with -q it does not", async (store) => {
  if (store.user) return;
  const here = await scene(store, "running");
  const env = cleanEnv({ ...store.env, HOY_ROOT: store.root });
  const script = `${dist()} cp f cc:/; ${dist()} cp -q f cc:/; ${dist()} cp cc:/f g; echo "<do""ne>"`;
  await using session = onPty(["sh", "-c", script], { env, cwd: here, columns: 200 });
  const shown = await session.see("<done>");
  expect(shown.match(/Successfully copied 3\.07kB to \S+/g)).toEqual([
    "Successfully copied 3.07kB to cc:/",
    `Successfully copied 3.07kB to ${here}/g`,
  ]);
});

/** What a container does to whoever copies: folders and links to the host's paths take each other's places, all the time. */
const SWAP = `cd /data; mkdir -p spare; while :; do
  mv a spare/x 2>/dev/null; ln -s TARGET a 2>/dev/null; rm -rf spare/x; mv -T a spare/l 2>/dev/null; mkdir a 2>/dev/null; echo plain >a/secret 2>/dev/null; done`;

asRoot(
  "CVE-2018-15664, CVE-2019-14271, CVE-2021-41089: a container that swaps links under a copy reaches nothing of the host's",
  async (store) => {
    const here = await scene(store, "made");
    const outside = join(store.dir, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "of the host");
    const before = lstatSync(outside);
    await store.ok(["run", "-d", "--name", "hh", "--network", "none", "-v", "/data", "b:1", "sh", "-c", SWAP.replace("TARGET", outside)]);
    mkdirSync(join(here, "a"));
    writeFileSync(join(here, "a/secret"), "evil", { mode: 0o666 });
    const codes = new Set<number>();
    for (let round = 0; round < 40; round++) {
      codes.add((await store.hoy(["cp", "a/.", "hh:/data/a"], { cwd: here })).code);
      codes.add((await store.hoy(["cp", "a", "hh:/data/"], { cwd: here })).code);
      const into = join(here, `out${round}`);
      mkdirSync(into);
      await store.hoy(["cp", "hh:/data/a", into]);
      await store.hoy(["cp", "-L", "hh:/data/a/secret", join(into, "followed")]);
      const { stdout } = Bun.spawnSync(["grep", "-r", "of the host", into]);
      expect(stdout.toString()).toBe("");
    }
    expect(codes.has(0)).toBe(true);
    expect(readdirSync(outside)).toEqual(["secret"]);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("of the host");
    expect([lstatSync(outside).mode, lstatSync(outside).ctimeMs]).toEqual([before.mode, before.ctimeMs]);
    await store.ok(["rm", "-f", "-v", "hh"]);
  },
  120_000,
);
