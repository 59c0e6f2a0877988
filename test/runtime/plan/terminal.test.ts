/** The terminal's operations, read from the tape. */
import { expect, test } from "bun:test";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, PlayerFd, Tape } from "../../../ffi/tape.ts";
import { openTerminal } from "../../../src/runtime/plan/terminal.ts";

test("the master is passed under a number that no descriptor opened by the tape can have", () => {
  const tape = new Tape();
  const part = new Part();
  openTerminal({ tape, part, known: new Set() }, undefined, 0);
  const numbers = part.ops.filter(({ nr }) => nr === NR.dup3).map(({ args }) => args[1] as number);
  expect(numbers).toHaveLength(1);
  expect(Object.values(PlayerFd) as number[]).toContain(numbers[0] as number);
});
