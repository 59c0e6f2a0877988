/** `--gpus` and `--device vendor.com/class=name` on the compiled binary, over a made-up specification of real devices. */
import { expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { containersRange } from "../harness/user.ts";
import { failure } from "./image-store.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox", "overlay");
const people = each([ROOT, ROOTLESS], "busybox", "overlay");
const root = each([ROOT], "busybox", "overlay");

/** A program on the host that writes what it was given beside the store. */
function hookProgram(store: TestStore): string {
  const path = join(store.dir, "hook.sh");
  const script = `#!/bin/sh
name=$1; shift
state=$(cat)
{ echo "$name $* $MARK"; echo "$state"; } >> ${store.dir}/hooks.txt
case $name in
  createContainer) root=$(echo "$state" | sed 's/.*"bundle":"\\([^"]*\\)".*/\\1/')/rootfs; echo made > $root/scratch/from-hook ;;
  fail) echo "no such GPU" >&2; exit 3 ;;
esac
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

const HOOKS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;

/** Specifications in a folder that the settings name, as /etc/cdi is the host's. */
function writeSpecs(store: TestStore): void {
  const folder = join(store.dir, "cdi");
  mkdirSync(folder, { mode: 0o755 });
  const config = join(store.env.XDG_CONFIG_HOME as string, "hoy");
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, "config.json"), JSON.stringify({ "cdi-spec-dirs": [folder] }));
  const library = join(store.dir, "library");
  writeFileSync(library, "a library\n");
  const path = hookProgram(store);
  const device = (name: string, containerEdits: object) => ({ name, containerEdits });
  const vendor = {
    cdiVersion: "0.6.0",
    kind: "vendor.com/thing",
    containerEdits: { env: ["VENDOR=1"] },
    devices: [
      device("null", { deviceNodes: [{ path: "/dev/thing0", hostPath: "/dev/null" }], env: ["THING=0"] }),
      device("zero", { deviceNodes: [{ path: "/dev/zero2", hostPath: "/dev/zero", permissions: "r", fileMode: 0o640, uid: 1, gid: 2 }] }),
      device("library", {
        mounts: [{ hostPath: library, containerPath: "/usr/lib/thing/lib.so", options: ["ro", "nosuid", "nodev", "bind"] }],
      }),
      device("group", { additionalGids: [44] }),
      device("fuse", { deviceNodes: [{ path: "/dev/fuse" }] }),
      device("hooks", {
        hooks: HOOKS.map((hookName) => ({
          hookName,
          path,
          args: ["hook", hookName, "and", "more"],
          env: ["MARK=m", "PATH=/usr/bin:/bin"],
        })),
      }),
      device("fail", { hooks: [{ hookName: "createContainer", path, args: ["hook", "fail"], env: ["PATH=/usr/bin:/bin"] }] }),
    ],
  };
  writeFileSync(join(folder, "vendor.json"), JSON.stringify(vendor));
  const gpu = (name: string, env: string) => `- name: "${name}"\n  containerEdits:\n    env: ["${env}"]\n`;
  writeFileSync(
    join(folder, "gpu.yaml"),
    `cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n${gpu("0", "GPU0=yes")}${gpu("1", "GPU1=yes")}${gpu("all", "GPUS=all")}`,
  );
}

const run = (store: TestStore, flags: readonly string[], ...command: string[]): string[] => [
  "run",
  "--rm",
  "--network",
  "none",
  ...flags,
  "--rootfs",
  store.rootfs,
  ...command,
];

all("CDI devices bring nodes, mounts and variables", async (store) => {
  writeSpecs(store);
  const thing = (name: string): string[] => ["--device", `vendor.com/thing=${name}`];
  const script =
    "echo $VENDOR $THING; test -c /dev/thing0 && echo lost > /dev/thing0; head -c 3 /dev/zero2 | wc -c; cat /usr/lib/thing/lib.so; touch /usr/lib/thing/lib.so 2>&1";
  expect(await store.ok(run(store, [...thing("null"), ...thing("zero"), ...thing("library")], "sh", "-c", `${script}; true`))).toBe(
    "1 0\n3\na library\ntouch: /usr/lib/thing/lib.so: Read-only file system",
  );
  if (existsSync("/dev/fuse")) expect(await store.ok(run(store, thing("fuse"), "sh", "-c", "test -c /dev/fuse && echo $VENDOR"))).toBe("1");
  const id = await store.ok(["create", ...thing("null"), ...thing("zero"), "--rootfs", store.rootfs, "true"]);
  expect(JSON.parse(await store.ok(["inspect", "-f", "{{json .HostConfig.DeviceRequests}}", id]))).toEqual([
    { Driver: "cdi", Count: 0, DeviceIDs: ["vendor.com/thing=null", "vendor.com/thing=zero"], Capabilities: null, Options: null },
  ]);
});

people("a CDI device's groups", async (store) => {
  writeSpecs(store);
  expect(await store.ok(run(store, ["--device", "vendor.com/thing=group"], "id", "-G"))).toBe("0 44");
});

root("a CDI device's owner, mode and permissions; it may be used and no other", async (store) => {
  writeSpecs(store);
  const flags = ["--device", "vendor.com/thing=zero"];
  expect(await store.ok(run(store, flags, "stat", "-c", "%u:%g:%a:%t:%T", "/dev/zero2"))).toBe("1:2:640:1:5");
  expect(await store.ok(run(store, [...flags, "--userns", "keep-id"], "sh", "-c", "head -c 2 /dev/zero2 | wc -c"))).toBe("2");
});

all("--gpus takes the devices of nvidia.com/gpu", async (store) => {
  writeSpecs(store);
  const gpus = (request: string) => store.ok(run(store, ["--gpus", request], "sh", "-c", "echo $GPUS $GPU0 $GPU1"));
  expect([await gpus("all"), await gpus("1"), await gpus("2"), await gpus("device=1")]).toEqual(["all", "yes", "yes yes", "yes"]);
  expect(failure(await store.hoy(run(store, ["--gpus", "3"], "true")))).toEqual([
    125,
    expect.stringContaining("3 GPUs were asked for, and there are 2"),
  ]);
  expect(failure(await store.hoy(run(store, ["--device", "vendor.com/thing=none"], "true")))).toEqual([
    125,
    expect.stringContaining("CDI device injection failed: unresolvable CDI devices vendor.com/thing=none\nthere are nvidia.com/gpu=0,"),
  ]);
});

all("without a specification there are no GPUs", async (store) => {
  const config = join(store.env.XDG_CONFIG_HOME as string, "hoy");
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, "config.json"), JSON.stringify({ "cdi-spec-dirs": [join(store.dir, "none")] }));
  expect(failure(await store.hoy(run(store, ["--gpus", "all"], "true")))).toEqual([
    125,
    `hoy: --gpus: no CDI specification of nvidia.com/gpu or amd.com/gpu in ${store.dir}/none\nthe vendor's toolkit writes one: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`,
  ]);
});

people("hooks of CDI devices, each in its namespace and at its time", async (store) => {
  writeSpecs(store);
  // startContainer is a program of the container's
  const flags = ["--device", "vendor.com/thing=hooks", "--tmpfs", "/scratch", "-v", `${store.dir}:${store.dir}`];
  expect(await store.ok(run(store, flags, "cat", "/scratch/from-hook"))).toBe("made");
  const lines = readFileSync(join(store.dir, "hooks.txt"), "utf8").trim().split("\n");
  expect(lines.filter((line) => !line.startsWith("{"))).toEqual(HOOKS.map((name) => `${name} and more m`));
  const states = lines
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { status: string; pid: number; bundle: string });
  expect(states.map(({ status }) => status)).toEqual(["creating", "creating", "creating", "created", "running", "stopped"]);
  expect(new Set(states.slice(0, 5).map(({ pid }) => pid)).size).toBe(1);
  expect(states[0]?.bundle).toStartWith(join(store.root, "containers/"));
});

people("a hook that fails is the error of the start, and nothing is left", async (store) => {
  writeSpecs(store);
  expect(failure(await store.hoy(run(store, ["--device", "vendor.com/thing=fail"], "true")))).toEqual([
    125,
    expect.stringContaining("error running createContainer hook #0: exit status 3"),
  ]);
  expect(await store.ok(["ps", "-aq"])).toBe("");
});

root("hooks do not go with a user namespace of the container's own", async (store) => {
  containersRange();
  writeSpecs(store);
  const result = await store.hoy(run(store, ["--userns", "auto", "--device", "vendor.com/thing=hooks"], "true"));
  expect(failure(result)).toEqual([
    125,
    expect.stringContaining("the hooks of a CDI device cannot be run in a user namespace of the container's own"),
  ]);
  expect(
    await store.ok(run(store, ["--userns", "auto", "--device", "vendor.com/thing=null"], "sh", "-c", "echo x > /dev/thing0; echo $THING")),
  ).toBe("0");
});
