/** A plan as text, a line per operation: what the golden files hold. Numbers that differ between machines are left out or named. */
import { readSync } from "node:fs";
import * as fd from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { type Part, type PlannedOp, PlayerFd, type Tape, type TapeArg } from "../../../ffi/tape.ts";

const BASE = 0x10000000;
const CALLS = new Map(Object.entries(NR).map(([name, nr]) => [nr, name]));

const names = (value: number, table: Record<string, number>): string => {
  const found = Object.entries(table).filter(([, bit]) => bit !== 0 && (value & bit) === bit);
  const rest = found.reduce((left, [, bit]) => left & ~bit, value);
  return [...found.map(([name]) => name), ...(rest || found.length === 0 ? [`0x${rest.toString(16)}`] : [])].join("|");
};

const OPEN = { O_PATH: fd.O_PATH, O_DIRECTORY: fd.O_DIRECTORY, O_CLOEXEC: fd.O_CLOEXEC, O_RDWR: fd.O_RDWR };
const RESOLVE = {
  IN_ROOT: fd.RESOLVE_IN_ROOT,
  NO_MAGICLINKS: fd.RESOLVE_NO_MAGICLINKS,
  NO_SYMLINKS: fd.RESOLVE_NO_SYMLINKS,
  NO_XDEV: fd.RESOLVE_NO_XDEV,
};
/** MOUNT_ATTR_* */
const ATTRIBUTES = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8 };

/** What lies in the tape's memory once all is laid. */
class Memory {
  constructor(private readonly memfd: number) {}

  word(address: number): number {
    const bytes = Buffer.alloc(8);
    readSync(this.memfd, bytes, 0, 8, address - BASE);
    return Number(bytes.readBigUInt64LE());
  }

  text(address: number): string {
    const bytes = Buffer.alloc(4096);
    const length = readSync(this.memfd, bytes, 0, bytes.length, address - BASE);
    return bytes.toString("utf8", 0, Math.max(bytes.subarray(0, length).indexOf(0), 0));
  }

  texts(address: number): string[] {
    const list: string[] = [];
    for (let at = address; this.word(at) !== 0; at += 8) list.push(this.text(this.word(at)));
    return list;
  }
}

function pointed(memory: Memory, call: string, at: number): string {
  if (call === "openat2") {
    const resolve = names(memory.word(at + 16), RESOLVE);
    return `{${names(memory.word(at), OPEN)}${memory.word(at + 8) ? ` 0${memory.word(at + 8).toString(8)}` : ""}, ${resolve}}`;
  }
  if (call === "mount_setattr") {
    const [set, clear, propagation] = [0, 8, 16].map((offset) => memory.word(at + offset)) as [number, number, number];
    return `{set ${names(set, ATTRIBUTES)}, clear ${names(clear, ATTRIBUTES)}, propagation 0x${propagation.toString(16)}}`;
  }
  if (call === "execve") return JSON.stringify(memory.texts(at));
  return "&";
}

function argument(memory: Memory, call: string, value: TapeArg, index: number): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object") return `$${value.slot}`;
  if (value >= BASE && value < BASE + (8 << 20)) return pointed(memory, call, value);
  if (index === 0 && value === PlayerFd.rootfs && /^(openat2|fchdir|move_mount|mount_setattr)$/.test(call)) return "root";
  if (value === fd.AT_FDCWD) return "here";
  return Math.abs(value) < 10 ? String(value) : `0x${value.toString(16)}`;
}

function line(memory: Memory, { step, nr, args, options }: PlannedOp): string {
  const call = CALLS.get(nr) ?? `call ${nr}`;
  const { out, ignore, skip, expect } = options;
  const ends = [
    out ? ` → $${out.slot}` : "",
    ignore === undefined ? "" : ` or ${ignore}`,
    skip ? `, then skip ${skip}` : "",
    expect === undefined ? "" : ` = ${expect}`,
  ];
  return `${step}: ${call}(${args.map((value, index) => argument(memory, call, value, index)).join(", ")})${ends.join("")}`;
}

/** Capabilities up to this one exist wherever hoy runs; what a newer kernel has besides is left out. */
const LAST_CAPABILITY = 40;
const DROPPED = "drop from the bounding set: capabilities";

/** The part, which is laid into the tape for it. The many steps of the bounding set are one line. */
export function renderPlan(tape: Tape, part: Part): string {
  tape.lay("init", part);
  using sent = tape.send();
  const memory = new Memory(sent.number);
  const lines: string[] = [];
  for (const op of part.ops) {
    const capability = /^drop capability (\d+)/.exec(op.step)?.[1];
    if (capability === undefined) lines.push(line(memory, op));
    else if (Number(capability) > LAST_CAPABILITY) continue;
    else if (lines.at(-1)?.startsWith(DROPPED)) lines.push(`${lines.pop()} ${capability}`);
    else lines.push(`${DROPPED} ${capability}`);
  }
  return lines.map((text) => `${text}\n`).join("");
}
