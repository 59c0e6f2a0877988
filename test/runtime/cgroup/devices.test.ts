import { describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync } from "node:fs";
import fc from "fast-check";
import { O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import { removeCgroup } from "../../../src/runtime/cgroup/act.ts";
import { attachDevices, deviceProgram } from "../../../src/runtime/cgroup/device-program.ts";
import { type DeviceList, defaultDeviceRules, deviceList, isUnlimited, v1DeviceWrites } from "../../../src/runtime/cgroup/devices.ts";
import { detectCgroups } from "../../../src/runtime/cgroup/host.ts";
import type { DeviceRule } from "../../../src/spec/runtime.ts";
import { requires } from "../../harness/requires.ts";

interface Access {
  type: "b" | "c";
  major: number;
  minor: number;
  /** Some of r, w, m. */
  letters: readonly string[];
}

/** The rule of the specification, letter by letter: the last rule that matches decides. */
const mayByRules = ({ allowAll, rules }: DeviceList, { type, major, minor, letters }: Access): boolean =>
  letters.every((letter) => {
    const rule = rules.findLast(
      (rule) =>
        (!rule.type || rule.type === "a" || rule.type === type) &&
        [undefined, -1, major].includes(rule.major) &&
        [undefined, -1, minor].includes(rule.minor) &&
        (rule.access || "rwm").includes(letter),
    );
    return rule?.allow ?? allowAll;
  });

/** What the kernel does with the few instructions that we use (Documentation/bpf/standardization/instruction-set.rst). */
function mayByProgram(program: Uint8Array, { type, major, minor, letters }: Access): boolean {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const bits = letters.reduce((sum, letter) => sum | ({ m: 1, r: 2, w: 4 }[letter] ?? 0), 0);
  const context = [(bits << 16) | (type === "b" ? 1 : 2), major, minor];
  const register: number[] = Array.from({ length: 11 }, () => 0);
  for (let at = 0, steps = 0; steps < 10_000; at++, steps++) {
    const code = view.getUint8(at * 8);
    const [dst, src] = [view.getUint8(at * 8 + 1) & 15, view.getUint8(at * 8 + 1) >> 4];
    const [off, imm] = [view.getInt16(at * 8 + 2, true), view.getInt32(at * 8 + 4, true)];
    const value = register[dst] as number;
    if (code === 0x61) register[dst] = context[off / 4] as number;
    else if (code === 0xb7) register[dst] = imm;
    else if (code === 0xbf) register[dst] = register[src] as number;
    else if (code === 0x57) register[dst] = value & imm;
    else if (code === 0x77) register[dst] = value >>> imm;
    else if (code === 0x55) at += value !== imm ? off : 0;
    else if (code === 0x15) at += value === imm ? off : 0;
    else if (code === 0x95) return register[0] === 1;
    else throw new Error(`unknown instruction ${code.toString(16)}`);
  }
  throw new Error("the program does not end");
}

const numbers = fc.option(fc.integer({ min: -1, max: 3 }), { nil: undefined });
const rules = fc.array(
  fc.record({
    allow: fc.boolean(),
    type: fc.constantFrom("a", "b", "c", "" as const),
    major: numbers,
    minor: numbers,
    access: fc.constantFrom("r", "w", "m", "rw", "rwm", "rm", undefined),
  }),
  { maxLength: 8 },
);
const accesses = fc.record({
  type: fc.constantFrom("b", "c"),
  major: fc.integer({ min: 0, max: 3 }),
  minor: fc.integer({ min: 0, max: 3 }),
  letters: fc.constantFrom(["r"], ["w"], ["r", "w"], ["m"]),
});

describe("rules", () => {
  test("nothing before a rule for everything counts; the default devices come last", () => {
    const fuse: DeviceRule = { allow: true, type: "c", major: 10, minor: 229, access: "rwm" };
    const list = deviceList([{ allow: true, type: "c", major: 1, minor: 1 }, { allow: false, access: "rwm" }, fuse]);
    expect(list).toEqual({ allowAll: false, rules: [fuse, ...defaultDeviceRules] });
    expect(isUnlimited(list)).toBe(false);
  });
  test("privileged: everything, and nothing to do", () => {
    const list = deviceList([{ allow: false }, { allow: true, type: "a", major: -1, minor: -1, access: "rwm" }]);
    expect(isUnlimited(list)).toBe(true);
    expect(v1DeviceWrites(list)).toEqual([]);
  });
  test("v1's words", () => {
    const list: DeviceList = {
      allowAll: false,
      rules: [
        { allow: true, type: "c", major: 10, minor: -1, access: "rw" },
        { allow: false, major: 8 },
      ],
    };
    expect(v1DeviceWrites(list).map(({ file, value }) => `${file} ${value}`)).toEqual([
      "devices.deny a",
      "devices.allow c 10:* rw",
      "devices.deny c 8:* rwm",
      "devices.deny b 8:* rwm",
    ]);
  });
});

test("the program decides as the rules do, letter by letter", () => {
  fc.assert(
    fc.property(rules, fc.boolean(), accesses, (rules, allowAll, access) => {
      const list = { allowAll, rules };
      expect(mayByProgram(deviceProgram(list), access)).toBe(mayByRules(list, access));
    }),
    { numRuns: 2000 },
  );
});

test("Docker's defaults: null may be opened, a disk may not, any node may be made", () => {
  const program = deviceProgram(deviceList([{ allow: false, access: "rwm" }]));
  const may = (type: "b" | "c", major: number, minor: number, ...letters: string[]) =>
    mayByProgram(program, { type, major, minor, letters });
  expect([may("c", 1, 3, "r", "w"), may("c", 136, 77, "r"), may("b", 8, 0, "m")]).toEqual([true, true, true]);
  expect([may("b", 8, 0, "r"), may("c", 10, 229, "r", "w"), may("c", 1, 1, "r")]).toEqual([false, false, false]);
});

requires("root")("the kernel verifies the program and obeys it", () => {
  const base = detectCgroups().v2?.base;
  if (!base) return; // no unified hierarchy here: v1's lists are in force, and the acting test has them
  const directory = `${base}/hoy-test-devices-${process.pid}`;
  mkdirSync(directory);
  try {
    // /dev/null for reading and /dev/zero at all, but not /dev/null for writing.
    const list: DeviceList = {
      allowAll: true,
      rules: [
        { allow: false, type: "c", major: 1, minor: 3, access: "w" },
        { allow: false, type: "c", major: 1, minor: 7 },
      ],
    };
    using cgroup = open(directory, O_RDONLY | O_DIRECTORY);
    attachDevices(cgroup.number, deviceProgram(list));
    const script = `echo 0 > ${directory}/cgroup.procs; for c in '</dev/null' '>/dev/null' '<>/dev/null' '</dev/full' '</dev/zero'; do (eval "exec 0$c") 2>&- && echo yes || echo no; done`;
    const answer = Bun.spawnSync(["sh", "-c", script.replaceAll("0$c", "3$c")], { stderr: "ignore" })
      .stdout.toString()
      .trim();
    expect(answer.split("\n")).toEqual(["yes", "no", "no", "no", "yes"]);
  } finally {
    expect(removeCgroup({ remove: [directory] })).toBe(true);
  }
});

requires("root")("a program that the kernel refuses is an error with its reason", () => {
  const bad = new Uint8Array(8).fill(0xff);
  const directory = openSync("/", "r");
  try {
    expect(() => attachDevices(directory, bad)).toThrow(/^load BPF program hoy_devices: /);
    expect(() => attachDevices(directory, deviceProgram(deviceList([])))).toThrow(/^attach BPF program to cgroup: /);
  } finally {
    closeSync(directory);
  }
});
