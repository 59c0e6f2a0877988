/** Docker's question before something is removed. */
import { readSync } from "node:fs";
import { isTerminal } from "../engine/terminal.ts";
import { HoyError } from "../spec/error.ts";
import { writeStream } from "./output/write.ts";

/** Reads a line of standard input, up to 1 kB; "" at its end. */
function readLine(): string {
  const byte = Buffer.alloc(1);
  let line = "";
  while (line.length < 1024) {
    try {
      if (readSync(0, byte) === 0 || byte[0] === 10) break;
      line += byte.toString("latin1");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") Bun.sleepSync(10);
      else if (code === "EOF") break;
      else if (code !== "EINTR") throw error;
    }
  }
  return line.trim();
}

/** Asks, and throws HoyError `<what> has been cancelled` for any answer but y. Nobody is asked where no terminal is. */
export function confirm(warning: string, what: string): void {
  if (!isTerminal(0))
    throw new HoyError(`${what} asks before it removes anything, and standard input is no terminal`, {
      exitCode: 1,
      hint: "-f does not ask",
    });
  writeStream(1, Buffer.from(`${warning}\nAre you sure you want to continue? [y/N] `));
  if (readLine().toLowerCase() !== "y") throw new HoyError(`${what} has been cancelled`, { exitCode: 1, hint: "-f does not ask" });
}
