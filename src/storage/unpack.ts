/** Unpacks the tar of a layer into a folder for overlayfs. */

import { EDQUOT, ENOSPC } from "../../ffi/errno.ts";
import { O_DIRECTORY, O_RDONLY, open } from "../../ffi/fd.ts";
import { programName } from "../spec/caller.ts";
import { HoyError } from "../spec/error.ts";
import { tarParser } from "./tar/parser.ts";
import { asBuffer, type ByteSource } from "./tar/reader.ts";
import { layerWriter, type UnpackedLayer } from "./unpack/writer.ts";

export { settleLayer } from "./unpack/settle.ts";
export type { UnpackedLayer };

export interface UnpackOptions {
  /** An empty folder. */
  root: string;
  /** Marks for an overlay mounted with `userxattr`, and no device nodes. */
  rootless: boolean;
  /** Told of the bytes of tar read so far. */
  onProgress?: (bytes: number) => void;
}

/**
 * Reads the whole (uncompressed) stream. Safe for archives from strangers: nothing is made, changed or removed outside of `root`.
 * Throws HoyError for a corrupt or hostile archive, SysError for a full disk; the caller removes the folder then.
 */
export async function unpackLayer(source: ByteSource, { root, rootless, onProgress }: UnpackOptions): Promise<UnpackedLayer> {
  using folder = open(root, O_RDONLY | O_DIRECTORY);
  using writer = layerWriter(folder.number, rootless);
  const parser = tarParser(writer);
  let bytes = 0;
  for await (const chunk of source) {
    const buffer = asBuffer(chunk);
    parser.feed(buffer);
    bytes += buffer.length;
    relieveMemory(buffer.length);
    onProgress?.(bytes);
  }
  parser.finish();
  return writer.finish();
}

/** The collector takes its time with buffers where there is much memory: three layers at once would hold 160 MB, so hold 100. */
const COLLECT_EVERY = 2 << 20;
let sinceCollection = 0;

function relieveMemory(bytes: number): void {
  sinceCollection += bytes;
  if (sinceCollection < COLLECT_EVERY) return;
  sinceCollection = 0;
  Bun.gc(true);
}

/** A full disk or an exhausted quota is the user's to act on; other errors pass. */
export function diskFull(error: unknown, path: string): unknown {
  const { code, errno = 0 } = error as { code?: string; errno?: number };
  const number = code === "SQLITE_FULL" ? ENOSPC : Math.abs(errno);
  if (number !== ENOSPC && number !== EDQUOT) return error;
  const words = number === ENOSPC ? "no space left on device" : "disk quota exceeded";
  return new HoyError(`cannot write to ${path}: ${words}`, {
    hint: `${programName()} image prune -a frees what no container uses`,
    cause: error,
  });
}
