/** Files that are there as a whole or not at all. */
import { closeSync, existsSync, openSync, renameSync, rmSync, statSync, writeSync } from "../../ffi/fs.ts";
import { HoyError, reasonOf } from "../spec/error.ts";

/**
 * Writes the stream beside its place and renames it there, so that no half of it is ever found. `failure` begins what is said of a
 * place that is none: `failed to save image`. Throws HoyError.
 */
export async function writeWhole(bytes: AsyncIterable<Uint8Array>, path: string, failure: string): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    checkPlace(path, failure);
    const file = openSync(partial, "w", 0o600);
    try {
      // each piece is written before the next is asked for, which may come in the same memory
      for await (const piece of bytes)
        for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at, piece.length - at, undefined, partial);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (error) {
    // of a path below a file there is nothing to remove
    if (existsSync(partial)) rmSync(partial);
    if (error instanceof HoyError || !(error as { syscall?: string }).syscall) throw error;
    throw new HoyError(`cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** A device or a pipe would be replaced by the file, and a folder is no place for one. Docker's words. */
function checkPlace(path: string, failure: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile())
    throw new HoyError(`${failure}: invalid output path: ${JSON.stringify(path)} must be a regular file`, { status: 400 });
}
