/** From a tree straight into a writer of files, without a tar in between. */

import type { TreeMember } from "./pack.ts";
import { NO_XATTRS, type TarEntry } from "./tar/entry.ts";
import { BLOCK } from "./tar/header.ts";
import type { TarSink } from "./tar/parser.ts";
import { asBuffer } from "./tar/reader.ts";
import { type TarInput, tarHeader } from "./tar/writer.ts";

/** After so many bytes, signals and timers get their turn. */
const TURN = 64 << 20;

/** Gives all members to the sink. `onBytes` is told of each step how many bytes of a tar it would be. Throws what the two throw. */
export async function copyMembers(members: Iterable<TreeMember>, sink: TarSink, onBytes?: (bytes: number) => void): Promise<void> {
  let sinceTurn = 0;
  for (const { entry, body } of members) {
    sink.entry(tarEntry(entry));
    let offset = 0;
    for (const bytes of body ?? []) {
      sink.data(asBuffer(bytes), offset);
      offset += bytes.length;
      onBytes?.(bytes.length);
      sinceTurn += bytes.length;
      if (sinceTurn < TURN) continue;
      sinceTurn = 0;
      await Bun.sleep(0);
    }
    sink.end();
    if (onBytes) onBytes((-offset & (BLOCK - 1)) + tarHeader(entry).length);
  }
}

/** The member as a parser would have read it. */
export const tarEntry = (input: TarInput): TarEntry => ({
  flag: "0",
  linkName: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  userName: "",
  groupName: "",
  size: 0,
  mtime: 0n,
  atime: undefined,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: NO_XATTRS,
  extents: undefined,
  ...input,
});
