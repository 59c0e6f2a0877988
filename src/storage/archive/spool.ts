/**
 * An image archive spread out below a lease's folder: its members come in any order, and may be large. Names in the archive
 * are keys of a map and nothing else; files are numbered (CVE-2014-9357).
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { HoyError } from "../../spec/error.ts";
import { decompress } from "../compression.ts";
import type { SpooledFile } from "../ingest/layer.ts";
import { shown } from "../tar/entry.ts";
import { type ByteSource, readTar } from "../tar/reader.ts";
import { cleanName, splitName } from "../unpack/names.ts";

export interface Spool {
  /** The file with this name, links followed; undefined when there is none. */
  find(name: string): SpooledFile | undefined;
  /** A document of the archive. Throws HoyError when it is missing or larger than 8 MiB. */
  read(name: string): Buffer;
}

const MAX_DOCUMENT = 8 << 20;
const MAX_MEMBERS = 100_000;
const MAX_LINKS = 10;

/** Reads a whole archive, packed or not. Throws HoyError when it is corrupt or no archive. */
export async function spoolArchive(source: ByteSource, folder: string): Promise<Spool> {
  const files = new Map<string, SpooledFile>();
  const links = new Map<string, string>();
  const { stream } = await decompress(source, "image archive");
  let members = 0;
  try {
    for await (const { entry, body } of readTar(stream)) {
      if (++members > MAX_MEMBERS) throw new HoyError("this is no image archive: it has too many members");
      const name = cleanName(entry.name);
      links.delete(name);
      // Nobody packs images so, and a few bytes would become as large as they like.
      if (entry.extents) throw new HoyError(`corrupt image archive: ${shown(name)} is a sparse file`);
      if (entry.type === "file") files.set(name, await writeFile(body, join(folder, `member-${members}`)));
      else if (entry.type === "symlink") links.set(name, cleanName(`${splitName(name).parent}/${entry.linkName}`));
      else if (entry.type === "hardlink") links.set(name, cleanName(entry.linkName));
    }
  } catch (error) {
    if (members > 0 || !(error instanceof HoyError)) throw error;
    throw new HoyError(`this is no image archive: ${error.message}`, { cause: error });
  }
  const find = (name: string): SpooledFile | undefined => {
    let at = cleanName(name);
    for (let left = MAX_LINKS; left > 0 && links.has(at); left--) at = links.get(at) as string;
    return files.get(at);
  };
  return {
    find,
    read(name) {
      const file = find(name);
      if (!file) throw new HoyError(`corrupt image archive: ${shown(name)} is missing`);
      if (file.size > MAX_DOCUMENT) throw new HoyError(`corrupt image archive: ${shown(name)} is too large`);
      return readFileSync(file.path);
    },
  };
}

async function writeFile(body: ByteSource, path: string): Promise<SpooledFile> {
  const fd = openSync(path, "wx", 0o600);
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  try {
    for await (const bytes of body) {
      hash.update(bytes);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
      size += bytes.length;
    }
  } finally {
    closeSync(fd);
  }
  return { path, digest: `sha256:${hash.digest("hex")}`, size };
}
