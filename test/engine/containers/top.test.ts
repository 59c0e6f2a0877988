/** Reading what ps printed. */
import { expect, test } from "bun:test";
import { readProcessTable } from "../../../src/engine/containers/top.ts";

test("lines of the container's processes are kept, the last cell with its spaces made one", () => {
  const text = "UID   PID CMD\nroot    1 init  now\nroot   12 sh -c  a b\nroot  123 x\n";
  expect(readProcessTable(text, [12, 123])).toEqual({
    titles: ["UID", "PID", "CMD"],
    processes: [
      ["root", "12", "sh -c a b"],
      ["root", "123", "x"],
    ],
  });
});

test("threads follow their process", () => {
  const text = "PID TTY\n1 ?\n- ?\n2 ?\n- t1\n- t2\n3 ?\n- ?\n";
  expect(readProcessTable(text, [2]).processes).toEqual([
    ["2", "?"],
    ["-", "t1"],
    ["-", "t2"],
  ]);
});

test("no column PID, and no number in it, are errors", () => {
  expect(() => readProcessTable("CMD\nsh\n", [1])).toThrow("Couldn't find PID field in ps output");
  expect(() => readProcessTable("PID CMD\nsh 1\n", [1])).toThrow("Unexpected pid 'sh'");
});
