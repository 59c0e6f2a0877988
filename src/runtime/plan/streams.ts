/** Whose the pipes are that a process has as its standard streams. */
import { NR } from "../../../ffi/syscalls.ts";
import { type Part, PlayerSlot } from "../../../ffi/tape.ts";
import { type IdMaps, outerId } from "../id-maps.ts";

/** The pipes are given to the container's user, who may open /dev/stdout again. */
export function giveStreams(part: Part, { uidMaps }: IdMaps, uid: number, { stdin }: { stdin: boolean }): void {
  const owner = outerId(uidMaps, uid);
  if (owner === undefined) return;
  for (const stream of [...(stdin ? [PlayerSlot.stdin] : []), PlayerSlot.stdout, PlayerSlot.stderr])
    part.op("give a stream to the user", NR.fchown, [stream, owner, -1]);
}
