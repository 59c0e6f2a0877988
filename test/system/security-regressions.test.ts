/**
 * Known holes of other engines, as attacks on the compiled binary: through `hoy run` and `exec`, and through `hoy runtime` where it
 * takes a hostile config.json or root file system. docs/security.md has the table of all rows and where each is tested; races are in
 * security-races.test.ts, images in image-faults.test.ts and image-strangers.test.ts.
 */
import { expect } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { maskedPaths, READONLY_PATHS } from "../../src/runtime/defaults.ts";
import { dist, distForAll } from "../harness/build.ts";
import { eachBundle, type TestBundle } from "../harness/bundle.ts";
import { cleanEnv, type Outcome } from "../harness/hoy.ts";
import { each, type Person, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { available } from "../harness/requires.ts";
import type { TestStore } from "../harness/store.ts";
import type { TestUser } from "../harness/user.ts";
import { type ProbeQuestions, probeArgs, type Report, readReport } from "../probe/probe.ts";
import { runProbe } from "./run-probe.ts";

/** Many containers a test, on an emulated machine too. */
const LIMIT_MS = 120_000;
const stores =
  (...people: Person[]) =>
  (title: string, body: (store: TestStore) => Promise<unknown>): void =>
    each(people, "busybox")(title, body, LIMIT_MS);
const ofBundles =
  (...people: Person[]) =>
  (title: string, body: (bundle: TestBundle) => Promise<unknown>): void =>
    eachBundle(people)(title, body, LIMIT_MS);

const all = stores(ROOT, ROOTLESS, PLAIN);
const two = stores(ROOT, ROOTLESS);
const bundles = ofBundles(ROOT, ROOTLESS);
const rootBundle = ofBundles(ROOT);

const none = (store: TestStore, ...flags: string[]): string[] => ["--network", "none", ...flags, "--rootfs", store.rootfs];
const run = (store: TestStore, flags: string[], ...words: string[]): Promise<string> =>
  store.ok(["run", "--rm", ...none(store, ...flags), ...words]);

type Edit = Parameters<TestBundle["configure"]>[1];

/** Runs the words in a container of this spec. */
function attempt(bundle: TestBundle, words: readonly string[], edit?: Edit): Promise<Outcome> {
  bundle.configure(words, edit);
  return bundle.runtime(["run", "c"]);
}

async function probe(bundle: TestBundle, edit: Edit, questions: ProbeQuestions = { calls: [] }): Promise<Report> {
  bundle.configure(["/probe", ...probeArgs(questions)], edit);
  return readReport(await bundle.ok(["run", "c"]), questions);
}

/** A folder of the host's with a secret in it, open to all, that must stay as it is. */
function outside(dir: string): { path: string; secret: string; check(): void } {
  const path = join(dir, "outside");
  const secret = join(path, "secret");
  mkdirSync(path);
  writeFileSync(secret, "of the host\n");
  chmodSync(path, 0o777);
  chmodSync(secret, 0o666);
  return {
    path,
    secret,
    check() {
      expect(readdirSync(path)).toEqual(["secret"]);
      expect(readFileSync(secret, "utf8")).toBe("of the host\n");
    },
  };
}

/** Puts a link in the place of what the root file system has there. */
function link(rootfs: string, name: string, target: string, user: TestUser | undefined): void {
  const path = join(rootfs, name);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
  if (user) lchownSync(path, user.uid, user.gid);
}

/** Refused by `hoy runtime` in one line of its log, without a trace of an internal error. */
function expectRefused({ code, stdout, stderr }: Outcome, what: string, words: RegExp): void {
  expect([what, code === 0, stdout]).toEqual([what, false, ""]);
  expect([what, stderr]).toEqual([what, expect.stringMatching(words)]);
  expect(stderr).not.toContain("internal error");
}

/** What says in a container that /proc is the kernel's own, with masks and read-only paths in force. */
const PROC_IS_REAL = [
  "[ $(stat -f -c %T /proc) = proc ] || echo /proc is no procfs",
  "[ -d /proc/self/fd ] || echo /proc/self is missing",
  "[ $(wc -c < /proc/timer_list) = 0 ] || echo timer_list is open",
  "[ -c /proc/timer_list ] || echo timer_list is not masked",
  "(echo x > /proc/sys/kernel/domainname) 2>/dev/null && echo sysctls are open",
  "echo done",
].join("\n");

/** `hoy ARGS…` with a folder of the host's open as 3, 5 and 9, which it did not ask for. */
function leaky(folder: string, args: readonly string[], options: { store?: TestStore; bundle?: TestBundle; stdin?: string }): Outcome {
  const { store, bundle, stdin = "/dev/null" } = options;
  const user = (store ?? bundle)?.user;
  const given = bundle ? ["runtime", "--root", join(bundle.dir, "state"), ...args] : args;
  const command = ["sh", "-c", `exec 3<"$0" 5<"$0" 9<"$0" <${stdin}; exec "$@"`, folder, user ? distForAll() : dist(), ...given];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, {
    cwd: bundle?.path ?? "/",
    env: cleanEnv(store ? { HOY_ROOT: store.root, ...store.env } : {}),
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
    stdin: "ignore",
  });
  return { code: exitCode, stdout: stdout.toString().trimEnd(), stderr: stderr.toString() };
}

/** 3 is the lister's own. */
const LIST_FDS = ["sh", "-c", "exec ls /proc/self/fd"];
const THREE_FDS = "0\n1\n2\n3";

all("CVE-2015-3627, CVE-2024-21626: a descriptor that the caller of hoy leaks is open in no container", async (store) => {
  const host = outside(store.dir);
  expect(leaky(host.path, ["run", "--rm", ...none(store), ...LIST_FDS], { store })).toEqual({ code: 0, stdout: THREE_FDS, stderr: "" });
  const { stdout: id } = leaky(host.path, ["run", "-d", ...none(store), "sleep", "60"], { store });
  expect(await store.ok(["exec", id, "ls", "/proc/1/fd"])).toBe("0\n1\n2");
  expect(leaky(host.path, ["exec", id, ...LIST_FDS], { store })).toEqual({ code: 0, stdout: THREE_FDS, stderr: "" });
  for (let fd = 0; fd < 12; fd++) {
    const folder = `/proc/self/fd/${fd}`;
    const { code, stdout } = leaky(host.path, ["exec", "-w", folder, id, "ls"], { store });
    expect([folder, code === 0, stdout]).toEqual([folder, false, ""]);
  }
  await store.ok(["rm", "-f", id]);
});

bundles("CVE-2015-3627, CVE-2024-21626: hoy runtime: a descriptor that its caller leaks is open in no container", async (bundle) => {
  const host = outside(bundle.dir);
  bundle.configure(LIST_FDS);
  expect(leaky(host.path, ["run", "c"], { bundle })).toEqual({ code: 0, stdout: THREE_FDS, stderr: "" });
  bundle.configure(["sh", "-c", "ls /proc/self/fd > /tmp/fds; exec sleep 60"]);
  await bundle.ok(["create", "c"]);
  await bundle.ok(["start", "c"]);
  while (!existsSync(join(bundle.rootfs, "tmp/fds")) || statSync(join(bundle.rootfs, "tmp/fds")).size < 8) await Bun.sleep(10);
  expect(readFileSync(join(bundle.rootfs, "tmp/fds"), "utf8")).toBe("0\n1\n2\n3\n");
  expect(leaky(host.path, ["exec", "c", ...LIST_FDS], { bundle })).toEqual({ code: 0, stdout: THREE_FDS, stderr: "" });
  for (let fd = 0; fd < 12; fd++) {
    const { code, stdout } = leaky(host.path, ["exec", "--cwd", `/proc/self/fd/${fd}`, "c", "ls"], { bundle });
    expect([fd, code === 0, stdout]).toEqual([fd, false, ""]);
  }
  await bundle.ok(["delete", "--force", "c"]);
});

bundles("CVE-2024-21626: hoy runtime: no descriptor is a working directory, not even one that the caller meant to give", async (bundle) => {
  const host = outside(bundle.dir);
  link(bundle.rootfs, "out", "/proc/self/fd/3", bundle.user);
  const folders = ["/proc/self/fd/", "/proc/thread-self/fd/", "/proc/1/fd/"];
  const all = folders.flatMap((folder) => [0, 3, 5].map((fd) => `${folder}${fd}`));
  for (const cwd of [...all, "/out", "/out/../outside", "/proc/self/fd/3/.."])
    for (const flags of [[], ["--preserve-fds", "1"]]) {
      const what = `${cwd} ${flags}`;
      bundle.configure(["sh", "-c", "cat secret outside/secret; ls; pwd"], (spec) => {
        spec.process.cwd = cwd;
      });
      const { code, stdout } = leaky(host.path, ["run", ...flags, "c"], { bundle, stdin: "$0" });
      expect([what, code === 0, stdout]).toEqual([what, false, ""]);
    }
  bundle.configure(["sleep", "60"]);
  await bundle.ok(["run", "-d", "c"]);
  for (const cwd of ["/proc/self/fd/0", "/proc/self/fd/3", "/out"]) {
    const { code, stdout } = leaky(host.path, ["exec", "--preserve-fds", "1", "--cwd", cwd, "c", "ls"], { bundle, stdin: "$0" });
    expect([cwd, code === 0, stdout]).toEqual([cwd, false, ""]);
  }
  await bundle.ok(["delete", "--force", "c"]);
  host.check();
});

bundles("CVE-2015-3629: hoy runtime: mounts on names that the root file system made links stay inside", async (bundle) => {
  const host = outside(bundle.dir);
  link(bundle.rootfs, "target", host.path, bundle.user);
  link(bundle.rootfs, "up", "../../../../../../../../../..", bundle.user);
  link(bundle.rootfs, "self", "/proc/self/root", bundle.user);
  link(bundle.rootfs, "dangling", join(host.path, "made"), bundle.user);
  const source = join(bundle.dir, "source");
  writeFileSync(source, "mine\n");
  chmodSync(source, 0o644);
  const bind = (destination: string) => ({ destination, type: "bind", source, options: ["rbind"] });
  for (const destination of ["/target/new", `/up${host.path}/deep/new`, "/dangling", "/target/../target/new2", `/self${host.path}/x`]) {
    const { code, stdout } = await attempt(bundle, ["cat", destination], (spec) => spec.mounts?.push(bind(destination)));
    expect([destination, code === 0 ? stdout : "refused"]).toEqual([destination, expect.stringMatching(/^(mine\n|refused)$/)]);
    host.check();
  }
  const { code } = await attempt(bundle, ["true"], (spec) => {
    spec.mounts?.push({ destination: "/target/tmp", type: "tmpfs", source: "tmpfs", options: ["size=1m"] });
    spec.process.cwd = "/target/work/deep";
  });
  expect(code).toBe(0);
  host.check();
});

/** The default lists of moby's `daemon/pkg/oci/defaults.go`, without those of each CPU. */
const MASKED = [
  ...["acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list", "timer_stats"].map(
    (name) => `/proc/${name}`,
  ),
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];
const READ_ONLY = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

function expectMasks({ mounts, readable, empty, listings }: Report): void {
  const there = [...new Set([...MASKED, ...maskedPaths()])].filter(existsSync);
  expect(there.length).toBeGreaterThan(3);
  for (const path of there) {
    const mount = mounts.findLast(({ point }) => point === path);
    if (lstatSync(path).isDirectory())
      expect([path, mount?.type, mount?.options.has("ro"), listings[path]]).toEqual([path, "tmpfs", true, []]);
    else expect([path, mount !== undefined, readable[path], empty[path]]).toEqual([path, true, "", true]);
  }
  for (const path of READ_ONLY.filter(existsSync)) {
    const mount = mounts.findLast(({ point }) => point === path);
    expect([path, mount?.options.has("ro")]).toEqual([path, true]);
  }
}

const maskQuestions: ProbeQuestions = { read: maskedPaths(), list: maskedPaths(), calls: [] };

all("CVE-2015-3630, CVE-2018-10892: every masked and read-only path of the default spec is in force", async (store) => {
  expect(maskedPaths()).toEqual(expect.arrayContaining(MASKED));
  expect(READONLY_PATHS).toEqual(expect.arrayContaining(READ_ONLY));
  expectMasks(await runProbe(store, [], maskQuestions));
  const id = await store.ok(["run", "-d", ...none(store), "sleep", "60"]);
  expectMasks(readReport(await store.ok(["exec", id, "/probe", ...probeArgs(maskQuestions)]), maskQuestions));
  await store.ok(["rm", "-f", id]);
});

bundles("CVE-2015-3630, CVE-2018-10892: hoy runtime: the lists of its default spec are in force", async (bundle) => {
  expectMasks(await probe(bundle, undefined, maskQuestions));
});

all("CVE-2015-3631, CVE-2019-16884: no volume and no tmpfs stands in for /proc or what is below it", async (store) => {
  const host = outside(store.dir);
  const refused = [
    ...["/proc", "/proc/", "/proc/self", "/proc/self/attr", "/proc/sys", "/proc/1/attr", "/proc/thread-self", "/proc/../proc"].flatMap(
      (point) => [
        ["-v", `${host.path}:${point}`],
        ["--tmpfs", point],
        ["--mount", `type=tmpfs,dst=${point}`],
        ["--mount", `type=volume,dst=${point}`],
      ],
    ),
    ["-v", "/proc/self:/proc"],
    ["-v", "/proc/sys:/proc/sys"],
    ["--device", "/dev/null:/proc/sys/kernel/x"],
  ];
  for (const flags of refused) {
    const { code, stdout, stderr } = await store.hoy(["run", "--rm", ...none(store, ...flags), "sh", "-c", PROC_IS_REAL]);
    expect([flags, code, stdout]).toEqual([flags, 125, ""]);
    expect([flags, stderr]).toEqual([flags, expect.stringContaining("/proc")]);
  }
  host.check();
});

bundles("CVE-2015-3631, CVE-2019-16884: hoy runtime: a mount on /proc that is no procfs is refused, by any name", async (bundle) => {
  const host = outside(bundle.dir);
  link(bundle.rootfs, "link", "proc", bundle.user);
  mkdirSync(join(host.path, "self"));
  const sources = [
    { type: "bind", source: host.path, options: ["rbind"] },
    { type: "bind", source: "/proc/self", options: ["bind"] },
    { type: "tmpfs", source: "tmpfs", options: [] },
    { type: "none", source: host.path, options: ["bind"] },
  ];
  const points = ["/proc", "/proc/", "//proc", "/./proc", "/tmp/../proc", "proc", "/proc/self", "/proc/self/attr", "/proc/sys", "/proc/1"];
  for (const destination of [...points, "/link", "/link/self", "/link/sys"])
    for (const mount of sources) {
      const { code, stdout } = await attempt(bundle, ["sh", "-c", PROC_IS_REAL], (spec) => spec.mounts?.push({ destination, ...mount }));
      if (code === 0) expect([destination, mount, stdout]).toEqual([destination, mount, "done\n"]);
      else expect([destination, mount, stdout]).toEqual([destination, mount, ""]);
      if (points.includes(destination)) expect([destination, mount, code === 0]).toEqual([destination, mount, false]);
    }
  rmSync(join(host.path, "self"), { recursive: true });
  host.check();
});

/** A copy of the root file system whose user names are digits. */
function withNumbersAsNames(store: TestStore): string {
  const rootfs = join(store.dir, "digits");
  Bun.spawnSync(["cp", "-a", store.rootfs, rootfs]);
  writeFileSync(join(rootfs, "etc/passwd"), "1000:x:0:0::/:/bin/sh\n1001:x:0:0::/:/bin/sh\nroot:x:0:0::/:/bin/sh\n");
  writeFileSync(join(rootfs, "etc/group"), "1000:x:0:\n1001:x:0:\nroot:x:0:\n");
  return rootfs;
}

two("CVE-2016-3697: at run and at exec a user or group of digits is a number, whatever passwd and group call by it", async (store) => {
  const rootfs = withNumbersAsNames(store);
  const flags = ["--network", "none", "--rootfs", rootfs];
  expect(await store.ok(["run", "--rm", "-u", "1000:1001", ...flags, "sh", "-c", "id -u; id -g"])).toBe("1000\n1001");
  const id = await store.ok(["run", "-d", ...flags, "sleep", "60"]);
  expect(await store.ok(["exec", "-u", "1000:1001", id, "sh", "-c", "id -u; id -g"])).toBe("1000\n1001");
  expect(await store.ok(["exec", "-u", "1001", id, "id", "-u"])).toBe("1001");
  await store.ok(["rm", "-f", id]);
});

const CAPABILITIES = ["grep", "-E", "^Cap(Inh|Prm|Eff|Amb)", "/proc/self/status"];
const sets = (status: string): Record<string, string> =>
  Object.fromEntries(status.split("\n").map((line) => line.split(":\t") as [string, string]));
const NO_CAPABILITY = "0".repeat(16);
const ALL_EMPTY = { CapInh: NO_CAPABILITY, CapPrm: NO_CAPABILITY, CapEff: NO_CAPABILITY, CapAmb: NO_CAPABILITY };

two("CVE-2016-8867: a user who is not root gets no capability at start and at exec, ambient or other", async (store) => {
  for (const flags of [[], ["--cap-add", "NET_ADMIN"], ["--cap-add", "ALL"], ["--privileged"]])
    expect([flags, sets(await run(store, ["-u", "1000", ...flags], ...CAPABILITIES))]).toEqual([flags, ALL_EMPTY]);
  const id = await store.ok(["run", "-d", ...none(store, "--cap-add", "ALL"), "sleep", "60"]);
  for (const flags of [[], ["--privileged"]])
    expect([flags, sets(await store.ok(["exec", "-u", "1000", ...flags, id, ...CAPABILITIES]))]).toEqual([flags, ALL_EMPTY]);
  await store.ok(["rm", "-f", id]);
});

all("CVE-2022-24769: root of a container has no inheritable capability", async (store) => {
  for (const flags of [[], ["--cap-add", "ALL"], ["--privileged"]])
    expect([flags, sets(await run(store, flags, ...CAPABILITIES))]).toEqual([
      flags,
      expect.objectContaining({ CapInh: NO_CAPABILITY, CapAmb: NO_CAPABILITY }),
    ]);
});

bundles(
  "CVE-2022-24769, CVE-2022-29162: hoy runtime: nothing inheritable unless config.json says so, and never by exec --cap",
  async (bundle) => {
    bundle.configure(CAPABILITIES);
    expect(sets(await bundle.ok(["run", "c"]))).toMatchObject({ CapInh: NO_CAPABILITY, CapAmb: NO_CAPABILITY });
    bundle.configure(["sleep", "60"]);
    await bundle.ok(["run", "-d", "c"]);
    for (const flags of [
      ["--cap", "CAP_KILL"],
      ["--cap", "CAP_KILL", "--cap", "CAP_NET_RAW"],
      ["-u", "0", "--cap", "CAP_CHOWN"],
    ])
      expect([flags, sets(await bundle.ok(["exec", ...flags, "c", ...CAPABILITIES]))]).toMatchObject([flags, { CapInh: NO_CAPABILITY }]);
    if (!bundle.user) {
      const status = sets(await bundle.ok(["exec", "-u", "1000", "c", ...CAPABILITIES]));
      expect(status).toMatchObject({ CapInh: NO_CAPABILITY, CapEff: NO_CAPABILITY });
    }
    await bundle.ok(["delete", "--force", "c"]);
  },
);

/**
 * The container's own root stops whatever appears in its pid namespace and looks into it before it has become the user's program:
 * `kill -1` reaches it within microseconds. The player's name is hoy-…, or the number of the descriptor that it was executed from. Each "caught" of the log is one look at a process that was still hoy's; what follows is
 * what could be seen of it. Numbers of descriptors may be listed, where they lead to may not be known.
 */
const AMBUSH = `
while :; do
  kill -STOP -1 2>/dev/null || continue
  for p in /proc/[0-9]*; do
    case $p in /proc/1|/proc/$$) continue;; esac
    case $(cat $p/comm 2>/dev/null) in
      hoy*|[0-9]*) seen=$(
        for f in $p/exe $p/cwd $p/root $p/fd/*; do readlink $f && echo followed; (: < $f) && echo opened $f; done
        for d in cwd root map_files; do [ -n "$(ls -A $p/$d/)" ] && echo listed $d; done
        head -c 100 $p/environ $p/maps $p/mem $p/auxv | tr -d '\\0' | grep . && echo read
        (echo x > $p/mem) && echo written)
        # it may have become the program before it stopped
        case $(cat $p/comm) in hoy*|[0-9]*) echo caught; echo "$seen";; esac;;
    esac
  done 2>/dev/null
  kill -CONT -1 2>/dev/null
  # on a single processor it would never come on
  sleep 0.05
done >> /log`;

/** Lets `join` put processes into the container's pid namespace until five were caught, and demands that nothing could be seen of them. */
async function ambush(log: () => string | Promise<string>, join: () => Promise<unknown>): Promise<void> {
  let seen = "";
  for (const end = Date.now() + 20_000; Date.now() < end && seen.split("caught").length < 6; seen = await log()) await join();
  expect(seen.split("caught").length).toBeGreaterThan(5);
  expect([...new Set(seen.split("\n").filter(Boolean))]).toEqual(["caught"]);
}

/** Makes the time long in which a process has all but become the user's program. */
const LONG_PATH = `PATH=${"/none:".repeat(2000)}/bin`;

two("CVE-2016-9962: what joins a container cannot be looked into before it is the user's program", async (store) => {
  const script = join(store.dir, "ambush");
  writeFileSync(script, AMBUSH);
  chmodSync(script, 0o644);
  // the loop is a child of PID 1: kill -1 spares them both
  const start = () => store.ok(["run", "-d", ...none(store, "-v", `${script}:/ambush:ro`), "sh", "-c", "sh /ambush & wait"]);
  for (const flags of [[], ["-t"]]) {
    const id = await start();
    const log = () => store.ok(["exec", id, "cat", "/log"]);
    await ambush(log, () => store.hoy(["exec", ...flags, "-e", LONG_PATH, id, "true"]));
    await store.ok(["rm", "-f", id]);
  }
  const id = await start();
  const log = () => store.ok(["exec", id, "cat", "/log"]);
  await ambush(log, () => store.hoy(["run", "--rm", ...none(store, "--pid", `container:${id}`, "-e", LONG_PATH), "true"]));
  await store.ok(["rm", "-f", id]);
});

bundles("CVE-2016-9962: hoy runtime: the same", async (bundle) => {
  writeFileSync(join(bundle.rootfs, "ambush"), AMBUSH);
  const log = join(bundle.rootfs, "log");
  writeFileSync(log, "");
  chmodSync(log, 0o666);
  bundle.configure(["sh", "-c", "sh /ambush & wait"], (spec) => {
    spec.process.env = ["PATH=/bin"];
  });
  await bundle.ok(["run", "-d", "c"]);
  await ambush(
    () => readFileSync(log, "utf8"),
    () => bundle.runtime(["exec", "-e", LONG_PATH, "c", "true"]),
  );
  await bundle.ok(["delete", "--force", "c"]);
});

const stamp = (): unknown[] => [dist(), distForAll()].map((path) => [path, statSync(path).mtimeMs, statSync(path).size]);
const WRITE_EXE = "for p in /proc/[0-9]*; do (: >> $p/exe) 2>/dev/null && echo written $p $(readlink $p/exe); done; true";

all("CVE-2019-5736: /proc/self/exe as the program, and as the interpreter of one, leads to nothing of the host's", async (store) => {
  const before = stamp();
  const rootfs = join(store.dir, "exe");
  Bun.spawnSync(["cp", "-a", store.rootfs, rootfs]);
  writeFileSync(join(rootfs, "script"), "#!/proc/self/exe\n", { mode: 0o755 });
  link(rootfs, "program", "/proc/self/exe", store.user);
  const flags = ["--network", "none", "--rootfs", rootfs];
  // whatever is behind that name at the time: it may try to be hoy in a container, and gets nowhere
  const loop = `while :; do ${WRITE_EXE}; sleep 0.01; done > /log`;
  const id = await store.ok(["run", "-d", ...flags, "sh", "-c", loop]);
  for (const program of ["/proc/self/exe", "/script", "/program", "/proc/thread-self/exe"]) {
    const ran = await store.hoy(["run", "--rm", ...flags, program, "--version"]);
    expect([program, ran.code === 0, ran.stdout]).toEqual([program, false, ""]);
    for (let round = 0; round < 5; round++) {
      const joined = await store.hoy(["exec", id, program, "--version"]);
      expect([program, joined.code === 0, joined.stdout]).toEqual([program, false, ""]);
    }
  }
  expect(await store.ok(["exec", id, "sh", "-c", "cat /log"])).not.toMatch(/hoy|memfd/);
  await store.ok(["rm", "-f", id]);
  expect(stamp()).toEqual(before);
});

bundles("CVE-2019-5736: hoy runtime: the same", async (bundle) => {
  const before = stamp();
  writeFileSync(join(bundle.rootfs, "script"), "#!/proc/self/exe\n", { mode: 0o755 });
  bundle.configure(["sh", "-c", `while :; do ${WRITE_EXE}; sleep 0.01; done > /tmp/log`]);
  await bundle.ok(["run", "-d", "c"]);
  for (const program of ["/proc/self/exe", "/script"])
    for (let round = 0; round < 5; round++) {
      const joined = await bundle.runtime(["exec", "c", program, "--version"]);
      expect([program, joined.code === 0, joined.stdout]).toEqual([program, false, ""]);
    }
  expect(readFileSync(join(bundle.rootfs, "tmp/log"), "utf8")).not.toMatch(/hoy|memfd/);
  await bundle.ok(["delete", "--force", "c"]);
  for (const program of ["/proc/self/exe", "/script"]) {
    const { code, stdout } = await attempt(bundle, [program, "--version"]);
    expect([program, code === 0, stdout]).toEqual([program, false, ""]);
  }
  expect(stamp()).toEqual(before);
});

bundles(
  "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642: hoy runtime: a root file system whose /proc or /sys is a link is refused",
  async (bundle) => {
    const host = outside(bundle.dir);
    for (const name of ["proc", "sys"]) {
      renameSync(join(bundle.rootfs, name), join(bundle.rootfs, `real-${name}`));
      for (const target of [host.path, `../../../../../../..${host.path}`, "tmp", `real-${name}`, name, "/proc/self/root/tmp"]) {
        link(bundle.rootfs, name, target, bundle.user);
        expectRefused(await attempt(bundle, ["true"]), `${name} → ${target}`, new RegExp(`/${name}\\b`));
      }
      rmSync(join(bundle.rootfs, name));
      renameSync(join(bundle.rootfs, `real-${name}`), join(bundle.rootfs, name));
    }
    host.check();
  },
);

each(
  [ROOT],
  "busybox",
  "nf_tables",
)("CVE-2020-13401, CVE-2024-32473: an IPv4-only network has no IPv6 and takes no router advertisement", async (store) => {
  const id = await store.ok(["run", "-d", "--rootfs", store.rootfs, "sleep", "60"]);
  const inside = await store.ok([
    "exec",
    id,
    "sh",
    "-c",
    "grep -v ' lo$' /proc/net/if_inet6; cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6 2>/dev/null",
  ]);
  expect(["1", ""]).toContain(inside);
  // the bridge, and the ends on the host's side of what is plugged into it
  const ours = readdirSync("/sys/class/net").filter((name) => {
    const master = `/sys/class/net/${name}/master/uevent`;
    return name === store.paths.name || (existsSync(master) && readFileSync(master, "utf8").includes(`INTERFACE=${store.paths.name}\n`));
  });
  expect(ours.length).toBeGreaterThanOrEqual(2);
  const setting = (name: string, key: string): string | undefined => {
    const path = `/proc/sys/net/ipv6/conf/${name}/${key}`;
    return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
  };
  if (existsSync("/proc/sys/net/ipv6"))
    for (const name of ours)
      expect([name, setting(name, "accept_ra") ?? "0", setting(name, "disable_ipv6") ?? "1"]).toEqual([name, "0", "1"]);
  const addresses = existsSync("/proc/net/if_inet6") ? readFileSync("/proc/net/if_inet6", "utf8") : "";
  for (const name of ours) expect(addresses).not.toContain(` ${name}\n`);
  await store.ok(["rm", "-f", id]);
});

rootBundle(
  "CVE-2020-15257: hoy runtime: no abstract socket in the host's network while a container waits for its start",
  async (bundle) => {
    bundle.configure(["true"]);
    await bundle.ok(["create", "waits"]);
    const sockets = readFileSync("/proc/net/unix", "utf8").split("\n");
    expect(sockets.filter((line) => line.includes(" @") && /hoy|runtime|waits/i.test(line))).toEqual([]);
    await bundle.ok(["delete", "--force", "waits"]);
  },
);

bundles("CVE-2021-41091, CVE-2021-41103: hoy runtime: the folder of its state is closed to others", async (bundle) => {
  bundle.configure(["sleep", "60"]);
  await bundle.ok(["create", "c"]);
  const folder = join(bundle.dir, "state/c");
  expect((statSync(folder).mode & 0o067).toString(8)).toBe("0");
  await bundle.ok(["delete", "--force", "c"]);
});

each(
  [ROOT],
  "busybox",
  "setpriv",
)("CVE-2022-36109: groups of the caller's process, and group 0, do not get in", async (store) => {
  const groups = async (...args: string[]): Promise<string> => {
    const command = ["setpriv", "--groups", "0,4,27", "--", dist(), ...args];
    const { stdout, stderr, exitCode } = Bun.spawnSync(command, { env: cleanEnv({ HOY_ROOT: store.root, ...store.env }), stdin: "ignore" });
    expect([exitCode, stderr.toString()]).toEqual([0, ""]);
    return stdout.toString().trim();
  };
  expect(await groups("run", "--rm", ...none(store), "id", "-G")).not.toMatch(/\b(4|27)\b/);
  expect(await groups("run", "--rm", ...none(store, "-u", "1000:1000"), "id", "-G")).toBe("1000");
  expect(await groups("run", "--rm", ...none(store, "-u", "alice"), "id", "-G")).toBe("1000 2000");
  const id = await groups("run", "-d", ...none(store), "sleep", "60");
  expect(await groups("exec", "-u", "1000:1000", id, "id", "-G")).toBe("1000");
  expect(await groups("exec", "-u", "alice", id, "id", "-G")).toBe("1000 2000");
  expect(await groups("exec", "-u", "7:7", id, "sh", "-c", "grep Groups /proc/self/status")).toBe("Groups:\t7");
  await store.ok(["rm", "-f", id]);
});

const CGROUP_POINTS = /^\/sys(\/fs\/cgroup(\/.*)?)?$/;

function expectReadOnlyCgroups({ mounts }: Report): void {
  // the topmost of each place: what an ordinary user's bind of /sys brings is covered
  const points = [...new Map(mounts.filter(({ point }) => CGROUP_POINTS.test(point)).map((mount) => [mount.point, mount])).values()];
  expect(points.some(({ point }) => point.startsWith("/sys/fs/cgroup"))).toBe(true);
  for (const { point, options } of points) expect([point, options.has("ro")]).toEqual([point, true]);
}

all("CVE-2023-25809: the cgroup file systems are read-only, whosever namespace they are seen from", async (store) => {
  const spaces = ["private", "host"].filter((space) => space === "host" || available("cgroup-v2"));
  for (const space of spaces) {
    expectReadOnlyCgroups(await runProbe(store, ["--cgroupns", space], { calls: [] }));
    const write = "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/x 2>/dev/null && echo made $d; done; true";
    expect([space, await run(store, ["--cgroupns", space], "sh", "-c", write)]).toEqual([space, ""]);
  }
});

bundles("CVE-2023-25809: hoy runtime: the same, with and without a cgroup namespace", async (bundle) => {
  for (const types of [[], ["cgroup"]])
    expectReadOnlyCgroups(
      await probe(bundle, (spec) => {
        spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => !types.includes(type));
      }),
    );
});

/** A bundle whose /dev is a folder of the root file system, with this link in it. */
const withoutDevTmpfs: NonNullable<Edit> = (spec) => {
  spec.mounts = spec.mounts?.filter(({ destination }) => !destination.startsWith("/dev"));
};

bundles("CVE-2025-31133: hoy runtime: a /dev/null of the root file system that is something else covers no masked path", async (bundle) => {
  const host = outside(bundle.dir);
  for (const target of [host.secret, "/proc/sysrq-trigger", "/proc/sys/kernel/domainname", "/etc/passwd", "null"]) {
    link(bundle.rootfs, "dev/null", target, bundle.user);
    const { code, stdout } = await attempt(bundle, ["sh", "-c", PROC_IS_REAL], withoutDevTmpfs);
    expect([target, code === 0 ? stdout : "refused"]).toEqual([target, expect.stringMatching(/^(done\n|refused)$/)]);
    host.check();
  }
  rmSync(join(bundle.rootfs, "dev/null"), { force: true });
  writeFileSync(join(bundle.rootfs, "dev/null"), "a file\n");
  if (bundle.user) chownSync(join(bundle.rootfs, "dev/null"), bundle.user.uid, bundle.user.gid);
  const { stdout } = await attempt(bundle, ["sh", "-c", PROC_IS_REAL], withoutDevTmpfs);
  expect(stdout).toBe("done\n");
});

two("CVE-2025-31133: hoy run with a /dev of somebody else's: the masks come from the host's null device", async (store) => {
  const host = outside(store.dir);
  const dev = join(store.dir, "dev");
  mkdirSync(dev);
  symlinkSync(host.secret, join(dev, "null"));
  chmodSync(dev, 0o777);
  const { code, stdout } = await store.hoy([
    "run",
    "--rm",
    ...none(store, "-v", `${dev}:/dev`),
    "sh",
    "-c",
    PROC_IS_REAL.replaceAll("2>/dev/null", "2>&1"),
  ]);
  expect(code === 0 ? stdout.split("\n").filter((line) => / (procfs|missing|open|masked)$/.test(line)) : []).toEqual([]);
  host.check();
});

bundles("CVE-2025-52565: hoy runtime: links of the root file system lead the console nowhere", async (bundle) => {
  const host = outside(bundle.dir);
  for (const [name, target] of [
    ["dev/console", host.secret],
    ["dev/console", join(host.path, "made")],
    ["dev/pts", host.path],
    ["dev/ptmx", host.secret],
  ] as const) {
    Bun.spawnSync(["rm", "-rf", join(bundle.rootfs, "dev")]);
    mkdirSync(join(bundle.rootfs, "dev"));
    if (bundle.user) chownSync(join(bundle.rootfs, "dev"), bundle.user.uid, bundle.user.gid);
    link(bundle.rootfs, name, target, bundle.user);
    bundle.configure(["sh", "-c", "readlink /dev/console; echo ran"], (spec) => {
      spec.process.terminal = true;
      spec.mounts = spec.mounts?.filter(({ destination }) => destination !== "/dev");
    });
    const { stdout } = await bundle.runtime(["run", "c"]);
    expect([name, target, stdout.includes(host.path)]).toEqual([name, target, false]);
    host.check();
  }
});

bundles(
  "CVE-2025-52881: hoy runtime: sysctls and oom_score_adj go to the kernel's /proc, whatever the root file system has there",
  async (bundle) => {
    const fake = join(bundle.rootfs, "proc");
    for (const name of ["sys/kernel", "self/attr", "thread-self/attr"]) mkdirSync(join(fake, name), { recursive: true });
    const files = ["sys/kernel/shm_rmid_forced", "self/oom_score_adj", "self/attr/exec", "thread-self/attr/exec"].map((name) =>
      join(fake, name),
    );
    for (const file of files) writeFileSync(file, "fake\n", { mode: 0o666 });
    // another procfs, at a place of its own, tells what the kernel has
    const see = ["sh", "-c", "cat /kernel/sys/kernel/shm_rmid_forced /kernel/1/oom_score_adj"];
    const { code, stdout } = await attempt(bundle, see, (spec) => {
      spec.mounts = [
        ...(spec.mounts ?? []).filter(({ destination }) => destination !== "/proc"),
        { destination: "/kernel", type: "proc", source: "proc" },
      ];
      spec.linux.sysctl = { "kernel.shm_rmid_forced": "1" };
      spec.process.oomScoreAdj = 500;
      spec.linux.maskedPaths = [];
      spec.linux.readonlyPaths = [];
    });
    expect([code, stdout]).toEqual([0, "1\n500\n"]);
    for (const file of files) expect([file, readFileSync(file, "utf8")]).toEqual([file, "fake\n"]);
  },
);

rootBundle("CVE-2025-52881: hoy runtime: no sysctl of the machine's can be set, by any name", async (bundle) => {
  // the value that it has, for the case that it is written after all
  const value = readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim();
  const names = [
    "kernel.core_pattern",
    "kernel/core_pattern",
    "net/../kernel/core_pattern",
    "net.ipv4/../../kernel/core_pattern",
    "vm.swappiness",
    "",
  ];
  for (const name of names) {
    const refused = await attempt(bundle, ["true"], (spec) => {
      spec.linux.sysctl = { [name]: value };
    });
    expectRefused(refused, name, /is not in a separate kernel namespace/);
  }
  for (const [type, name, words] of [
    ["network", "net.ipv4.ip_forward", /not allowed in host network namespace/],
    ["ipc", "kernel.sem", /not allowed in the hosts ipc namespace/],
    ["uts", "kernel.domainname", /not allowed in the hosts uts namespace/],
  ] as const)
    for (const path of [undefined, `/proc/self/ns/${type === "network" ? "net" : type}`]) {
      const refused = await attempt(bundle, ["true"], (spec) => {
        spec.linux.namespaces = spec.linux.namespaces?.filter((one) => one.type !== type);
        if (path) spec.linux.namespaces?.push({ type, path });
        spec.linux.sysctl = { [name]: readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim() };
      });
      expectRefused(refused, `${name} ${path}`, words);
    }
  const own = await attempt(bundle, ["cat", "/proc/sys/kernel/domainname", "/proc/sys/net/ipv4/ip_default_ttl"], (spec) => {
    spec.linux.sysctl = { "kernel.domainname": "of.its.own", "net/ipv4/ip_default_ttl": "77" };
  });
  expect([own.code, own.stdout]).toEqual([0, "of.its.own\n77\n"]);
});
