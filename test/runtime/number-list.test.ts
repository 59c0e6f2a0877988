import { expect, test } from "bun:test";
import { bitMask, parseNumberList } from "../../src/runtime/number-list.ts";

test("lists of CPUs and nodes as cpuset(7) has them", () => {
  expect(parseNumberList("0-2,4, 7", "x")).toEqual([0, 1, 2, 4, 7]);
  expect(parseNumberList("", "x")).toEqual([]);
  for (const wrong of ["a", "2-1", "1-", "-1", "99999"]) expect(() => parseNumberList(wrong, "x")).toThrow("x: ");
});

test("masks are whole words", () => {
  expect([...bitMask([0, 9])]).toEqual([1, 2, 0, 0, 0, 0, 0, 0]);
  expect(bitMask([64])).toHaveLength(16);
  expect(bitMask([])).toHaveLength(8);
});
