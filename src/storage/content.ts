/** The content store: blobs/sha256/<hex>, each named by what is in it, so a file that is there is whole. */

import { join } from "node:path";
import { closeSync, existsSync, nodeFs, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "../../ffi/fs.ts";
import { HoyError } from "../spec/error.ts";
import type { StorePaths } from "../state/store.ts";
import type { Lease } from "./lease.ts";
import type { ByteSource } from "./tar/reader.ts";

/** `sha256:<hex>` of bytes in memory. */
export const digestOf = (bytes: Uint8Array): string => `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;

/** The hex digits of a digest. Throws HoyError for anything that could not be a file name of ours. */
export function hexOf(digest: string): string {
  const match = /^sha256:([0-9a-f]{64})$/.exec(digest);
  if (!match) throw new HoyError(`${JSON.stringify(digest)} is no sha256 digest`, { status: 400 });
  return match[1] as string;
}

export const blobPath = (store: StorePaths, digest: string): string => join(store.root, "blobs", "sha256", hexOf(digest));

export const hasBlob = (store: StorePaths, digest: string): boolean => existsSync(blobPath(store, digest));

/** A whole blob in memory: for documents, not for layers. Throws HoyError when it is not there. */
export function readBlob(store: StorePaths, digest: string): Buffer {
  try {
    return readFileSync(blobPath(store, digest));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new HoyError(`blob ${digest} is not in the store`, { status: 404, cause: error });
  }
}

/** A blob as a stream. */
export const openBlob = (store: StorePaths, digest: string): ByteSource =>
  nodeFs().createReadStream(blobPath(store, digest), { highWaterMark: 1 << 20 });

/** A blob on its way into the store. */
export interface BlobWriter extends Disposable {
  /** Throws HoyError as soon as there are more bytes than announced. */
  write(bytes: Uint8Array): void;
  /** Compares size and digest with what was announced, then puts the file in its place, leased. Returns its digest. Throws HoyError. */
  commit(): { digest: string; size: number };
}

export interface ExpectedBlob {
  /** Undefined takes any content. */
  digest?: string | undefined;
  size?: number | undefined;
  /** What errors call it. */
  what: string;
}

/** Writes a blob into the lease's folder. The bytes are hashed on the way. */
export function blobWriter(store: StorePaths, lease: Lease, { digest, size, what }: ExpectedBlob): BlobWriter {
  const path = join(lease.folder, `blob-${crypto.randomUUID()}`);
  const fd = openSync(path, "wx", 0o600);
  const hash = new Bun.CryptoHasher("sha256");
  let written = 0;
  let open = true;
  const close = (): void => {
    if (open) closeSync(fd);
    open = false;
  };
  return {
    write(bytes) {
      written += bytes.length;
      if (size !== undefined && written > size) throw new HoyError(`${what}: more than the announced ${size} bytes`);
      hash.update(bytes);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
    },
    commit() {
      close();
      if (size !== undefined && written !== size) throw new HoyError(`${what}: ${written} bytes instead of the announced ${size}`);
      const actual = `sha256:${hash.digest("hex")}`;
      if (digest !== undefined && actual !== digest) throw new HoyError(`${what}: wrong content, its digest is ${actual}`);
      lease.keep(actual);
      renameSync(path, blobPath(store, actual));
      return { digest: actual, size: written };
    },
    [Symbol.dispose]: close,
  };
}

/** Stores a document. `folder` is a lease's. Returns its digest. */
export function writeBlob(store: StorePaths, folder: string, bytes: Uint8Array): string {
  const digest = digestOf(bytes);
  if (hasBlob(store, digest)) return digest;
  const path = join(folder, `blob-${crypto.randomUUID()}`);
  writeFileSync(path, bytes, { mode: 0o600 });
  renameSync(path, blobPath(store, digest));
  return digest;
}
