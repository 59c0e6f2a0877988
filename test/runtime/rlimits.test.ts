import { describe, expect, test } from "bun:test";
import { parseUlimit, rlimitNumber, rlimitValue, type Ulimit, ulimitToRlimit } from "../../src/runtime/rlimits.ts";
import { stringifyExact } from "../../src/spec/json.ts";
import { parseSpec } from "../../src/spec/runtime.ts";

describe("parseUlimit", () => {
  const rows: [text: string, wanted: Ulimit][] = [
    ["nofile=1024:2048", { Name: "nofile", Soft: 1024, Hard: 2048 }],
    ["nofile=1024", { Name: "nofile", Soft: 1024, Hard: 1024 }],
    ["core=-1", { Name: "core", Soft: -1, Hard: -1 }],
    ["core=0:infinity", { Name: "core", Soft: 0, Hard: -1 }],
    ["rtprio=0:99", { Name: "rtprio", Soft: 0, Hard: 99 }],
  ];
  for (const [text, wanted] of rows) test(text, () => expect(parseUlimit(text)).toEqual(wanted));

  const errors: [text: string, message: string][] = [
    ["nofile", "invalid ulimit argument: nofile"],
    ["files=1", "invalid ulimit type: files"],
    ["as=1", "invalid ulimit type: as"],
    ["constructor=1", "invalid ulimit type: constructor"],
    ["nofile=1:2:3", "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`"],
    ["nofile=x", 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["nofile=", 'strconv.ParseInt: parsing "": invalid syntax'],
    ["nofile=1:", 'strconv.ParseInt: parsing "": invalid syntax'],
    ["nofile=99999999999999999999", 'strconv.ParseInt: parsing "99999999999999999999": value out of range'],
    ["nofile=2048:1024", "ulimit soft limit must be less than or equal to hard limit: 2048 > 1024"],
    ["nofile=-1:1024", "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 1024"],
  ];
  for (const [text, message] of errors) test(`${text} is refused`, () => expect(() => parseUlimit(text)).toThrow(message));
});

test("no limit is RLIM_INFINITY, and survives config.json", () => {
  const rlimit = ulimitToRlimit({ Name: "core", Soft: 0, Hard: -1 });
  expect(rlimit).toEqual({ type: "RLIMIT_CORE", soft: 0, hard: 0xffffffffffffffffn });
  const text = stringifyExact({ ociVersion: "1.3.0", process: { cwd: "/", rlimits: [rlimit] } });
  expect(text).toContain('"hard":18446744073709551615');
  expect(parseSpec(text).process?.rlimits).toEqual([rlimit]);
});

test("rlimitValue never wraps round", () => {
  expect(rlimitValue(1024)).toBe(1024n);
  expect(rlimitValue(0xffffffffffffffffn)).toBe(0xffffffffffffffffn);
  expect(rlimitValue(JSON.parse("18446744073709551615"))).toBe(0xffffffffffffffffn);
  expect(rlimitValue(-1)).toBe(0xffffffffffffffffn);
});

test("numbers of the kernel", () => {
  expect(rlimitNumber("RLIMIT_NOFILE")).toBe(7);
  expect(rlimitNumber("RLIMIT_AS")).toBe(9);
  expect(rlimitNumber("RLIMIT_RTTIME")).toBe(15);
  for (const type of ["nofile", "RLIMIT_FILES", "RLIMIT_nofile", "RLIMIT_toString"]) {
    expect(() => rlimitNumber(type)).toThrow(`process.rlimits: unknown type ${type}`);
  }
});
