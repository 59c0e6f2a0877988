/**
 * The tape: system calls decided in TypeScript, played by ffi/player.c. It lies in a memfd that the player maps at BASE, so that
 * pointers in it are plain numbers. A tape is data: tests read it without root. Keep the layout in step with player.c.
 */
import { EINVAL, SysError } from "./errno.ts";
import { Fd } from "./fd.ts";
import { addressOf, cstr, sys } from "./libc.ts";
import { NR } from "./syscalls.ts";

const VERSION = 1;
const BASE = 0x10000000;
const HEAD = 256;
const OP = 80;
/** What the player maps. The memfd is sparse: only what is used takes memory. */
const SIZE = 8 << 20;

export const Mode = { play: 0, exec: 1, start: 2 } as const;
/** The step of a failure that names none: the first process could not tell of it. */
export const FIRST_PROCESS = "start the container's first process";
export const Flag = {
  tty: 1,
  stdin: 2,
  stdinOnce: 4,
  noLog: 8,
  attached: 16,
  reaper: 32,
  followUp: 64,
  report: 128,
  leave: 256,
  adopt: 512,
} as const;

/** Descriptors that the player finds in place. */
export const PlayerFd = {
  tape: 3,
  owner: 4,
  data: 5,
  run: 6,
  alive: 7,
  rootfs: 8,
  monitorCgroup: 9,
  payloadCgroup: 10,
  engine: 11,
} as const;

/** The result of an earlier operation, as an argument of a later one. */
export interface Slot {
  readonly slot: number;
}
const slots: Slot[] = [];
for (let slot = 0; slot < 64; slot++) slots.push({ slot });
export const slot = (index: number): Slot => slots[index] as Slot;

/** Slots that the player fills (streams, sync) or reads (log, listen). 0 to 47 are free for parts. */
export const PlayerSlot = {
  stdin: slot(48),
  stdout: slot(49),
  stderr: slot(50),
  sync: slot(51),
  log: slot(52),
  listen: slot(53),
} as const;

export type TapeArg = number | string | Slot;

export interface OpOptions {
  /** Where the result goes. */
  out?: Slot;
  /** Errors that do not stop the tape: one to four errnos, or "any". */
  ignore?: number | readonly number[] | "any";
  /** How many operations to leave out after an ignored error. */
  skip?: number;
  /** The only result that is right, for calls where 0 would mean the end (read). */
  expect?: number;
}

/** One operation as tests and `--explain` read it. */
export interface PlannedOp {
  step: string;
  nr: number;
  args: readonly TapeArg[];
  options: OpOptions;
}

/** A sequence of operations. */
export class Part {
  readonly ops: PlannedOp[] = [];

  op(step: string, nr: number, args: readonly TapeArg[], options: OpOptions = {}): this {
    this.ops.push({ step, nr, args, options });
    return this;
  }
}

const ignoreWord = (ignore: readonly number[] | "any"): number => {
  if (ignore === "any") return -1;
  if (ignore.length > 4) throw new RangeError("an operation can ignore four errors at most");
  return ignore.reduce((word, errno, index) => word | (errno << (8 * index)), 0);
};

/** The player's memory while it is written: data and strings grow from the start, parts are laid down when they are complete. */
export class Tape {
  #bytes = Buffer.alloc(1 << 16);
  #words = new Uint32Array(this.#bytes.buffer);
  #used = HEAD;
  #written = 0;
  #steps: string[] = [];
  #strings = new Map<string, number>();
  #fd: Fd | undefined;

  constructor() {
    this.#word(0, VERSION);
    this.#word(32, SIZE);
  }

  /** The step that a failure's number stands for. */
  step(index: number): string {
    return this.#steps[index] ?? (index === -2 ? "clone the container's first process" : FIRST_PROCESS);
  }

  /** All steps so far, by number. */
  get steps(): readonly string[] {
    return this.#steps;
  }

  /** Space of `size` bytes, zero; returns its address. */
  space(size: number): number {
    const at = this.#used;
    this.#used = (at + size + 7) & ~7;
    if (this.#used > SIZE) throw new RangeError("the container's arguments, environment and mounts are too long together");
    if (this.#used > this.#bytes.length) this.#grow(this.#used);
    return BASE + at;
  }

  bytes(data: Uint8Array): number {
    const at = this.space(data.length);
    this.#bytes.set(data, at - BASE);
    return at;
  }

  /** A NUL-terminated string; the same text is stored once. */
  string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    if (text.includes("\0")) throw new SysError("a NUL byte in a path, argument or variable", EINVAL);
    const at = this.space(text.length * 3 + 1);
    const length = this.#bytes.write(text, at - BASE, "utf8");
    this.#used = (at - BASE + length + 8) & ~7;
    this.#strings.set(text, at);
    return at;
  }

  /** A NULL-terminated array of strings (argv, envp). */
  strings(texts: readonly string[]): number {
    const at = this.space(8 * (texts.length + 1));
    for (const [index, text] of texts.entries()) this.#word(at - BASE + index * 8, this.string(text));
    return at;
  }

  /** Stores one 64-bit number at an address of this tape. */
  poke(address: number, value: number): void {
    this.#word(address - BASE, value);
  }

  /** struct clone_args (clone3(2)): flags, exit signal, descriptor of the cgroup to be born in. */
  cloneArgs(args: { flags: number; exitSignal: number; cgroup?: number }): number {
    const at = this.space(88);
    const into = args.cgroup === undefined ? 0 : 0x200000000; // CLONE_INTO_CGROUP
    this.poke(at, args.flags + into);
    this.poke(at + 32, args.exitSignal);
    if (args.cgroup !== undefined) this.poke(at + 80, args.cgroup);
    return at;
  }

  /** struct msghdr with a body and one descriptor as SCM_RIGHTS (unix(7)). */
  descriptorMessage(body: Uint8Array, fd: number): number {
    const vector = this.space(16);
    this.poke(vector, this.bytes(body));
    this.poke(vector + 8, body.length);
    const control = this.space(24);
    this.poke(control, 20);
    this.poke(control + 8, 1 + 1 * 4294967296); // SOL_SOCKET, SCM_RIGHTS
    this.poke(control + 16, fd);
    const header = this.space(56);
    this.poke(header + 16, vector);
    this.poke(header + 24, 1);
    this.poke(header + 32, control);
    this.poke(header + 40, 24);
    return header;
  }

  /** The player's orders; each is one field of `struct head`. */
  set mode(mode: number) {
    this.#word(8, mode);
  }
  set flags(flags: number) {
    this.#word(16, flags);
  }
  set clone(address: number) {
    this.#word(88, address);
  }
  set monitorClone(address: number) {
    this.#word(96, address);
  }
  set log(limits: { maxSize: number; files: number }) {
    this.#word(104, limits.maxSize);
    this.#word(112, limits.files);
  }
  set engine(program: { path: string; argv: readonly string[]; env: readonly string[] }) {
    this.#word(120, this.string(program.path));
    this.#word(128, this.strings(program.argv));
    this.#word(136, this.strings(program.env));
  }

  /** Everything so far outlives the start; what comes later is given back once the container runs. */
  keep(): void {
    this.#used = (this.#used + 4095) & ~4095;
    this.space(0);
    this.#word(24, this.#used);
    this.#strings.clear();
  }

  /** Lays a part down. Data that its operations point to must be complete. */
  lay(name: "early" | "join" | "init", part: Part): void {
    const field = name === "early" ? 40 : name === "join" ? 56 : 72;
    const address = this.space(part.ops.length * OP);
    this.#layOps((address - BASE) >> 2, part.ops);
    this.#word(field, address);
    this.#word(field + 8, part.ops.length);
  }

  /**
   * Writes the operations from the word `first` on. On the way of every start, for hundreds of operations: one loop without calls,
   * which the interpreter is through with before the compilers notice.
   */
  #layOps(first: number, ops: readonly PlannedOp[]): void {
    const strings = this.#strings;
    let at = first;
    for (let n = 0; n < ops.length; n++) {
      const { step, nr, args, options } = ops[n] as PlannedOp;
      let used = 0;
      for (let index = 0; index < args.length; index++) {
        const arg = args[index] as TapeArg;
        let value: number;
        if (typeof arg === "number") value = arg;
        else if (typeof arg === "string") value = strings.get(arg) ?? this.string(arg);
        else {
          used |= 1 << index;
          value = arg.slot;
        }
        const words = this.#words; // a new string may have moved them
        const i = at + 2 + index * 2;
        words[i] = value;
        if (value < 0 || value > 0xffffffff) words[i + 1] = Math.floor(value / 4294967296);
      }
      const words = this.#words;
      const { ignore } = options;
      words[at] = nr;
      words[at + 14] = options.out ? options.out.slot : -1;
      words[at + 15] = used;
      words[at + 16] = ignore === undefined ? 0 : typeof ignore === "number" ? ignore : ignoreWord(ignore);
      words[at + 17] = options.expect ?? -1;
      words[at + 18] = this.#steps.length;
      words[at + 19] = options.skip ?? 0;
      this.#steps.push(step);
      at += OP >> 2;
    }
  }

  #word(at: number, value: number): void {
    this.#words[at >> 2] = value;
    this.#words[(at >> 2) + 1] = value < 0 || value > 0xffffffff ? Math.floor(value / 4294967296) : 0;
  }

  #grow(needed: number): void {
    let size = this.#bytes.length;
    while (size < needed) size *= 2;
    const larger = Buffer.alloc(size);
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#words = new Uint32Array(larger.buffer);
  }

  /** Writes what is new into the memfd, and the head again. */
  send(): Fd {
    if (!this.#fd) {
      this.#fd = new Fd(sys(NR.memfd_create, cstr("hoy-tape"), 1));
      if (this.#fd.number < 0) throw new SysError("memfd_create hoy-tape", -this.#fd.number);
      sys(NR.ftruncate, this.#fd.number, SIZE);
    }
    const base = addressOf(this.#bytes);
    const from = this.#written;
    const size = this.#used - from;
    const result = sys(NR.pwrite64, this.#fd.number, base + from, size, from);
    if (result !== size) throw new SysError("write the tape", result < 0 ? -result : 28);
    if (from > 0) sys(NR.pwrite64, this.#fd.number, base, HEAD, 0);
    this.#written = this.#used;
    return this.#fd;
  }
}
