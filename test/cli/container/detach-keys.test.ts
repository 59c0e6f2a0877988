import { expect, test } from "bun:test";
import { DetachKeys } from "../../../src/cli/container/detach-keys.ts";

const P = 16;
const Q = 17;
const A = 97;

/** What is sent on for what is typed, chunk by chunk, up to the detaching. */
function type(keys: number[], ...chunks: number[][]): { sent: number[]; detached: boolean } {
  const filter = new DetachKeys(Uint8Array.from(keys));
  const sent: number[] = [];
  for (const chunk of chunks) {
    const { data, detach } = filter.filter(Uint8Array.from(chunk));
    sent.push(...data);
    if (detach) return { sent, detached: true };
  }
  return { sent, detached: false };
}

test("the sequence detaches and is not sent on", () => {
  expect(type([P, Q], [A, P, Q, A])).toEqual({ sent: [A], detached: true });
});

test("it may come in pieces", () => {
  expect(type([P, Q], [A, P], [Q])).toEqual({ sent: [A], detached: true });
});

test("a beginning that comes to nothing is sent on, late", () => {
  expect(type([P, Q], [P])).toEqual({ sent: [], detached: false });
  expect(type([P, Q], [P], [A])).toEqual({ sent: [P, A], detached: false });
});

test("the first key twice begins again", () => {
  expect(type([P, Q], [P, P, Q])).toEqual({ sent: [P], detached: true });
});

test("a single key, and none", () => {
  expect(type([1], [A, 1])).toEqual({ sent: [A], detached: true });
  expect(type([], [A, P, Q])).toEqual({ sent: [A, P, Q], detached: false });
});
