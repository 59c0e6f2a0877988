/** The user's program and its place, read from the tape. */
import { expect, test } from "bun:test";
import { candidates } from "../../../src/runtime/plan/process.ts";

test("what can only be too long a name is no candidate, unless nothing else is left", () => {
  const long = "a".repeat(300);
  const deep = "/a".repeat(2_100);
  expect(candidates("true", [`PATH=/${long}:/bin:${deep}::/${"é".repeat(128)}`])).toEqual(["/bin/true", "./true"]);
  expect(candidates(long, ["PATH=/sbin:/bin"])).toEqual([`/bin/${long}`]);
  expect(candidates(`./${long}`, ["PATH=/bin"])).toEqual([`./${long}`]);
});
