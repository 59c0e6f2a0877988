/** What users get wrong: one line that says what and why, the right exit code, and nothing is left. */
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { busyboxImage, dockerArchive } from "../harness/images.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { fileBeside } from "./image-store.ts";
import { rows, unrest } from "./rest.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");

/** Runs with these flags over the usual root file system, expects the failure, and that standard output stays empty. */
async function refused(
  store: TestStore,
  flags: readonly string[],
  command: readonly string[],
  [code, words]: [number, string],
): Promise<void> {
  const rootfs = flags.includes("--rootfs") ? [] : ["--rootfs", store.rootfs];
  const network = flags.includes("--network") ? [] : ["--network", "none"];
  const outcome = await store.hoy(["run", "--rm", ...network, ...flags, ...rootfs, ...command]);
  const [first = "", ...more] = outcome.stderr.trim().split("\n");
  const what = `${flags.join(" ")} ${command.join(" ")}`;
  expect([what, outcome.code, outcome.stdout, first, more.length < 2]).toEqual([what, code, "", expect.stringContaining(words), true]);
  expect(first).toStartWith("hoy: ");
  expect(first).not.toContain("internal error");
}

all("run", async (store) => {
  const file = join(store.dir, "file");
  writeFileSync(file, "text\n", { mode: 0o644 });
  await store.ok(["create", "--name", "taken", "--rootfs", store.rootfs, "true"]);
  const cases: [flags: string[], command: string[], result: [number, string]][] = [
    [[], ["no-such-command"], [127, '"no-such-command": executable file not found in $PATH']],
    [[], ["/no/such/command"], [127, '"/no/such/command": no such file or directory']],
    [[], ["/etc/passwd"], [126, '"/etc/passwd": permission denied']],
    [[], ["/etc"], [126, '"/etc": permission denied']],
    [[], [], [125, "no command specified"]],
    [["--env-file", "/no/such/file"], ["true"], [125, "/no/such/file: no such file"]],
    [["--env-file", store.dir], ["true"], [125, `${store.dir}: is a directory`]],
    [["--mount", "type=bind,src=/no/such,dst=/x"], ["true"], [125, "/no/such"]],
    [["--name", "taken"], ["true"], [125, '"/taken" is already in use']],
    [["-u", "nosuchuser"], ["true"], [125, "nosuchuser"]],
    [["-u", ":nosuchgroup"], ["true"], [125, "nosuchgroup"]],
    [["-w", "/etc/passwd"], ["true"], [125, "/etc/passwd: not a directory"]],
    [["-w", "relative"], ["true"], [125, "relative"]],
    [["--network", "nosuch"], ["true"], [125, "nosuch"]],
    [["--rootfs", file], ["true"], [125, `${file}: not a directory`]],
    [["--rootfs", `${file}-none`], ["true"], [125, "no such directory"]],
    [["--rootfs", `${file}/below`], ["true"], [125, `${file}/below: not a directory`]],
    [["--rootfs", `/${"a".repeat(300)}`], ["true"], [125, "file name too long"]],
    [["-v", `${file}:/proc/x`], ["true"], [125, "/proc/x"]],
    [["-v", `${store.dir}:/proc`], ["true"], [125, "/proc"]],
    [["-v", `${store.dir}:/x/../proc/sys`], ["true"], [125, "/proc/sys"]],
    [["--tmpfs", "/proc"], ["true"], [125, "/proc"]],
    [["-v", `${store.dir}:/`], ["true"], [125, "destination can't be '/'"]],
  ];
  for (const [flags, command, result] of cases) await refused(store, flags, command, result);
  expect(rows(store).map(({ name }) => name)).toEqual(["taken"]);
  expect(await unrest(store)).toEqual([]);
});

each([ROOT], "busybox")("files that are folders, and places below files", async (store) => {
  await store.ok(["load", "-i", fileBeside(store, "own.tar", dockerArchive(busyboxImage(), "own:1"))]);
  const cases: [args: string[], words: string][] = [
    [["load", "-i", store.dir], `cannot open ${store.dir}: is a directory`],
    [["load"], "cannot read standard input: is a directory"],
    [["login", "-u", "me", "--password-stdin", "127.0.0.1:1"], "cannot read standard input: "],
    [["image", "prune"], "image prune asks before it removes anything, and standard input is no terminal"],
    [["save", "-o", "/etc/passwd/x", "own:1"], "cannot write /etc/passwd/x: not a directory"],
    [["save", "-o", "/nope/x", "own:1"], "cannot write /nope/x: no such file or directory"],
  ];
  for (const [args, words] of cases) {
    const child = Bun.spawnSync([dist(), ...args], { env: cleanEnv({ ...store.env, HOY_ROOT: store.root }), stdin: openSync("/", "r") });
    expect([args, child.exitCode, child.stderr.toString()]).toEqual([args, 1, expect.stringContaining(`hoy: ${words}`)]);
  }
});

all("a root file system that is empty, or whose /proc, /sys or /dev is a link", async (store) => {
  const make = (name: string): string => {
    const root = join(store.dir, name);
    mkdirSync(root);
    if (name !== "empty") cpSync(store.rootfs, root, { recursive: true, verbatimSymlinks: true });
    if (name !== "empty") rmSync(join(root, name), { recursive: true, force: true });
    if (name !== "empty") symlinkSync(store.dir, join(root, name));
    if (store.user) Bun.spawnSync(["chown", "-R", "-h", `${store.user.uid}:${store.user.gid}`, root]);
    return root;
  };
  await refused(store, ["--rootfs", make("empty")], ["true"], [127, "executable file not found"]);
  for (const name of ["proc", "sys", "dev"]) await refused(store, ["--rootfs", make(name)], ["true"], [125, `/${name}`]);
  expect(await unrest(store)).toEqual([]);
});

all("CVE-2024-21626: no descriptor is a working directory, at run and at exec; 0 to 2 are all there are", async (store) => {
  for (let fd = 0; fd < 20; fd++) {
    await refused(store, ["-w", `/proc/self/fd/${fd}`], ["true"], [125, `/proc/self/fd/${fd}`]);
  }
  const id = await store.ok(["run", "-d", "--network", "none", "--rootfs", store.rootfs, "sleep", "60"]);
  for (let fd = 0; fd < 20; fd++) {
    const { code, stdout } = await store.hoy(["exec", "-w", `/proc/self/fd/${fd}`, id, "true"]);
    expect([fd, code === 0, stdout]).toEqual([fd, false, ""]);
  }
  // ls has the folder itself open, as 3.
  expect(await store.ok(["exec", id, "ls", "/proc/self/fd"])).toBe("0\n1\n2\n3");
  expect(await store.ok(["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "ls", "/proc/self/fd"])).toBe("0\n1\n2\n3");
  await store.ok(["rm", "-f", id]);
});

all("a bind over a link of the image lands in the container", async (store) => {
  const root = join(store.dir, "links");
  cpSync(store.rootfs, root, { recursive: true, verbatimSymlinks: true });
  const outside = join(store.dir, "outside");
  mkdirSync(outside);
  symlinkSync(outside, join(root, "dangling"));
  symlinkSync("/etc", join(root, "link"));
  symlinkSync("../../../../../../../../../etc", join(root, "up"));
  if (store.user) {
    Bun.spawnSync(["chown", "-R", "-h", `${store.user.uid}:${store.user.gid}`, root]);
    chownSync(outside, store.user.uid, store.user.gid);
  }
  const source = join(store.dir, "source");
  writeFileSync(source, "from the host\n");
  chmodSync(source, 0o644);
  const flags = ["-v", `${source}:/link/file`, "-v", `${source}:/up/other`];
  const { code, stdout } = await store.hoy([
    "run",
    "--rm",
    "--network",
    "none",
    ...flags,
    "--rootfs",
    root,
    "cat",
    "/etc/file",
    "/etc/other",
  ]);
  expect([code, stdout]).toEqual([0, "from the host\nfrom the host\n"]);
  await refused(store, ["-v", `${source}:/dangling/file`, "--rootfs", root], ["true"], [125, "/dangling"]);
  expect(readdirSync(outside)).toEqual([]);
  expect(existsSync("/etc/other") || existsSync("/etc/file")).toBe(false);
});

all("a store that is no folder, has a newer or a broken database, or may not be written", async (store) => {
  const broken = join(store.dir, "broken");
  const attempt = async (root: string, words: string): Promise<void> => {
    for (const args of [["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "true"], ["ps"]]) {
      const { code, stdout, stderr } = await store.hoy(args, { root });
      expect([args[0], root, code, stdout]).toEqual([args[0], root, args[0] === "ps" ? 1 : 125, ""]);
      expect(stderr).toContain(words);
      expect(stderr).not.toContain("internal error");
      expect(stderr.trim().split("\n").length).toBeLessThan(3);
    }
  };
  writeFileSync(broken, "");
  await attempt(broken, broken);
  await attempt(join(broken, "below"), broken);
  await store.ok(["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "true"]);
  const file = join(store.root, "state.db");
  {
    using db = new Database(file);
    const { user_version } = db.query("PRAGMA user_version").get() as { user_version: number };
    db.exec(`PRAGMA busy_timeout=5000; PRAGMA user_version=${user_version + 1}`);
    await attempt(store.root, "newer");
    db.exec("PRAGMA user_version=0");
    await attempt(store.root, "has tables but no schema version");
    db.exec(`PRAGMA user_version=${user_version}`);
  }
  await store.ok(["ps"]);
  for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
  writeFileSync(file, crypto.getRandomValues(new Uint8Array(40_000)));
  await attempt(store.root, "state.db");
  rmSync(file);
  mkdirSync(file);
  await attempt(store.root, "state.db");
  rmSync(file, { recursive: true });
});

all("files of a container that are damaged: the line names them", async (store) => {
  const id = await store.ok(["run", "-d", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", "echo out; sleep 100"]);
  const expectLine = async (args: readonly string[], [wanted, words]: [number, string]): Promise<void> => {
    const { code, stderr } = await store.hoy(args);
    expect([args[0], code, stderr.split("\n")[0]]).toEqual([args[0], wanted, expect.stringContaining(words)]);
    expect(stderr).not.toContain("internal error");
  };
  const config = join(store.root, "containers", id, "config.json");
  for (const content of ["", "{", "null", "[]", "{}", '{"process":null}', '{"process":{}}']) {
    writeFileSync(config, content);
    await expectLine(["exec", id, "true"], [125, config]);
  }
  rmSync(config);
  await expectLine(["exec", id, "true"], [125, `${config}: no such file or directory`]);
  await store.ok(["stop", "-t", "0", id]);
  await store.ok(["start", id]);
  await store.ok(["exec", id, "true"]);
  const log = join(store.root, "containers", id, "log.json");
  rmSync(log);
  mkdirSync(log);
  await expectLine(["logs", id], [1, log]);
  await expectLine(["load", "-i", store.dir], [1, `cannot open ${store.dir}: is a directory`]);
  rmSync(log, { recursive: true });
  await store.ok(["rm", "-f", id]);
});

each([ROOT], "busybox")("a full disk: told, the containers go on, and what is removed makes room", async (store) => {
  const mount = (...args: string[]): void => void expect(Bun.spawnSync(args).exitCode).toBe(0);
  const point = join(store.dir, "small");
  mkdirSync(point);
  mount("mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", point);
  const at = { root: join(point, "store") };
  try {
    const script = "while true; do echo tick; sleep 0.02; done";
    await store.ok(["run", "-d", "--name", "alive", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", script], at);
    await store.ok(
      ["run", "--name", "fat", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", "head -c 3000000 /dev/zero > /big"],
      at,
    );
    Bun.spawnSync(["dd", "if=/dev/zero", `of=${join(point, "ballast")}`, "bs=4k"], { stderr: "ignore" });
    // The first may still get through on the reserve.
    for (let tries = 0; ; tries++) {
      const script = "head -c 3000000 /dev/zero > /big";
      const { code, stderr } = await store.hoy(["run", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", script], at);
      expect([stderr, code]).not.toEqual([stderr, 0]);
      expect(stderr).not.toContain("internal error");
      if (code === 125 || tries === 5) break;
    }
    expect(await store.ok(["exec", "alive", "echo", "in"], at)).toBe("in");
    const ids = (await store.ok(["ps", "-aq", "--filter", "status=exited", "--filter", "status=created"], at)).split("\n");
    await store.ok(["rm", ...ids], at);
    await store.ok(["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "true"], at);
    await store.ok(["rm", "-f", "alive"], at);
  } finally {
    await store.hoy(["rm", "-f", "alive", "fat"], at);
    mount("umount", "-l", point);
  }
});

each([ROOT], "busybox")(
  "a small disk that is filled again and again, and one without any reserve: what is there can be removed",
  async (store) => {
    const point = join(store.dir, "small");
    mkdirSync(point);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", point]).exitCode).toBe(0);
    const at = { root: join(point, "store") };
    const flags = ["--network", "none", "--rootfs", store.rootfs];
    const ballast = join(point, "ballast");
    const fill = (): void => {
      Bun.spawnSync(["dd", "if=/dev/zero", `of=${ballast}`, "bs=4k", "oflag=append", "conv=notrunc"], { stderr: "ignore" });
    };
    const words = "head -c 1000000 /dev/zero > /big; sleep 1000";
    try {
      const names = ["ca", "cb", "cc", "cd"];
      for (const name of names) await store.ok(["run", "-d", "--name", name, ...flags, "sh", "-c", words], at);
      await store.ok(["volume", "create", "data"], at);
      await store.ok(["create", "--name", "empty", ...flags, "true"], at);
      fill();
      expect((await store.ok(["ps", "-aq"], at)).split("\n")).toHaveLength(5);
      await store.ok(["rm", "empty"], at);
      await store.ok(["volume", "rm", "data"], at);
      await store.ok(["stop", "-t", "0", "ca"], at);
      await store.ok(["rm", "ca"], at);
      for (const name of ["cb", "cc"]) {
        fill();
        await store.ok(["rm", "-f", name], at);
      }
      rmSync(join(at.root, "reserve"), { force: true });
      fill();
      expect(await store.ok(["ps", "-q"], at)).not.toBe("");
      await store.ok(["rm", "-f", "cd"], at);
      rmSync(ballast);
      await store.ok(["run", "--rm", ...flags, "true"], at);
    } finally {
      rmSync(ballast, { force: true });
      await store.hoy(["rm", "-f", "ca", "cb", "cc", "cd", "empty"], at);
      expect(Bun.spawnSync(["umount", "-l", point]).exitCode).toBe(0);
    }
  },
);

each([ROOTLESS, PLAIN], "busybox")("ids that the user's namespace does not have, at run and at exec", async (store) => {
  const words = /^hoy: your user namespace has no (uid|gid) 70000, only 0[^\n]*\ngive the user more ids in \/etc\/subuid[^\n]*\n$/;
  const id = await store.ok(["run", "-d", "--network", "none", "--rootfs", store.rootfs, "sleep", "100"]);
  for (const user of ["70000", "0:70000"]) {
    const run = await store.hoy(["run", "--rm", "--network", "none", "-u", user, "--rootfs", store.rootfs, "true"]);
    expect([run.code, run.stderr]).toEqual([125, expect.stringMatching(words)]);
    const inside = await store.hoy(["exec", "-u", user, id, "true"]);
    expect([inside.code, inside.stderr]).toEqual([126, expect.stringMatching(words)]);
  }
  await store.ok(["rm", "-f", id]);
});
