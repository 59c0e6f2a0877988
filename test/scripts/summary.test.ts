import { expect, test } from "bun:test";
import { readSummary } from "../../scripts/test.ts";

const ran = "Ran 5 tests across 1 file. [6.00ms]\n";

test("bun's summary is read", () => {
  expect(readSummary(` 1 pass\n 2 skip\n 1 todo\n 3 fail\n 1 expect() calls\n${ran}`, 1)).toEqual({ passed: 1, failed: 3, skipped: 3 });
});

test("an error outside of a test counts as a failure", () => {
  expect(readSummary(` 1 pass\n 0 fail\n 1 error\n${ran}`, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
});

test("a crash, a missing summary or a bad exit code counts as a failure", () => {
  expect(readSummary("(pass) a\n", 0).failed).toBe(1);
  expect(readSummary(` 4 pass\n 0 fail\n${ran}`, 139).failed).toBe(1);
  expect(readSummary("", 139).failed).toBe(1);
});
