/** Asking for an account: lines from the terminal, the password without echo. */
import { readSync } from "node:fs";
import { isTerminal, makeRaw } from "../../engine/terminal.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { writeStream } from "../output/write.ts";

const ask = (prompt: string): void => writeStream(2, Buffer.from(prompt));

const LONGEST = 64 * 1024;
const KEY = { interrupt: 0x03, end: 0x04, backspace: 0x08, newline: 0x0a, enter: 0x0d, erase: 0x15, delete: 0x7f } as const;
const INTERRUPTED = 130;

/** The bytes of standard input one by one, as what follows the line is not ours. */
function* readBytes(): Generator<number> {
  const byte = Buffer.alloc(1);
  while (readSync(0, byte, 0, 1, null) === 1) yield byte[0] ?? 0;
}

/** A line without its end; "" at the end of input. */
function readLine(): string {
  const bytes: number[] = [];
  for (const byte of readBytes()) {
    if (byte === KEY.newline || bytes.push(byte) === LONGEST) break;
  }
  return Buffer.from(bytes).toString("utf8").replace(/\r$/, "");
}

/** A character of UTF-8 may be several bytes, all but the first 10xxxxxx. */
function dropCharacter(bytes: number[]): void {
  while (((bytes.pop() ?? 0) & 0xc0) === 0x80);
}

/** A line from a raw terminal, which shows nothing: the keys that edit and end a line are read here. */
function readSecret(restore: () => void): string {
  const bytes: number[] = [];
  for (const byte of readBytes()) {
    if (byte === KEY.enter || byte === KEY.newline || byte === KEY.end) break;
    if (byte === KEY.interrupt) {
      restore();
      ask("\n");
      process.exit(INTERRUPTED);
    }
    if (byte === KEY.backspace || byte === KEY.delete) dropCharacter(bytes);
    else if (byte === KEY.erase) bytes.length = 0;
    else if (bytes.push(byte) === LONGEST) break;
  }
  return Buffer.from(bytes).toString("utf8");
}

function needTerminal(): void {
  if (isTerminal(0)) return;
  throw new HoyError("Cannot perform an interactive login from a non TTY device", { hint: "give --username and --password-stdin" });
}

export function askUsername(known: string | undefined): string {
  needTerminal();
  ask(known ? `Username (${known}): ` : "Username: ");
  return readLine().trim() || known || "";
}

export function askPassword(): string {
  needTerminal();
  // First, so that what is typed ahead at the sight of the prompt is not shown either.
  const restore = makeRaw(0) ?? (() => undefined);
  ask("Password: ");
  try {
    return readSecret(restore);
  } finally {
    restore();
    ask("\n");
  }
}

/** All of standard input, without the line end that echo and files put there. */
export async function passwordFromStdin(): Promise<string> {
  try {
    return (await Bun.stdin.text()).replace(/\r?\n$/, "");
  } catch (error) {
    throw new HoyError(`cannot read standard input: ${reasonOf(error)}`, { cause: error });
  }
}
