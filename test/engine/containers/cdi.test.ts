/** `--gpus`, CDI names, and what a specification changes. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyEdits, editsOf, readCdi, requestedDevices } from "../../../src/engine/containers/cdi.ts";
import { cdiRequest, isCdiName, parseGpus } from "../../../src/engine/containers/parse/gpus.ts";
import type { Spec } from "../../../src/spec/runtime.ts";

const request = (rest: object) => ({ Driver: "", Count: 0, DeviceIDs: null, Capabilities: [["gpu"]], Options: {}, ...rest });

describe("--gpus, with docker 28's results", () => {
  test.each([
    ["all", { Count: -1 }],
    ["2", { Count: 2 }],
    ["count=3,driver=nvidia", { Count: 3, Driver: "nvidia" }],
    ["device=0", { DeviceIDs: ["0"] }],
    ['"device=0,GPU-1"', { DeviceIDs: ["0", "GPU-1"] }],
    ["driver=nvidia", { Count: 1, Driver: "nvidia" }],
    [
      'all,"capabilities=utility,compute","options=a=b,c"',
      { Count: -1, Capabilities: [["utility", "compute", "gpu"]], Options: { a: "b", c: "" } },
    ],
  ])("%s", (text, rest) => expect(parseGpus(text)).toEqual(request(rest)));

  test.each([
    ["some", 'count must be an integer: strconv.Atoi: parsing "some": invalid syntax'],
    ["count=1,count=2", "gpu request key 'count' can be specified only once"],
    ["kind=x", "unexpected key 'kind' in 'kind=x'"],
    ["", "EOF"],
  ])("refuses %j", (text, message) => expect(() => parseGpus(text)).toThrow(new Error(message)));
});

test("names of CDI devices, and what are paths", () => {
  for (const name of ["vendor.com/class=x", "nvidia.com/gpu=all", "a/b=0", "v.org/net-1=GPU-12:3"])
    expect([name, isCdiName(name)]).toEqual([name, true]);
  for (const name of ["/dev/null", "/dev/a=b", "vendor.com/class", "vendor.com/class=", "1v/c=x", "v/c=-x", "v/c/d=x"])
    expect([name, isCdiName(name)]).toEqual([name, false]);
});

const folder = mkdtempSync(join(tmpdir(), "hoy-cdi-"));
afterAll(() => rmSync(folder, { recursive: true }));
const [low, high, broken] = ["low", "high", "broken"].map((name) => join(folder, name)) as [string, string, string];
for (const path of [low, high, broken]) mkdirSync(path);

const gpu = (name: string, env: string[] = []) => ({ name, containerEdits: { env } });
const spec = (kind: string, devices: object[], containerEdits: object = {}) =>
  JSON.stringify({ cdiVersion: "0.6.0", kind, devices, containerEdits });
writeFileSync(
  join(low, "gpu.json"),
  spec("nvidia.com/gpu", [gpu("10"), gpu("0"), gpu("1", ["WHERE=low"]), gpu("GPU-a"), gpu("all", ["ALL=1"])], { env: ["COMMON=1"] }),
);
writeFileSync(
  join(high, "gpu.yaml"),
  'cdiVersion: "0.6.0"\nkind: nvidia.com/gpu\ndevices:\n- name: "1"\n  containerEdits:\n    env:\n    - WHERE=high\n',
);
writeFileSync(join(low, "one.json"), spec("v.com/dup", [gpu("x")]));
writeFileSync(join(low, "two.json"), spec("v.com/dup", [gpu("x")]));
writeFileSync(join(low, "notes.txt"), "no specification");
writeFileSync(join(broken, "a.json"), spec("v.com/net", [{ name: "x", containerEdits: { netDevices: [] } }]));
writeFileSync(join(broken, "b.yaml"), "cdiVersion: [");

const cdi = readCdi([low, high, join(folder, "missing")]);

test.each([
  [{ Count: -1 }, ["nvidia.com/gpu=all"]],
  [{ Count: 3 }, ["nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=10"]],
  [{ DeviceIDs: ["GPU-a"], Driver: "nvidia" }, ["nvidia.com/gpu=GPU-a"]],
  [cdiRequest(["v.com/dup=x"]), ["v.com/dup=x"]],
])("the devices of %j", (rest, names) => expect(requestedDevices(cdi, request(rest))).toEqual(names));

test("what cannot be had is said", () => {
  expect(() => requestedDevices(cdi, request({ Count: 4 }))).toThrow("--gpus: 4 GPUs were asked for, and there are 3 of nvidia.com/gpu");
  expect(() => requestedDevices(cdi, request({ Driver: "amd", Count: 1 }))).toThrow(
    `--gpus: no CDI specification of amd.com/gpu in ${low} or ${high}`,
  );
  expect(() => requestedDevices(cdi, request({ Driver: "x", Count: 1 }))).toThrow('--gpus: there is no driver "x"');
  expect(() => editsOf(cdi, ["v.com/a=b", "nvidia.com/gpu=0"])).toThrow("CDI device injection failed: unresolvable CDI devices v.com/a=b");
  expect(() => editsOf(cdi, ["v.com/dup=x"])).toThrow(`conflicting device v.com/dup=x: it is in ${low}/one.json and in ${low}/two.json`);
  const { faults } = readCdi([broken]);
  expect(faults).toEqual([
    expect.stringContaining(`${broken}/a.json: devices[0].containerEdits.netDevices: is not known`),
    expect.stringContaining(`cannot read ${broken}/b.yaml: `),
  ]);
});

test("edits of a specification come once, before its first device's; a later folder wins", () => {
  const env = (names: string[]) => editsOf(cdi, names).map((edits) => edits.env);
  expect(env(["nvidia.com/gpu=0", "nvidia.com/gpu=all", "nvidia.com/gpu=0"])).toEqual([["COMMON=1"], [], ["ALL=1"]]);
  expect(env(["nvidia.com/gpu=1"])).toEqual([["WHERE=high"]]);
});

const container = (): Spec => ({
  ociVersion: "1.2.1",
  process: { user: { uid: 7, gid: 8, additionalGids: [8] }, cwd: "/", env: ["PATH=/bin", "A=1"], args: ["true"] },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/a/b/c", type: "bind", source: "/own", options: ["rbind"] },
  ],
  linux: { devices: [{ path: "/dev/x", type: "c", major: 9, minor: 9 }] },
});

test("edits are applied to the spec", () => {
  const changed = container();
  const edits = [
    {
      env: ["A=2", "B=3=4"],
      deviceNodes: [
        { path: "/dev/x", type: "c" as const, major: 1, minor: 5, permissions: "r" },
        { path: "/dev/copy", hostPath: "/dev/null", uid: 0, gid: 0, fileMode: 0o600 },
      ],
      mounts: [{ hostPath: "/h", containerPath: "/a/b", options: ["ro", "nosuid"] }],
      hooks: [{ hookName: "createContainer" as const, path: "/bin/true", args: ["true", "x"] }],
      additionalGids: [0, 8, 44],
    },
  ];
  applyEdits(changed, edits, { bound: false });
  expect(changed.process?.env).toEqual(["PATH=/bin", "A=2", "B=3=4"]);
  expect(changed.process?.user.additionalGids).toEqual([8, 44]);
  expect(changed.linux?.devices).toEqual([
    { path: "/dev/x", type: "c", major: 1, minor: 5, fileMode: undefined, uid: 7, gid: 8 },
    { path: "/dev/copy", type: "c", major: 1, minor: 3, fileMode: 0o600, uid: 0, gid: 0 },
  ]);
  expect(changed.linux?.resources?.devices).toEqual([
    { allow: true, type: "c", major: 1, minor: 5, access: "r" },
    { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
  ]);
  expect(changed.mounts?.map(({ destination, options }) => [destination, options])).toEqual([
    ["/proc", undefined],
    ["/a/b", ["rbind", "ro", "nosuid"]],
    ["/a/b/c", ["rbind"]],
  ]);
  expect(changed.hooks).toEqual({ createContainer: [{ path: "/bin/true", args: ["true", "x"] }] });
});

test("in a user namespace a node under another name is a bind", () => {
  const changed = container();
  applyEdits(changed, [{ deviceNodes: [{ path: "/dev/copy", hostPath: "/dev/null" }, { path: "/dev/zero" }] }], { bound: true });
  expect(changed.mounts).toContainEqual({ destination: "/dev/copy", type: "bind", source: "/dev/null", options: ["bind"] });
  expect(changed.linux?.devices?.map(({ path }) => path)).toEqual(["/dev/x", "/dev/zero"]);
  expect(() => applyEdits(container(), [{ deviceNodes: [{ path: "/dev/none" }] }], { bound: false })).toThrow(
    "failed to stat CDI host device /dev/none: no such file or directory",
  );
});
