/** `hoy runtime` on the compiled binary: what config.json can ask for beyond the usual. */
import { expect } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Outcome, spawnHoy } from "../harness/hoy.ts";
import { Notifier, refuseCall } from "../harness/notifier.ts";
import { type FullSpec, OciBundle } from "../harness/oci.ts";
import { requires } from "../harness/requires.ts";

const root = requires("root", "namespaces", "busybox");

/** A folder with a bit of everything at `path` of the root file system. */
function fill(bundle: OciBundle, path: string): void {
  const folder = join(bundle.rootfs, path);
  mkdirSync(join(folder, "below"), { recursive: true });
  writeFileSync(join(folder, "file"), "content\n");
  writeFileSync(join(folder, "below/deep"), "deeper\n");
  symlinkSync("/etc/passwd", join(folder, "link"));
  Bun.spawnSync(["mknod", join(folder, "null"), "c", "1", "3"]);
  chownSync(join(folder, "file"), 1000, 2000);
  chmodSync(join(folder, "file"), 0o4755);
  utimesSync(join(folder, "file"), 1_000_000, 1_000_000);
  chownSync(folder, 3, 4);
  chmodSync(folder, 0o2755);
}

const LIST =
  "cd /data; stat -c '%n %F %a %u:%g' . * below/*; stat -c %Y file; cat file below/deep; readlink link; grep ' /data ' /proc/mounts";

root("tmpcopyup: the tmpfs begins with the content, links, modes, owners, times and devices of what it hides", async () => {
  await using bundle = new OciBundle();
  fill(bundle, "data");
  const run = (...options: string[]) => {
    bundle.configure(["sh", "-c", LIST], ({ mounts, process }) => {
      mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "nodev", ...options] });
      process.user = { uid: 0, gid: 0 };
    });
    return bundle.ok(["run", "c"]);
  };
  const lines = (await run("ro", "size=1m")).split("\n");
  expect(lines.slice(0, -1)).toEqual([
    ". directory 2755 3:4",
    "below directory 755 0:0",
    "file regular file 4755 1000:2000",
    "link symbolic link 777 0:0",
    "null character special file 644 0:0",
    "below/deep regular file 644 0:0",
    "1000000",
    "content",
    "deeper",
    "/etc/passwd",
  ]);
  expect(lines.at(-1)).toMatch(/^tmpfs \/data tmpfs ro,nodev,.*size=1024k/);
  expect((await run("mode=1777", "uid=7")).split("\n")[0]).toBe(". directory 1777 7:4");
});

root("tmpcopyup: in a user namespace the owners stay, an option's id counts inside", async () => {
  await using bundle = new OciBundle();
  fill(bundle, "data");
  for (const path of ["data", "data/below", "data/below/deep", "data/file"]) chownSync(join(bundle.rootfs, path), 200_001, 200_002);
  bundle.configure(["sh", "-c", "stat -c '%n %u:%g' /data /data/file; cat /data/below/deep; echo new > /data/new"], ({ mounts, linux }) => {
    mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "gid=5", "mode=777"] });
    linux.namespaces?.push({ type: "user" });
    linux.uidMappings = [{ containerID: 0, hostID: 200_000, size: 1000 }];
    linux.gidMappings = [{ containerID: 0, hostID: 200_000, size: 1000 }];
  });
  Bun.spawnSync(["chown", "-R", "--no-dereference", "200000:200000", ...["dev", "proc", "sys"].map((name) => join(bundle.rootfs, name))]);
  expect(await bundle.ok(["run", "c"])).toBe("/data 1:5\n/data/file 1:2\ndeeper");
});

root("tmpcopyup: no link leads out of the root file system; what is not there is empty; nothing but a tmpfs takes it", async () => {
  await using bundle = new OciBundle();
  symlinkSync("../../../../../../../etc", join(bundle.rootfs, "out"));
  const run = (destination: string, type: string, ...args: string[]) => {
    bundle.configure(args, ({ mounts }) => mounts.push({ destination, type, source: type, options: ["tmpcopyup"] }));
    return bundle.runtime(["run", "c"]);
  };
  const names = await run("/out", "tmpfs", "sh", "-c", "cat /etc/passwd | wc -l; ls /etc/hostname");
  expect(names.stdout).toBe("3\n");
  expect(await run("/new/place", "tmpfs", "ls", "-A", "/new/place")).toEqual({ code: 0, stdout: "", stderr: "" });
  const wrong = await run("/sys2", "sysfs", "true");
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("the mount on /sys2 is no tmpfs")]);
});

const limited = requires("root", "namespaces", "busybox", "cgroup-v1", "memory-cgroup", "cpu-cgroup", "pids-cgroup");

limited("update: limits are raised, lowered and lifted; what is refused changes nothing", async () => {
  await using bundle = new OciBundle();
  const read = (controller: string, file: string) => readFileSync(`/sys/fs/cgroup/${controller}/${bundle.group}/c/${file}`, "utf8").trim();
  const memory = () => ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"].map((file) => Number(read("memory", file)) >> 20);
  bundle.configure(["sleep", "1000"], ({ linux }) => {
    linux.resources = { ...linux.resources, memory: { limit: 64 << 20, swap: 64 << 20 } };
  });
  bundle.start("c");
  const update = (...flags: string[]) => bundle.ok(["update", ...flags, "c"]);
  await update("--memory", "128m", "--memory-swap", "256m");
  expect(memory()).toEqual([128, 256]);
  await update("--memory", "32m", "--memory-swap", "48m");
  expect(memory()).toEqual([32, 48]);
  await update("--cpu-share", "200", "--cpu-period", "50000", "--cpu-quota", "20000", "--pids-limit", "7");
  expect([read("cpu", "cpu.shares"), read("cpu", "cpu.cfs_period_us"), read("cpu", "cpu.cfs_quota_us"), read("pids", "pids.max")]).toEqual([
    "200",
    "50000",
    "20000",
    "7",
  ]);
  const wrong = await bundle.runtime(["update", "--pids-limit", "9", "--cpu-period", "5", "c"]);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("cannot limit CPU time")]);
  expect([read("pids", "pids.max"), read("cpu", "cpu.cfs_quota_us")]).toEqual(["7", "20000"]);
  const resources = { memory: { limit: -1 }, cpu: { quota: -1 }, pids: { limit: -1 } };
  await bundle.ok(["update", "-r", "-", "c"], { input: JSON.stringify(resources) });
  expect([read("pids", "pids.max"), read("cpu", "cpu.cfs_quota_us")]).toEqual(["max", "-1"]);
  expect(Number(read("memory", "memory.memsw.limit_in_bytes"))).toBeGreaterThan(2 ** 50);
  expect(JSON.parse(readFileSync(join(bundle.state, "c/config.json"), "utf8")).linux.resources).toMatchObject({
    memory: { limit: -1, swap: -1 },
    cpu: { shares: 200, quota: -1, period: 50_000 },
    pids: { limit: -1 },
  });
  await bundle.ok(["kill", "c", "KILL"]);
  expect((await bundle.runtime(["update", "--pids-limit", "9", "gone"])).stderr).toContain("container does not exist");
});

limited("events: counters as runc names them, and the end of memory", async () => {
  await using bundle = new OciBundle();
  bundle.configure(["sleep", "1000"], ({ linux }) => {
    linux.resources = { ...linux.resources, memory: { limit: 16 << 20, swap: 16 << 20 }, pids: { limit: 20 } };
  });
  bundle.start("c");
  const { type, id, data } = JSON.parse(await bundle.ok(["events", "--stats", "c"]));
  expect([type, id, data.pids.limit, data.memory.usage.limit, data.cpuset.cpus.length > 0]).toEqual(["stats", "c", 20, 16 << 20, true]);
  expect(data.cpu.usage.total).toBeGreaterThan(0);
  expect(data.memory.raw).toHaveProperty("rss");
  const watcher = spawnHoy(["runtime", "--root", bundle.state, "events", "--interval", "100ms", "c"]);
  const seen = new Set<string>();
  let text = "";
  let starved = false;
  for await (const chunk of watcher.stdout) {
    text += Buffer.from(chunk).toString();
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) seen.add(JSON.parse(line).type);
    // it watches by now
    if (seen.has("stats") && !starved) {
      starved = true;
      await bundle.runtime(["exec", "c", "sh", "-c", "head -c 100m /dev/zero | tail > /dev/null"]);
    }
    if (seen.has("oom")) await bundle.runtime(["kill", "c", "KILL"]);
  }
  expect([await watcher.exited, [...seen].sort()]).toEqual([0, ["oom", "stats"]]);
  expect((await bundle.runtime(["events", "--stats", "c"])).stderr).toContain("container with id c is not running");
});

const ENOSPC = 28;

/** mkdir is answered from outside. */
const notifying = (path: string, names = ["mkdir", "mkdirat"]): NonNullable<FullSpec["linux"]["seccomp"]> => ({
  defaultAction: "SCMP_ACT_ALLOW",
  listenerPath: path,
  listenerMetadata: "told",
  syscalls: [{ names, action: "SCMP_ACT_NOTIFY" }],
});

for (const noNewPrivileges of [false, true])
  root(`seccomp listener: run, start and exec hand the filter's descriptor over (no_new_privs ${noNewPrivileges})`, async () => {
    await using bundle = new OciBundle();
    using notifier = new Notifier(join(bundle.dir, "agent.sock"));
    const configure = (args: readonly string[]) =>
      bundle.configure(args, ({ linux, process }) => {
        linux.seccomp = notifying(notifier.path);
        process.noNewPrivileges = noNewPrivileges;
      });
    const mkdir = ["sh", "-c", "mkdir /made 2>&1; ls /proc/self/fd | wc -l"];
    /** One process's call is refused; returns what was told of it. */
    const answer = async (ended: Promise<Outcome>) => {
      const { state, listener } = await notifier.accept();
      await refuseCall(listener, ENOSPC);
      listener.close();
      return [state, await ended];
    };
    const told = (status: string) => ({
      ociVersion: "1.3.0",
      fds: ["seccompFd"],
      pid: expect.any(Number),
      metadata: "told",
      state: { ociVersion: "1.3.0", id: "c", status, pid: expect.any(Number), bundle: bundle.dir },
    });
    const refused = { code: 0, stdout: "mkdir: can't create directory '/made': No space left on device\n4\n", stderr: "" };
    configure(mkdir);
    expect(await answer(bundle.runtime(["run", "c"]))).toEqual([told("created"), refused]);
    configure(["sh", "-c", "mkdir /early; echo $? > /result; exec sleep 1000"]);
    bundle.create("c");
    expect(await answer(bundle.runtime(["start", "c"]))).toEqual([told("created"), { code: 0, stdout: "", stderr: "" }]);
    expect(await answer(bundle.runtime(["exec", "c", ...mkdir]))).toEqual([told("running"), refused]);
    expect(readFileSync(join(bundle.rootfs, "result"), "utf8")).toBe("1\n");
  });

root("seccomp listener: what cannot work is refused", async () => {
  await using bundle = new OciBundle();
  const why = async (seccomp: FullSpec["linux"]["seccomp"]) => {
    bundle.configure(["true"], ({ linux }) => {
      linux.seccomp = seccomp;
    });
    return (await bundle.runtime(["run", "c"])).stderr;
  };
  const path = join(bundle.dir, "nobody.sock");
  expect(await why(notifying(path))).toContain("nobody listens on the seccomp listener's socket");
  expect(await why(notifying(path, ["sendmsg"]))).toContain("SCMP_ACT_NOTIFY cannot be used for sendmsg");
  expect(await why({ ...notifying(path), listenerPath: undefined, listenerMetadata: undefined })).toContain("needs listenerPath");
  expect(await why({ defaultAction: "SCMP_ACT_NOTIFY", listenerPath: path })).toContain("cannot be the default action");
  // not used, so not asked
  expect(await why({ defaultAction: "SCMP_ACT_ALLOW", listenerPath: path })).toBe("");
});

root("execCPUAffinity and memoryPolicy: where exec runs, and where memory comes from", async () => {
  await using bundle = new OciBundle();
  const numa = existsSync("/proc/self/numa_maps");
  bundle.configure(["sleep", "1000"], ({ linux, process }) => {
    process.execCPUAffinity = { initial: "0", final: "0" };
    if (numa) linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] };
  });
  bundle.start("c");
  const cpus = ["grep", "Cpus_allowed_list", "/proc/self/status"];
  expect(await bundle.ok(["exec", "c", ...cpus])).toBe("Cpus_allowed_list:\t0");
  // of exec alone
  const { pid } = JSON.parse(await bundle.ok(["state", "c"]));
  if (availableParallelism() > 1) expect(readFileSync(`/proc/${pid}/status`, "utf8")).not.toContain("Cpus_allowed_list:\t0\n");
  if (numa) {
    expect(readFileSync(`/proc/${pid}/numa_maps`, "utf8").split("\n")[0]).toContain("bind=static:0");
    expect(await bundle.ok(["exec", "c", "head", "-1", "/proc/self/numa_maps"])).toContain("bind=static:0");
  }
  for (const [edit, why] of [
    [{ memoryPolicy: { mode: "MPOL_NOTHING" } }, "linux.memoryPolicy.mode: unknown value MPOL_NOTHING"],
    [{ memoryPolicy: { mode: "MPOL_BIND", nodes: "x" } }, "linux.memoryPolicy.nodes"],
  ] as const) {
    bundle.configure(["true"], ({ linux }) => Object.assign(linux, edit));
    expect((await bundle.runtime(["run", "d"])).stderr).toContain(why);
  }
});

requires(
  "root",
  "namespaces",
  "busybox",
  "ip",
)("netDevices: an interface moves in with its addresses, and back when nothing comes of it", async () => {
  await using bundle = new OciBundle();
  const ip = (...args: string[]) => Bun.spawnSync(["ip", ...args]).stdout.toString();
  const name = `hx${process.pid % 100_000}`;
  const configure = (newName: string, ...args: string[]) =>
    bundle.configure(args, ({ linux }) => {
      linux.netDevices = { [name]: { name: newName } };
    });
  ip("link", "add", name, "type", "veth", "peer", "name", `${name}p`);
  try {
    ip("addr", "add", "198.51.100.7/25", "brd", "+", "dev", name);
    ip("addr", "add", "2001:db8::7/64", "dev", name, "nodad");
    ip("link", "set", name, "up");
    const hosts = ip("-brief", "addr", "show", name);
    configure("inner", "/no/such/program");
    expect((await bundle.runtime(["run", "c"])).stderr).toContain("no such file");
    const back = ip("-brief", "addr", "show", name);
    for (const part of ["198.51.100.7/25", "2001:db8::7/64"])
      expect([hosts, back]).toEqual([expect.stringContaining(part), expect.stringContaining(part)]);
    configure("lo", "true");
    expect((await bundle.runtime(["run", "c"])).stderr).toContain("has one named lo");
    configure("eth%d", "ip", "addr", "show", "dev", "eth0");
    const shown = await bundle.ok(["run", "c"]);
    expect(shown).toMatch(/eth0@\w+: <[A-Z,-]*\bUP\b/);
    expect(shown).toContain("inet 198.51.100.7/25 brd 198.51.100.127 scope global");
    expect(shown).toContain("inet6 2001:db8::7/64 scope global");
    expect(ip("link", "show", name)).toBe("");
    expect((await bundle.runtime(["run", "c"])).stderr).toContain(`the host has no interface ${name}`);
  } finally {
    ip("link", "delete", name);
  }
});

root("idmap: files show the mount's own owners, or those of the container's user namespace", async () => {
  await using bundle = new OciBundle();
  const source = join(bundle.dir, "source");
  mkdirSync(source);
  writeFileSync(join(source, "file"), "");
  chownSync(source, 0, 0);
  chownSync(join(source, "file"), 3, 4);
  const mappings = (hostID: number) => [{ containerID: 0, hostID, size: 1000 }];
  const mount = { destination: "/data", type: "bind", source, options: ["rbind", "idmap", "nosuid"] };
  const list = [
    "sh",
    "-c",
    "stat -c '%n %u:%g' /data /data/file; touch /data/new 2>/dev/null; grep -o ' /data .*nosuid' /proc/self/mountinfo",
  ];
  const own = { ...mount, uidMappings: mappings(5000), gidMappings: mappings(6000) };
  bundle.configure(list, ({ mounts }) => mounts.push(own));
  expect(await bundle.ok(["run", "c"])).toMatch(/^\/data 5000:6000\n\/data\/file 5003:6004\n \/data rw,nosuid$/);
  bundle.configure(list, ({ mounts, linux }) => {
    mounts.push({ ...mount, options: ["rbind", "ridmap", "nosuid", "ro"] });
    linux.namespaces?.push({ type: "user" });
    linux.uidMappings = mappings(200_000);
    linux.gidMappings = mappings(200_000);
  });
  expect(await bundle.ok(["run", "c"])).toMatch(/^\/data 0:0\n\/data\/file 3:4\n \/data ro,nosuid$/);
  for (const [wrong, why] of [
    [mount, "needs uidMappings and gidMappings, or a user namespace"],
    [{ ...own, gidMappings: [] }, "uidMappings and gidMappings go together"],
    [{ ...own, type: "tmpfs", source: "tmpfs", options: ["idmap"] }, "is no bind"],
  ] as const) {
    bundle.configure(["true"], ({ mounts }) => mounts.push(structuredClone(wrong) as FullSpec["mounts"][number]));
    expect((await bundle.runtime(["run", "c"])).stderr).toContain(why);
  }
});

root("a bind's source may lie where root of the container's user namespace cannot walk", async () => {
  await using bundle = new OciBundle();
  const closed = join(bundle.dir, "closed");
  mkdirSync(join(closed, "source"), { recursive: true });
  writeFileSync(join(closed, "source/file"), "content");
  chmodSync(closed, 0o700);
  bundle.configure(["cat", "/mnt/file", "/etc/one"], ({ mounts, linux }) => {
    mounts.push({ destination: "/mnt", type: "bind", source: join(closed, "source"), options: ["rbind", "rprivate", "ro"] });
    mounts.push({ destination: "/etc/one", type: "bind", source: join(closed, "source/file"), options: ["bind", "rslave"] });
    linux.namespaces?.push({ type: "user" });
    for (const maps of ["uidMappings", "gidMappings"] as const) linux[maps] = [{ containerID: 0, hostID: 200_000, size: 1000 }];
  });
  mkdirSync(join(bundle.rootfs, "mnt"));
  writeFileSync(join(bundle.rootfs, "etc/one"), "");
  expect(await bundle.ok(["run", "c"])).toBe("contentcontent");
});
