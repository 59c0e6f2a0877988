/** linux.intelRdt: names, lines and comparisons, and what is made below a mount point, of which a plain folder takes the place. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  className,
  disagreement,
  joinRdtGroups,
  makeRdtGroups,
  rdtTasks,
  removeRdtGroups,
  resctrlMount,
  schemataLines,
  updateRdtGroup,
} from "../../../src/runtime/oci/intel-rdt.ts";

test("the mount point", () => {
  const line = "40 24 0:35 / /sys/fs/my\\040resctrl rw,relatime shared:15 - resctrl resctrl rw,mba_MBps";
  expect(resctrlMount(`24 1 0:20 / /resctrl rw - sysfs sysfs rw\n${line}\n`)).toBe("/sys/fs/my resctrl");
  expect(resctrlMount("24 1 0:20 / /sys rw - sysfs resctrl rw\n")).toBeUndefined();
});

test("the class is that of closID, else the container's own", () => {
  expect([className({}, "c1"), className({ closID: "gold" }, "c1"), className({ closID: "/" }, "c1")]).toEqual(["c1", "gold", ""]);
  for (const closID of ["..", ".", "a/b", "info", "mon_groups"])
    expect(() => className({ closID }, "c1")).toThrow("linux.intelRdt: closID");
});

test("lines: schemata, then cache, then bandwidth, which is the cache's only where nothing else says it", () => {
  expect(schemataLines({ schemata: ["L2:0=f"], l3CacheSchema: "L3:0=ff\nMB:0=10\n", memBwSchema: "MB:0=20" })).toEqual([
    "L2:0=f",
    "L3:0=ff",
    "MB:0=20",
  ]);
  expect(schemataLines({ l3CacheSchema: "L3:0=ff\nMB:0=10" })).toEqual(["L3:0=ff", "MB:0=10"]);
  expect(() => schemataLines({ memBwSchema: "L3:0=1" })).toThrow('memBwSchema: "L3:0=1" does not begin with MB:');
});

test("what a class has, against what is asked for", () => {
  const has = "    L3:0=007ff;1=007ff\n    MB:0= 20;1=100\n";
  for (const line of ["L3:0=7ff", "L3:1=07FF;0=7ff", "MB:0=20", "MB:1=100"])
    expect([line, disagreement([line], has)]).toEqual([line, undefined]);
  for (const line of ["L3:0=7fe", "L3:2=7ff", "L2:0=f", "MB:0=200"]) expect(disagreement(["MB:0=20", line], has)).toBe(line);
});

describe("below a mount point", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "hoy-resctrl-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const ready = (name: string, schemata: string): void => {
    mkdirSync(join(root, name, "mon_groups"), { recursive: true });
    writeFileSync(join(root, name, "schemata"), schemata);
  };

  test("a class of the container's own", () => {
    const groups = makeRdtGroups({ schemata: ["L3:0=f"] }, "c1", root);
    expect(groups).toEqual({ group: `${root}/c1`, own: true });
    expect(readFileSync(`${root}/c1/schemata`, "utf8")).toBe("L3:0=f\n");
    joinRdtGroups(groups, 4711);
    expect(readFileSync(`${root}/c1/tasks`, "utf8")).toBe("4711");
    for (const file of ["schemata", "tasks"]) rmSync(`${root}/c1/${file}`); // the kernel's go with the folder
    removeRdtGroups({ rdt: groups });
    expect(existsSync(`${root}/c1`)).toBe(false);
  });

  test("a class that is there, with a group that counts", () => {
    ready("gold", "L3:0=0f\n");
    const groups = makeRdtGroups({ closID: "gold", l3CacheSchema: "L3:0=f", enableMonitoring: true }, "c1", root);
    expect(rdtTasks(groups)).toEqual([`${root}/gold/tasks`, `${root}/gold/mon_groups/c1/tasks`]);
    removeRdtGroups({ rdt: groups });
    expect([existsSync(`${root}/gold/mon_groups/c1`), readFileSync(`${root}/gold/schemata`, "utf8")]).toEqual([false, "L3:0=0f\n"]);
  });

  test("update: of a class that the container is in", () => {
    ready("gold", "L3:0=0f\n");
    const record = { id: "c1", rdt: makeRdtGroups({ closID: "gold" }, "c1", root) };
    updateRdtGroup(record, { memBwSchema: "MB:0=20" }, root);
    expect(readFileSync(`${root}/gold/schemata`, "utf8")).toBe("MB:0=20\n"); // the kernel keeps the lines of the others
    expect(() => updateRdtGroup({ id: "c2" }, { memBwSchema: "MB:0=20" }, root)).toThrow("container c2 has no class of service");
  });

  test("the root's class", () => {
    ready(".", "L3:0=ff\n");
    expect(makeRdtGroups({ closID: "/", enableMonitoring: true }, "c1", root)).toEqual({
      group: root,
      own: false,
      monitor: `${root}/mon_groups/c1`,
    });
  });

  test("what is refused, and leaves nothing", () => {
    expect(() => makeRdtGroups({ closID: "gold" }, "c1", root)).toThrow("the class gold is not there");
    ready("gold", "L3:0=0f\n");
    expect(() => makeRdtGroups({ closID: "gold", schemata: ["L3:0=1"] }, "c1", root)).toThrow("is there with other limits than L3:0=1");
    mkdirSync(join(root, "info"));
    writeFileSync(join(root, "info/last_cmd_status"), "out of CLOSIDs\n");
    expect(() => makeRdtGroups({}, "c1", join(root, "gone"))).toThrow("linux.intelRdt: cannot make");
    // without resctrl no mon_groups comes with a new class
    expect(() => makeRdtGroups({ enableMonitoring: true }, "c1", root)).toThrow("c1: out of CLOSIDs");
    expect(existsSync(join(root, "c1"))).toBe(false);
  });
});
