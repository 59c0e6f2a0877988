/** `hoy runtime` on the compiled binary: the lifecycle, and what a bundle's config.json asks for as a process inside finds it. */
import { expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../harness/build.ts";
import { eachBundle, type TestBundle, testBundle } from "../harness/bundle.ts";
import { hoy } from "../harness/hoy.ts";
import { ROOT, ROOTLESS } from "../harness/people.ts";
import { requires } from "../harness/requires.ts";
import { type ProbeQuestions, probeArgs, type Report, readReport } from "../probe/probe.ts";

const both = eachBundle([ROOT, ROOTLESS]);
const root = eachBundle([ROOT]);

type Edit = Parameters<TestBundle["configure"]>[1];

/** The probe's report from a container of this spec. */
async function probe(bundle: TestBundle, edit: Edit, questions: ProbeQuestions = { calls: [] }): Promise<Report> {
  bundle.configure(["/probe", ...probeArgs(questions)], edit);
  return readReport(await bundle.ok(["run", "c"]), questions);
}

/** Waits until `done`, for what happens in another process. */
async function until(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await done()); await Bun.sleep(10))
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`);
}

both("create, start, exec, kill, delete: each state as the specification names it", async (bundle) => {
  bundle.configure(["sh", "-c", "echo started > /tmp/mark; exec sleep 1000"], (spec) => {
    spec.annotations = { "a.b": "c" };
  });
  const pidFile = join(bundle.dir, "pid");
  await bundle.ok(["create", "--pid-file", pidFile, "c"]);
  const created = await bundle.state("c");
  expect([created.status, created.pid, created.annotations]).toEqual(["created", Number(readFileSync(pidFile, "utf8")), { "a.b": "c" }]);
  expect(existsSync(join(bundle.rootfs, "tmp/mark"))).toBe(false);
  await bundle.ok(["start", "c"]);
  await until(() => existsSync(join(bundle.rootfs, "tmp/mark")), "the program runs");
  expect((await bundle.state("c")).status).toBe("running");
  expect(await bundle.ok(["exec", "c", "cat", "/tmp/mark"])).toBe("started");
  expect((await bundle.runtime(["exec", "c", "sh", "-c", "exit 7"])).code).toBe(7);
  expect(await bundle.ok(["list", "-q"])).toBe("c");
  expect((await bundle.ok(["list"])).split("\n")[1]?.split(/\s+/).slice(0, 4)).toEqual(["c", String(created.pid), "running", bundle.path]);
  for (const [args, message] of [
    [["start", "c"], "cannot start an already running container"],
    [["delete", "c"], "cannot delete container c that is not stopped: running"],
    [["create", "c"], "container with given ID already exists"],
  ] as const) {
    const { code, stderr } = await bundle.runtime(args);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`level=error msg="${message}"`)]);
  }
  await bundle.ok(["kill", "c", "KILL"]);
  await until(async () => (await bundle.state("c")).status === "stopped", "the container has ended");
  expect((await bundle.runtime(["kill", "c", "TERM"])).stderr).toContain("container not running");
  expect((await bundle.runtime(["exec", "c", "true"])).code).toBe(255);
  await bundle.ok(["delete", "c"]);
  expect((await bundle.runtime(["state", "c"])).stderr).toContain('msg="container does not exist"');
  expect(await bundle.ok(["delete", "--force", "c"])).toBe("");
});

both("run: streams, exit code, and nothing is left", async (bundle) => {
  bundle.configure(["sh", "-c", "cat; echo err >&2; exit 3"]);
  expect(await bundle.runtime(["run", "c"], { input: "typed\n" })).toEqual({ code: 3, stdout: "typed\n", stderr: "err\n" });
  bundle.configure(["sh", "-c", "kill -9 $$"], (spec) => {
    spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== "pid");
    spec.mounts = spec.mounts?.map((mount) =>
      mount.type === "proc" && bundle.user ? { ...mount, type: "bind", source: "/proc", options: ["rbind"] } : mount,
    );
  });
  if (!bundle.user) expect((await bundle.runtime(["run", "c"])).code).toBe(137);
  expect(await bundle.ok(["list", "-q"])).toBe("");
});

both("a program that is missing or may not run is create's error, and leaves nothing", async (bundle) => {
  writeFileSync(join(bundle.rootfs, "tmp/text"), "no program", { mode: 0o644 });
  for (const [program, why] of [
    ["nope", 'exec: \\"nope\\": executable file not found in $PATH'],
    ["/nope", 'exec: \\"/nope\\": stat /nope: no such file or directory'],
    ["/tmp/text", 'exec: \\"/tmp/text\\": permission denied'],
  ] as const) {
    bundle.configure([program]);
    for (const verb of ["create", "run"]) {
      const { code, stderr } = await bundle.runtime([verb, "c"]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
      expect(await bundle.ok(["list", "-q"])).toBe("");
    }
  }
});

root("what the kernel refuses at the start is start's error", async (bundle) => {
  writeFileSync(join(bundle.rootfs, "tmp/script"), "#!/no/such/interpreter\n", { mode: 0o755 });
  bundle.configure(["/tmp/script"]);
  await bundle.ok(["create", "c"]);
  const { code, stderr } = await bundle.runtime(["start", "c"]);
  expect([code, stderr]).toEqual([1, expect.stringContaining("no such file or directory")]);
  await until(async () => (await bundle.state("c")).status === "stopped", "the container has ended");
  await bundle.ok(["delete", "c"]);
});

both("hooks of all six kinds, in their order and namespaces, with the state on standard input", async (bundle) => {
  const script = join(bundle.dir, "hook.sh");
  const text = '#!/bin/sh\n{ echo "$1 $(cat) $(if [ -e /probe ]; then echo inside; else echo outside; fi) $X"; } >> $2\n';
  writeFileSync(script, text, { mode: 0o755 });
  writeFileSync(join(bundle.rootfs, "hook.sh"), text, { mode: 0o755 });
  const [log, inner] = [join(bundle.dir, "hooks.log"), join(bundle.rootfs, "tmp/hooks.log")];
  for (const path of [log, inner]) {
    writeFileSync(path, "");
    chmodSync(path, 0o666);
  }
  const outside = (name: string) => [{ path: script, args: ["hook.sh", name, log], env: ["PATH=/usr/bin:/bin", `X=${name}`] }];
  bundle.configure(["true"], (spec) => {
    spec.hooks = {
      prestart: outside("prestart"),
      createRuntime: outside("createRuntime"),
      createContainer: outside("createContainer"),
      startContainer: [{ path: "/hook.sh", args: ["hook.sh", "startContainer", "/tmp/hooks.log"], env: ["PATH=/bin", "X=in"] }],
      poststart: outside("poststart"),
      poststop: outside("poststop"),
    };
  });
  await bundle.ok(["run", "c"]);
  const lines = (path: string) => readFileSync(path, "utf8").trim().split("\n");
  const parsed = lines(log).map((line) => /^(\S+) (\{.*\}) (\S+) (\S+)$/.exec(line)?.slice(1) ?? []);
  expect(parsed.map(([name, , where, x]) => [name, where, x])).toEqual(
    ["prestart", "createRuntime", "createContainer", "poststart", "poststop"].map((name) => [name, "outside", name]),
  );
  const states = parsed.map(([, state = "{}"]) => JSON.parse(state));
  expect(states.map(({ status }) => status)).toEqual(["creating", "creating", "creating", "running", "stopped"]);
  expect(states.every(({ id, bundle: path, ociVersion }) => id === "c" && path === bundle.path && ociVersion.startsWith("1."))).toBe(true);
  expect(lines(inner)[0]).toMatch(/^startContainer \{"ociVersion":"1\.\S+","id":"c","status":"created","pid":\d+,.*\} inside in$/);
});

both("a hook that fails or hangs undoes the creation", async (bundle) => {
  const hook = (script: string) => ({ path: "/bin/sh", args: ["sh", "-c", script], timeout: 1 });
  for (const [name, script, why] of [
    ["prestart", "echo no >&2; exit 3", "error running prestart hook #0: exit status 3, stdout: , stderr: no"],
    ["createRuntime", "sleep 100", "error running createRuntime hook #0: hook ran past specified timeout of 1s"],
    ["createContainer", "sleep 100", "error running createContainer hook #0: hook ran past specified timeout of 1s"],
    ["startContainer", "exit 4", "error running startContainer hook #0: exit status 4"],
  ] as const) {
    bundle.configure(["true"], (spec) => {
      spec.hooks = { [name]: [hook(script)] };
    });
    const { code, stderr } = await bundle.runtime(["run", "c"]);
    expect([name, code, stderr]).toEqual([name, 1, expect.stringContaining(why)]);
    expect(await bundle.ok(["list", "-q"])).toBe("");
  }
});

root("a root file system on a shared mount: nothing that is mounted in it is seen outside", async (bundle) => {
  // as all mounts are where systemd runs
  const mount = (...args: string[]) => expect([args, Bun.spawnSync(["mount", ...args]).exitCode]).toEqual([args, 0]);
  mount("--bind", bundle.rootfs, bundle.rootfs);
  try {
    mount("--make-shared", bundle.rootfs);
    const before = readFileSync("/proc/self/mountinfo", "utf8");
    for (const propagation of [undefined, "rslave", "rprivate"] as const) {
      bundle.configure(["sleep", "60"], (spec) => {
        if (propagation) spec.linux.rootfsPropagation = propagation;
      });
      await bundle.ok(["run", "-d", "c"]);
      expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(before);
      await bundle.ok(["delete", "-f", "c"]);
    }
  } finally {
    Bun.spawnSync(["umount", bundle.rootfs]);
  }
});

root("an ambient capability that is not inheritable is none, as with runc", async (bundle) => {
  const caps = ["CAP_NET_BIND_SERVICE", "CAP_KILL"];
  const { capabilities } = await probe(bundle, (spec) => {
    spec.process.capabilities = { bounding: caps, effective: caps, permitted: caps, ambient: caps };
  });
  expect([capabilities.ambient, capabilities.effective]).toEqual([0n, (1n << 10n) | (1n << 5n)]);
});

root("the process: ids, groups, umask, capabilities in five sets, limits, no_new_privs, scheduling", async (bundle) => {
  const caps = ["CAP_NET_BIND_SERVICE", "CAP_KILL"];
  const report = await probe(bundle, (spec) => {
    spec.process.user = { uid: 1000, gid: 1001, additionalGids: [5, 6], umask: 0o27 };
    spec.process.capabilities = { bounding: caps, effective: caps, permitted: caps, inheritable: caps, ambient: caps };
    spec.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 77, hard: 88 }];
    spec.process.noNewPrivileges = true;
    spec.hostname = "name";
  });
  const mask = (1n << 10n) | (1n << 5n);
  expect(report.capabilities).toEqual({ inheritable: mask, permitted: mask, effective: mask, bounding: mask, ambient: mask });
  expect([report.uids[0], report.gids[0], report.groups, report.noNewPrivileges]).toEqual([1000, 1001, [5, 6], true]);
  expect(report.limits["Max open files"]).toEqual(["77", "88"]);
  expect(report.hostname).toBe("name");
  bundle.configure(
    ["sh", "-c", "umask; cut -d' ' -f41 /proc/$$/stat; ionice -p $$; cat /proc/sys/kernel/domainname; cat /proc/self/personality"],
    (spec) => {
      spec.process.user = { uid: 0, gid: 0, umask: 0o27 };
      spec.domainname = "domain";
      spec.process.scheduler = { policy: "SCHED_BATCH", nice: 5 };
      spec.process.ioPriority = { class: "IOPRIO_CLASS_IDLE", priority: 0 };
      spec.linux.personality = { domain: "LINUX32" };
    },
  );
  const [umask, policy, io, domain, personality] = (await bundle.ok(["run", "c"])).split("\n");
  expect([umask, policy, io, domain]).toEqual(["0027", "3", "idle", "domain"]);
  expect(personality).toBe("00000008");
});

root("namespaces: joined by path, a user namespace with its maps, time offsets", async (bundle) => {
  bundle.configure(["sleep", "1000"]);
  await bundle.ok(["run", "-d", "first"]);
  const { pid } = await bundle.state("first");
  const link = (kind: string, of: number | string) => readlink(`/proc/${of}/ns/${kind}`);
  bundle.configure(["sh", "-c", "readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts"], (spec) => {
    spec.linux.cgroupsPath += "2";
    spec.linux.namespaces = [
      { type: "mount" },
      { type: "uts" },
      { type: "network", path: `/proc/${pid}/ns/net` },
      { type: "ipc", path: `/proc/${pid}/ns/ipc` },
      { type: "pid" },
    ];
    spec.hostname = "second";
  });
  const [net, ipc, uts] = (await bundle.ok(["run", "second"])).split("\n");
  expect([net, ipc]).toEqual([link("net", pid), link("ipc", pid)]);
  expect([link("uts", pid), link("uts", "self")]).not.toContain(uts);
  const withTime = existsSync("/proc/self/ns/time");
  const offset = 86_400 * 365;
  bundle.configure(["sh", "-c", "cat /proc/self/uid_map; cut -d. -f1 /proc/uptime; id -u; echo x > /dev/null && echo written"], (spec) => {
    spec.linux.cgroupsPath += "3";
    spec.linux.namespaces?.push({ type: "user" });
    spec.linux.uidMappings = [{ containerID: 0, hostID: 200_000, size: 1000 }];
    spec.linux.gidMappings = [{ containerID: 0, hostID: 200_000, size: 1000 }];
    if (!withTime) return;
    spec.linux.namespaces?.push({ type: "time" });
    spec.linux.timeOffsets = { boottime: { secs: offset } };
  });
  const [map, uptime, uid, written] = (await bundle.ok(["run", "third"])).split("\n");
  expect([map?.trim().split(/\s+/), uid, written]).toEqual([["0", "200000", "1000"], "0", "written"]);
  if (withTime) expect(Number(uptime)).toBeGreaterThan(offset);
});

const readlink = (path: string): string => Bun.spawnSync(["readlink", path]).stdout.toString().trim();

root("mounts, masked and read-only paths, sysctls, devices, seccomp", async (bundle) => {
  const source = join(bundle.dir, "source");
  mkdirSync(source);
  writeFileSync(join(source, "file"), "content\n");
  mkdirSync(join(bundle.rootfs, "secret"));
  writeFileSync(join(bundle.rootfs, "secret/key"), "k");
  writeFileSync(join(bundle.rootfs, "secret.txt"), "k");
  const script = [
    "cat /data/file",
    "touch /data/new 2>/dev/null || echo read-only",
    "ls /secret | wc -l",
    "wc -c < /secret.txt",
    "touch /etc/x 2>/dev/null || echo no-etc",
    "cat /proc/sys/net/ipv4/ip_forward",
    "ls -l /dev/mine | cut -c1-10",
    "mkdir /tmp/dir 2>&1 | grep -o 'Function not implemented'",
  ].join("; ");
  bundle.configure(["sh", "-c", script], (spec) => {
    spec.mounts?.push({ destination: "/data", type: "bind", source, options: ["rbind", "ro"] });
    spec.linux.maskedPaths = ["/secret", "/secret.txt", "/no/such"];
    spec.linux.readonlyPaths = ["/etc", "/no/such"];
    spec.linux.sysctl = { "net.ipv4.ip_forward": "1" };
    spec.linux.devices = [{ path: "/dev/mine", type: "c", major: 1, minor: 3, fileMode: 0o640 }];
    spec.linux.seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
    };
  });
  expect((await bundle.ok(["run", "c"])).split("\n")).toEqual([
    "content",
    "read-only",
    "0",
    "0",
    "no-etc",
    "1",
    "crw-r-----",
    "Function not implemented",
  ]);
});

eachBundle(
  [ROOT],
  "memory-cgroup",
  "pids-cgroup",
)("limits, pause, resume, and the processes of a container", async (bundle) => {
  bundle.configure(["sleep", "1000"], (spec) => {
    spec.linux.resources = { ...spec.linux.resources, memory: { limit: 64 << 20 }, pids: { limit: 33 } };
  });
  await bundle.ok(["run", "-d", "c"]);
  const files =
    "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max 2>/dev/null";
  expect((await bundle.runtime(["exec", "c", "sh", "-c", files])).stdout).toBe(`${64 << 20}\n33\n`);
  await bundle.ok(["pause", "c"]);
  expect((await bundle.state("c")).status).toBe("paused");
  expect((await bundle.runtime(["exec", "c", "true"])).stderr).toContain("cannot exec in a paused container");
  await bundle.ok(["resume", "c"]);
  expect((await bundle.state("c")).status).toBe("running");
  const second = join(bundle.dir, "second");
  await bundle.ok(["exec", "-d", "--pid-file", second, "c", "sleep", "500"]);
  const pids = [(await bundle.state("c")).pid, Number(readFileSync(second, "utf8"))];
  expect(JSON.parse(await bundle.ok(["ps", "--format", "json", "c"])).sort()).toEqual(pids.sort());
  await bundle.ok(["kill", "--all", "c", "KILL"]);
  await until(async () => (await bundle.state("c")).status === "stopped", "all are dead");
});

both("exec: user, folder, variables, a process file, descriptors", async (bundle) => {
  bundle.configure(["sleep", "1000"]);
  await bundle.ok(["run", "-d", "c"]);
  expect(await bundle.ok(["exec", "--cwd", "/tmp", "-e", "A=b", "c", "sh", "-c", "pwd; echo $A; ls /proc/self/fd | wc -l"])).toBe(
    "/tmp\nb\n4",
  );
  const file = join(bundle.dir, "process.json");
  writeFileSync(
    file,
    JSON.stringify({
      args: ["sh", "-c", "echo $B; grep -E '^Cap(Inh|Eff)' /proc/self/status"],
      cwd: "/",
      env: ["PATH=/bin", "B=c"],
      user: { uid: 0, gid: 0 },
    }),
  );
  expect((await bundle.ok(["exec", "--process", file, "c"])).replaceAll("\t", " ")).toBe(
    "c\nCapInh: 0000000000000000\nCapEff: 0000000000000000",
  );
  if (!bundle.user)
    expect(await bundle.ok(["exec", "-u", "1000:1001", "-g", "7", "c", "id"])).toStartWith("uid=1000(alice) gid=1001 groups=");
});

root("--preserve-fds passes descriptors on, and nothing else is open", async (bundle) => {
  bundle.configure(["sh", "-c", "cat <&3; ls /proc/self/fd"]);
  writeFileSync(join(bundle.dir, "given"), "from outside\n");
  const command = `exec 3< ${bundle.dir}/given 4< /dev/null; exec ${dist()} runtime --root ${bundle.dir}/state run --preserve-fds 1 c`;
  const run = Bun.spawnSync(["sh", "-c", command], { cwd: bundle.path, stdin: "ignore" });
  expect([run.stdout.toString(), run.stderr.toString(), run.exitCode]).toEqual(["from outside\n0\n1\n2\n3\n4\n", "", 0]);
});

eachBundle([ROOT], "python3")("--console-socket gets the terminal's master", async (bundle) => {
  bundle.configure(["sh", "-c", "tty; stty size; read line; echo got $line"], (spec) => {
    spec.process.terminal = true;
    spec.process.consoleSize = { height: 33, width: 111 };
  });
  expect((await bundle.runtime(["create", "c"])).stderr).toContain("without setting console socket");
  const script = `
import os, socket, subprocess, sys
server = socket.socket(socket.AF_UNIX)
server.bind("console.sock")
server.listen(1)
runtime = sys.argv[1:]
create = subprocess.Popen(runtime + ["create", "--console-socket", "console.sock", "c"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
# as containerd: waits for the end of what create writes before it looks at the socket
assert create.communicate(timeout=20) == (b"", None)
assert create.returncode == 0
connection, _ = server.accept()
_, [master], _, _ = socket.recv_fds(connection, 100, 1)
assert subprocess.call(runtime + ["start", "c"]) == 0
os.write(master, b"line\\n")
out = b""
try:
    while True:
        out += os.read(master, 1000)
except OSError:
    pass
print(out.decode().replace("\\r", ""))`;
  const run = Bun.spawnSync(["python3", "-c", script, dist(), "runtime", "--root", join(bundle.dir, "state")], { cwd: bundle.path });
  expect(run.stderr.toString()).toBe("");
  const text = run.stdout.toString();
  for (const part of ["/dev/pts/0", "33 111", "got line"]) expect(text).toContain(part);
});

both("killed at any moment, create leaves no process, and the next one of that name works", async (bundle) => {
  bundle.configure(["sleep", "1000"]);
  for (let round = 0; round < 15; round++) {
    const child = Bun.spawn(
      ["timeout", "-s", "KILL", String((8 + round * 2) / 1000), dist(), "runtime", "--root", join(bundle.dir, "state"), "create", "c"],
      {
        cwd: bundle.path,
        ...(bundle.user ? { uid: bundle.user.uid, gid: bundle.user.gid } : {}),
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    await child.exited;
    const { code } = await bundle.runtime(["create", "c"]);
    if (code !== 0) expect((await bundle.state("c")).status).toBe("created");
    await bundle.ok(["delete", "--force", "c"]);
  }
});

both("create and delete, a hundred times: nothing is left", async (bundle) => {
  bundle.configure(["true"]);
  // a hundred where the machine is not an emulated one
  for (let round = 0, end = Date.now() + 40_000; round < 100 && Date.now() < end; round++) {
    await bundle.ok(["create", "c"]);
    if (round % 2) await bundle.ok(["start", "c"]);
    await bundle.ok(["delete", "--force", "c"]);
  }
  expect(await bundle.ok(["list", "-q"])).toBe("");
});

requires()("through a link named runc it is runc; errors go to the log too", async () => {
  await using bundle = await testBundle();
  symlinkSync(dist(), join(bundle.dir, "runc"));
  const log = join(bundle.dir, "log.json");
  const run = Bun.spawnSync([
    join(bundle.dir, "runc"),
    "--root",
    join(bundle.dir, "state"),
    "--log",
    log,
    "--log-format",
    "json",
    "state",
    "no",
  ]);
  expect([run.exitCode, run.stderr.toString()]).toEqual([1, "container does not exist\n"]);
  expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({ level: "error", msg: "container does not exist" });
  const version = Bun.spawnSync([join(bundle.dir, "runc"), "--version"]).stdout.toString();
  expect(version).toStartWith("runc version ");
  const { stdout } = await hoy(["runtime", "--help"]);
  for (const verb of ["create", "start", "run", "delete", "features"]) expect(stdout).toContain(`  ${verb} `);
  const offered = async (...words: string[]) =>
    (await hoy(["__complete", "--", "runtime", "--root", join(bundle.dir, "state"), ...words])).stdout
      .split("\n")
      .map((line) => line.split("\t")[0]);
  expect(await offered("de")).toEqual(["delete", ""]);
  expect(await offered("run", "--cons")).toEqual(["--console-socket", ""]);
  expect(await offered("kill", "c", "TE")).toEqual(["TERM", ""]);
  const features = JSON.parse(await bundle.ok(["features"]));
  expect([features.ociVersionMin, features.linux.seccomp.actions.includes("SCMP_ACT_NOTIFY")]).toEqual(["1.0.0", true]);
  expect(features.mountOptions).toContain("rro");
});

requires("no-apparmor")("a profile where the kernel has no AppArmor is an error that names it, no profile is none", async () => {
  await using bundle = await testBundle();
  const run = async (profile: string) => {
    bundle.configure(["true"], ({ process }) => void (process.apparmorProfile = profile));
    return await bundle.runtime(["run", "c"]);
  };
  const { code, stderr } = await run("docker-default");
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining("the AppArmor profile docker-default cannot be applied: this kernel runs without"),
  ]);
  for (const profile of ["", "unconfined"]) expect([profile, (await run(profile)).code]).toEqual([profile, 0]);
});

requires("no-resctrl")("linux.intelRdt without resctrl is an error that says what is missing", async () => {
  await using bundle = await testBundle();
  bundle.configure(["true"], ({ linux }) => void (linux.intelRdt = { l3CacheSchema: "L3:0=f" }));
  const { code, stderr } = await bundle.runtime(["run", "c"]);
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/linux\.intelRdt: (neither this kernel nor this CPU has resctrl|resctrl is not mounted)/),
  ]);
});

requires()("what is wrong in config.json is an error that names it", async () => {
  await using bundle = await testBundle();
  writeFileSync(join(bundle.path, "config.json"), '{"ociVersion": "1.0.0", "process": {"cwd": "x"}}');
  expect((await bundle.runtime(["run", "c"])).stderr).toContain("process.cwd: must be an absolute path");
});
