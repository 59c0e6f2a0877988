/** Writing to our own streams at once, whatever they are: a full pipe is waited for, a closed one ends us as it ends any filter. */
import { writeSync } from "../../../ffi/fs.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";

const EPIPE_CODE = 128 + 13;

/** Writes all of it. When nobody reads any more, the process ends quietly, as SIGPIPE would end it. */
export function writeStream(fd: 1 | 2, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) {
    try {
      at += writeSync(fd, data, at, data.length - at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") Bun.sleepSync(1);
      else if (code === "EPIPE") process.exit(EPIPE_CODE);
      else if (code !== "EINTR")
        throw new HoyError(`cannot write to standard ${fd === 1 ? "output" : "error"}: ${reasonOf(error)}`, { cause: error });
    }
  }
}

/** A line of data. */
export const printLine = (text: string): void => writeStream(1, Buffer.from(`${text}\n`));

/** A line of talk. */
export const tellLine = (text: string): void => writeStream(2, Buffer.from(`${text}\n`));

/** What Docker's daemon would warn of, as its client prints it. */
export const warn = (text: string): void => tellLine(`WARNING: ${text}`);
