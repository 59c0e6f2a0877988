/**
 * Containers in scopes of systemd's (cgroup v2): those of `hoy run` and those of `hoy runtime --systemd-cgroup`. Where systemd is not
 * PID 1 they are skipped: `vm-run --systemd`, as root and with `--user NAME`, has it.
 */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../harness/build.ts";
import { type TestBundle, testBundle } from "../harness/bundle.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import { requires } from "../harness/requires.ts";
import { type TestStore, testStore } from "../harness/store.ts";
import { ordinaryUser } from "../harness/user.ts";
import { rows, unrest } from "./rest.ts";
import { runProbe } from "./run-probe.ts";

const asRoot = process.getuid?.() === 0;
const who = asRoot ? ROOT : ROOTLESS;
const run = each([who], "systemd", "busybox", "pids-cgroup", "memory-cgroup");

const SLICE = asRoot ? "system.slice" : "user.slice";
/** The cgroup of the manager. */
const BASE = asRoot ? "" : `/user.slice/user-${process.getuid?.()}.slice/user@${process.getuid?.()}.service`;

async function systemctl(...args: string[]): Promise<string> {
  const child = Bun.spawn(["systemctl", ...(asRoot ? [] : ["--user"]), "--no-pager", ...args], {
    env: { ...process.env, XDG_RUNTIME_DIR: `/run/user/${process.getuid?.()}` },
    stdin: "ignore",
    stderr: "inherit",
  });
  return (await new Response(child.stdout).text()).trim();
}

const properties = async (unit: string, ...names: string[]): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await systemctl("show", unit, ...names.map((name) => `--property=${name}`))).split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );

/** Units of this name that systemd still knows of, once it has looked at what ended. */
async function units(pattern: string): Promise<string> {
  let found = "";
  for (let tries = 0; tries < 40; tries++) {
    found = await systemctl("list-units", "--all", "--plain", "--no-legend", pattern);
    if (found === "") break;
    await Bun.sleep(50);
  }
  return found;
}

const pattern = (store: TestStore): string => `${store.paths.name}-*`;
const unitOf = (store: TestStore, id: string): string => `${store.paths.name}-${id}.scope`;
const folderOf = (unit: string, slice = `/${SLICE}`): string => `/sys/fs/cgroup${BASE}${slice}/${unit}`;
const flags = (store: TestStore): string[] => ["--network", "none", "--rootfs", store.rootfs];
const sleeper = (store: TestStore, name: string, ...more: string[]): Promise<string> =>
  store.ok(["run", "-d", "--name", name, ...more, ...flags(store), "sleep", "1000"]);
const value = (folder: string, file: string): string => readFileSync(join(folder, file), "utf8").trim();

run("a container lies in a scope, with its limits, and nothing of it stays", async (store) => {
  expect(await store.ok(["info", "-f", "{{.CgroupDriver}} {{.CgroupVersion}}"])).toBe("systemd 2");
  const limits = ["-m", "64m", "--pids-limit", "20", "--cpus", "0.5"];
  const { cgroup } = await runProbe(store, [...limits, "--cgroupns", "host"], { calls: [] });
  expect(cgroup.trim()).toMatch(new RegExp(`^0::${BASE}/${SLICE}/${store.paths.name}-[0-9a-f]{64}\\.scope/payload$`));
  const { cgroupLimits } = await runProbe(store, limits, { calls: [] });
  expect([cgroupLimits.memory, cgroupLimits.pids, cgroupLimits.cpu]).toEqual([String(64 << 20), "20", "50000 100000"]);
  expect(await units(pattern(store))).toBe("");
});

run("systemd knows of it: status, exec, update, and its limits outlast a reload", async (store) => {
  const id = await sleeper(store, "one", "-m", "64m");
  const unit = unitOf(store, id);
  expect(await properties(unit, "ActiveState", "Slice", "Delegate", "DefaultDependencies", "ControlGroup")).toEqual({
    ...{ ActiveState: "active", Slice: SLICE, Delegate: "yes", DefaultDependencies: "no" },
    ControlGroup: `${BASE}/${SLICE}/${unit}`,
  });
  expect(JSON.parse(readFileSync(join(store.root, "containers", id, "config.json"), "utf8")).linux.cgroupsPath).toBe(
    `${SLICE}:${store.paths.name}:${id}`,
  );
  const payload = join(folderOf(unit), "payload");
  const before = value(payload, "cgroup.procs");
  const child = store.spawn(["exec", "one", "sh", "-c", "echo up; sleep 100"]);
  await child.stdout.getReader().read();
  expect(value(payload, "cgroup.procs").split("\n").length).toBeGreaterThan(before.split("\n").length);
  await store.ok(["update", "-m", "96m", "--memory-swap", "-1", "--pids-limit", "30", "one"]);
  await systemctl("daemon-reload");
  expect([value(payload, "memory.max"), value(payload, "pids.max")]).toEqual([String(96 << 20), "30"]);
  await store.ok(["rm", "-f", "one"]);
  expect(await child.exited).toBe(137);
  expect(await units(pattern(store))).toBe("");
});

run("killed for want of memory: it is told, and the same scope can be started again", async (store) => {
  const hog = "x=0123456789abcdef; while true; do x=$x$x; done";
  const first = await store.hoy(["run", "--name", "hog", "-m", "24m", "--memory-swap", "24m", ...flags(store), "sh", "-c", hog]);
  expect(first.code).toBe(137);
  expect(await store.ok(["inspect", "-f", "{{.State.OOMKilled}}", "hog"])).toBe("true");
  expect((await store.hoy(["start", "-a", "hog"])).code).toBe(137);
  const id = await sleeper(store, "again");
  for (let round = 0; round < 2; round++) {
    await store.ok(["stop", "-t", "0", "again"]);
    await store.ok(["start", "again"]);
  }
  expect((await properties(unitOf(store, id), "ActiveState")).ActiveState).toBe("active");
});

run("systemctl stop ends it as a signal would, with its exit recorded", async (store) => {
  const program = ["sh", "-c", "trap 'exit 5' TERM; while true; do sleep 0.1; done"];
  const id = await store.ok(["run", "-d", "--name", "one", ...flags(store), ...program]);
  await systemctl("stop", unitOf(store, id));
  expect(await store.ok(["wait", "one"])).toBe("5");
  expect(await units(pattern(store))).toBe("");
});

run("a killed monitor takes the scope along; a killed hoy leaves none", async (store) => {
  const id = await sleeper(store, "one");
  const monitor = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${rowPid(store, id)}/status`, "utf8"))?.[1];
  process.kill(Number(monitor), "SIGKILL");
  for (let ms = 0; ms < 200; ms += 15) {
    const child = store.spawn(["run", "-d", "--rm", "--stop-signal", "KILL", ...flags(store), "sleep", "1"]);
    await Bun.sleep(ms);
    child.kill("SIGKILL");
    await child.exited;
  }
  for (const { id: other, state } of rows(store)) if (state === "running" && other !== id) await store.hoy(["rm", "-f", other]);
  expect(await unrest(store)).toEqual([]);
  expect(await units(pattern(store))).toBe("");
  expect(rows(store).find((row) => row.id === id)).toMatchObject({ state: "exited", exit_code: 137 });
});

const rowPid = (store: TestStore, id: string): string =>
  readFileSync(join(store.paths.run, "containers", id.slice(0, 12), "pid"), "utf8").trim();

run("--cgroup-parent names a slice, which stays with its own limits", async (store) => {
  const slice = `hoyt-${store.paths.name.slice(4)}.slice`;
  const path = `/hoyt.slice/${slice}`;
  const id = await sleeper(store, "one", "--cgroup-parent", slice, "-m", "64m");
  const unit = unitOf(store, id);
  expect(await properties(unit, "Slice", "ControlGroup")).toEqual({ Slice: slice, ControlGroup: `${BASE}${path}/${unit}` });
  expect(value(join(folderOf(unit, path), "payload"), "memory.max")).toBe(String(64 << 20));
  expect(await store.ok(["exec", "one", "cat", "/proc/self/cgroup"])).toBe("0::/");
  await store.ok(["rm", "-f", "one"]);
  expect(await units(pattern(store))).toBe("");
  await systemctl("stop", "hoyt.slice");
  const wrong = await store.hoy(["run", "--rm", "--cgroup-parent", "a--b.slice", ...flags(store), "true"]);
  expect([wrong.code, wrong.stderr]).toEqual([125, expect.stringContaining('"a--b.slice" is not the name of a slice of systemd')]);
});

/** In a mount namespace where systemd's private socket is none. */
async function overTheBus(): Promise<void> {
  await using store = await testStore();
  const hidden = async (...args: string[]): Promise<string> => {
    const script = 'mount --bind /dev/null /run/systemd/private && exec "$@"';
    const child = Bun.spawn(["unshare", "--mount", "sh", "-c", script, "sh", dist(), ...args], {
      env: cleanEnv({ ...store.env, HOY_ROOT: store.root }),
      stdin: "ignore",
      stderr: "inherit",
    });
    return (await new Response(child.stdout).text()).trim();
  };
  expect(await hidden("info", "-f", "{{.CgroupDriver}}")).toBe("systemd");
  expect(await hidden("run", "--rm", "--cgroupns", "host", ...flags(store), "cat", "/proc/self/cgroup")).toMatch(/\.scope\/payload$/);
  expect(await units(pattern(store))).toBe("");
}

if (asRoot) requires("systemd", "unshare", "dbus-daemon", "busybox")("over the bus, where there is no private socket", overTheBus);

async function loginSession(): Promise<void> {
  const user = ordinaryUser();
  const session = `/sys/fs/cgroup/user.slice/user-${user.uid}.slice/session-hoyt.scope`;
  const manager = `user@${user.uid}.service`;
  await systemctl("start", manager);
  // as pam_systemd makes it: root's
  mkdirSync(session);
  const home = readFileSync("/proc/self/cgroup", "utf8").trim().slice("0::".length);
  try {
    await using store = await testStore({ user });
    // what this process starts is born in the session
    writeFileSync(join(session, "cgroup.procs"), String(process.pid));
    const place = `/user.slice/user-${user.uid}.slice/${manager}/user.slice`;
    const { cgroup } = await runProbe(store, ["-m", "64m", "--pids-limit", "20", "--cpus", "0.5", "--cgroupns", "host"], { calls: [] });
    expect(cgroup.trim()).toMatch(new RegExp(`^0::${place}/${store.paths.name}-[0-9a-f]{64}\\.scope/payload$`));
    const id = await sleeper(store, "one", "-m", "64m");
    expect(value(`/sys/fs/cgroup${place}/${unitOf(store, id)}/payload`, "memory.max")).toBe(String(64 << 20));
    expect(await store.ok(["exec", "one", "cat", "/proc/self/cgroup"])).toBe("0::/");
    expect(readFileSync("/proc/self/cgroup", "utf8")).toContain("session-hoyt.scope");
    await store.ok(["update", "-m", "96m", "--memory-swap", "-1", "one"]);
    await store.ok(["rm", "-f", "one"]);
  } finally {
    writeFileSync(join("/sys/fs/cgroup", home, "cgroup.procs"), String(process.pid));
    await systemctl("stop", manager);
    for (let tries = 0; existsSync(session) && tries < 50; tries++, await Bun.sleep(20)) {
      try {
        rmdirSync(session);
      } catch {
        // the pause process is on its way out, or systemd has removed it
      }
    }
  }
}

// only root can put anybody into a session
if (asRoot)
  requires("systemd", "newuidmap", "busybox")("an ordinary user in a login session gets the limits of the user's manager", loginSession);

const runtime = (title: string, body: (bundle: TestBundle) => Promise<unknown>): void =>
  requires(
    ...who.needs,
    "systemd",
    "busybox",
    "pids-cgroup",
    "memory-cgroup",
  )(`runtime: ${title} (${who.title})`, async () => {
    await using bundle = await testBundle(who.user());
    await body(bundle);
  });

const SYSTEMD = "--systemd-cgroup";
let names = 0;
const newName = (): string => `c${process.pid}x${names++}`;

/** A container of this name that waits for its start, in `hoyt-own.slice`. */
async function create(bundle: TestBundle, name: string, edit: Parameters<TestBundle["configure"]>[1] = () => {}): Promise<string> {
  bundle.configure(["sleep", "1000"], (spec) => {
    spec.linux.cgroupsPath = `hoyt-own.slice:cri:${name}`;
    spec.linux.resources = {
      ...spec.linux.resources,
      memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20 },
      cpu: { shares: 1024, quota: 50_000, period: 100_000 },
      pids: { limit: 20 },
    };
    edit?.(spec);
  });
  await bundle.ok([SYSTEMD, "create", name]);
  return folderOf(`cri-${name}.scope`, "/hoyt.slice/hoyt-own.slice");
}

runtime("the scope has runc's properties, and the cgroup the exact values", async (bundle) => {
  const name = newName();
  const folder = await create(bundle, name, (spec) => {
    spec.annotations = { "org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'inactive-or-failed'" };
  });
  expect(
    await properties(
      `cri-${name}.scope`,
      ...["ActiveState", "Slice", "Delegate", "DefaultDependencies", "MemoryMax", "MemorySwapMax", "MemoryLow", "CPUWeight"],
      ...["CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec", "TasksMax", "TimeoutStopUSec", "CollectMode"],
    ),
  ).toEqual({
    ...{ ActiveState: "active", Slice: "hoyt-own.slice", Delegate: "yes", DefaultDependencies: "no" },
    ...{ MemoryMax: String(64 << 20), MemorySwapMax: String(32 << 20), MemoryLow: String(32 << 20), CPUWeight: "100" },
    ...{
      CPUQuotaPerSecUSec: "500ms",
      CPUQuotaPeriodUSec: "100ms",
      TasksMax: "20",
      TimeoutStopUSec: "7s",
      CollectMode: "inactive-or-failed",
    },
  });
  // the container alone: what the scope was made with has left
  expect(value(folder, "cgroup.procs")).toBe(String((await bundle.state(name)).pid));
  expect(["memory.max", "pids.max", "cpu.max"].map((file) => value(folder, file))).toEqual([String(64 << 20), "20", "50000 100000"]);
  await bundle.ok(["start", name]);
  expect(await bundle.ok(["exec", name, "cat", "/proc/self/cgroup"])).toBe("0::/");
  await bundle.ok(["pause", name]);
  expect((await bundle.state(name)).status).toBe("paused");
  await bundle.ok(["resume", name]);
  await bundle.ok(["delete", "-f", name]);
  expect([await units(`cri-${name}.scope`), existsSync(folder)]).toEqual(["", false]);
});

runtime("update changes both, or neither", async (bundle) => {
  const name = newName();
  const folder = await create(bundle, name);
  const unit = `cri-${name}.scope`;
  const both = async () => [
    ...Object.values(await properties(unit, "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec")).sort(),
    ...["memory.max", "pids.max", "cpu.max"].map((file) => value(folder, file)),
  ];
  const exact = ["update", "--memory", "48m", "--memory-swap", "96m", "--cpu-quota", "12345", "--pids-limit", "40", name];
  await bundle.ok(exact);
  const after = ["130ms", "40", String(48 << 20), String(48 << 20), "40", "12345 100000"];
  expect(await both()).toEqual(after);
  // a burst longer than the quota
  const refused = await bundle.runtime(["update", "--pids-limit", "50", "--memory", "52m", "--cpu-burst", "90000", name]);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("cannot limit CPU burst")]);
  // systemd writes what it was given back in its own time
  for (let tries = 0; tries < 20 && value(folder, "pids.max") !== "40"; tries++) await Bun.sleep(20);
  expect((await both()).filter((_, index) => index !== 5)).toEqual(after.filter((_, index) => index !== 5));
});

runtime("run, kill and delete, three times under one name", async (bundle) => {
  const name = newName();
  for (let round = 0; round < 3; round++) {
    const folder = await create(bundle, name);
    await bundle.ok(["start", name]);
    await bundle.ok(["kill", name, "KILL"]);
    for (let tries = 0; tries < 100 && (await bundle.state(name)).status !== "stopped"; tries++) await Bun.sleep(10);
    await bundle.ok(["delete", name]);
    expect(existsSync(folder)).toBe(false);
  }
  bundle.configure(["cat", "/proc/self/cgroup"], (spec) => {
    delete spec.linux.cgroupsPath;
    spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== "cgroup");
  });
  expect(await bundle.ok([SYSTEMD, "run", name])).toBe(`0::${BASE}/${SLICE}/hoy-${name}.scope`);
  expect(await units(`*-${name}.scope`)).toBe("");
});

runtime("what cannot be is one line, and leaves nothing", async (bundle) => {
  const name = newName();
  const attempt = async (edit: Parameters<typeof create>[2], flag = [SYSTEMD]) => {
    bundle.configure(["true"], (spec) => {
      spec.linux.cgroupsPath = `hoyt-own.slice:cri:${name}`;
      edit?.(spec);
    });
    const { code, stderr } = await bundle.runtime([...flag, "run", name]);
    return `${code} ${stderr}`;
  };
  const path = (text: string) => (spec: Parameters<NonNullable<Parameters<typeof create>[2]>>[0]) => {
    spec.linux.cgroupsPath = text;
  };
  expect(await attempt(path("/a/b"))).toMatch(/^1 .*expected cgroupsPath to be of format .*slice:prefix:name/);
  expect(await attempt(path("a--b.slice:c:d"))).toContain("a--b.slice");
  expect(await attempt(path("a.slice:b:c"), [])).toContain("a.slice:b:c is a unit of systemd (give --systemd-cgroup before the command");
  const annotate = (key: string, text: string) => (spec: Parameters<NonNullable<Parameters<typeof create>[2]>>[0]) => {
    spec.annotations = { [`org.systemd.property.${key}`]: text };
  };
  expect(await attempt(annotate("NoSuchThing", "true"))).toMatch(/^1 .*systemd refuses to start cri-.*NoSuchThing/);
  expect(await attempt(annotate("CollectMode", "oops"))).toContain("is not a value of GVariant");
  expect(
    await attempt((spec) => {
      spec.process.args = ["/no/such"];
    }),
  ).toContain("/no/such");
  expect([readdirSync(join(bundle.dir, "state")), await units(`cri-${name}.scope`)]).toEqual([[], ""]);
});

async function onV1(): Promise<void> {
  await using bundle = await testBundle();
  const name = newName();
  await create(bundle, name);
  const { pid } = await bundle.state(name);
  const place = `/hoyt.slice/hoyt-own.slice/cri-${name}.scope`;
  const own = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  for (const line of own.filter((each) => !each.startsWith("0::"))) expect(line).toEndWith(`:${place}`);
  const devices = () => value(`/sys/fs/cgroup/devices${place}`, "devices.list").split("\n").sort();
  const before = devices();
  expect(before).toContain("c 1:3 rwm");
  expect(before).not.toContain("a *:* rwm");
  await bundle.ok(["update", "--memory", "48m", "--memory-swap", "96m", name]);
  await systemctl("daemon-reload");
  expect(devices()).toEqual(before);
  expect(value(`/sys/fs/cgroup/memory${place}`, "memory.limit_in_bytes")).toBe(String(48 << 20));
  expect(await properties(`cri-${name}.scope`, "MemoryLimit", "DevicePolicy")).toEqual({
    MemoryLimit: String(48 << 20),
    DevicePolicy: "strict",
  });
  await bundle.ok(["delete", "-f", name]);
  expect([await units(`cri-${name}.scope`), existsSync(`/sys/fs/cgroup/devices${place}`)]).toEqual(["", false]);
}

if (asRoot) requires("systemd-v1", "busybox")("runtime: v1: a cgroup in each hierarchy, with devices that a reload leaves alone", onV1);
