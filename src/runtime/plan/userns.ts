/**
 * A first process in a user namespace of its own has no rights over what is the host's. So the intermediate process of a joined clone
 * (clone_joined in ffi/player.c) does beforehand what takes them, and hands it over; then the process waits for its ids.
 */
import { EINVAL } from "../../../ffi/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_PATH, O_WRONLY } from "../../../ffi/fd.ts";
import { sys } from "../../../ffi/libc.ts";
import { PRESERVED } from "../../../ffi/player.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, PlayerSlot, slot, type Tape } from "../../../ffi/tape.ts";
import type { Mount, Process, Spec } from "../../spec/runtime.ts";
import { checkUser, type IdMaps } from "../id-maps.ts";
import { rlimitNumber, rlimitValue } from "../rlimits.ts";
import { joinCgroups, type Script, waitForWord } from "./init.ts";
import { parseMountOptions } from "./mount-options.ts";
import { copySource } from "./mounts.ts";
import type { Planner } from "./paths.ts";
import { giveStreams } from "./streams.ts";

const COPY = slot(44);
const SCORE = slot(45);

export interface OwnUserNamespace {
  maps: IdMaps;
  spec: Spec;
  /** v1 `tasks` files. */
  joinCgroups: readonly string[];
  /** The standard streams are the monitor's pipes; input too. */
  streams: { stdin: boolean } | undefined;
}

export interface Prepared {
  part: Part;
  /** Descriptors in the player of the mounts that were made. */
  readyMounts: ReadonlyMap<Mount, number>;
  script: Script;
}

function setOomScore(part: Part, score: number | undefined): void {
  if (score === undefined) return;
  const step = `set oom_score_adj to ${score}`;
  part.op(step, NR.openat, [AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC], { out: SCORE });
  part.op(step, NR.write, [SCORE, String(score), String(score).length]).op("close", NR.close, [SCORE]);
}

/** Limits above our own: to raise one takes a right over the host (getrlimit(2)). The process sets them all itself. */
function raiseLimits(tape: Tape, part: Part, limits: Process["rlimits"]): void {
  for (const { type, hard } of limits ?? []) {
    const own = new BigUint64Array(2);
    sys(NR.prlimit64, 0, rlimitNumber(type), 0, own);
    const [soft = 0n, most = 0n] = own;
    if (rlimitValue(hard) <= most) continue;
    const at = tape.bytes(new Uint8Array(new BigUint64Array([soft, rlimitValue(hard)]).buffer));
    part.op(`raise ${type}`, NR.prlimit64, [0, rlimitNumber(type), at, 0]);
  }
}

function copyMounts(planner: Planner, mounts: readonly Mount[]): Map<Mount, number> {
  const ready = new Map<Mount, number>();
  for (const mount of mounts) {
    const options = parseMountOptions(mount.destination, mount.options ?? []);
    if (mount.source === undefined || !(mount.detached || options.bind || mount.type === "bind")) continue;
    const number = PRESERVED + ready.size;
    if (mount.detached)
      planner.part.op(`mount ${mount.destination}`, NR.openat, [AT_FDCWD, mount.source, O_PATH | O_CLOEXEC], { out: COPY });
    else copySource(planner, mount, options.recursive, COPY);
    planner.part.op("keep the mount", NR.dup3, [COPY, number, O_CLOEXEC]).op("close", NR.close, [COPY]);
    ready.set(mount, number);
  }
  return ready;
}

/** `join`: what is played before, where other namespaces are entered. Throws HoyError. */
export function planUserNamespace(tape: Tape, { maps, spec, joinCgroups: files, streams }: OwnUserNamespace, join?: Part): Prepared {
  const part = join ?? new Part();
  const { process } = spec;
  checkUser(maps, process?.user ?? { uid: 0, gid: 0 });
  joinCgroups(part, files);
  setOomScore(part, process?.oomScoreAdj);
  if (streams) giveStreams(part, maps, process?.user.uid ?? 0, streams);
  const readyMounts = copyMounts({ tape, part, known: new Set() }, spec.mounts ?? []);
  raiseLimits(tape, part, process?.rlimits);
  return { part, readyMounts, script };
}

/** EINVAL: a namespace of a single id that is not root's. The process stays who it is, with all rights inside. */
const script: Script = {
  begin(planner) {
    const { tape, part } = planner;
    part.op("wait for the ids", NR.read, [PlayerSlot.sync, tape.space(8), 1], { expect: 1 });
    part.op("become root of the namespace", NR.setresgid, [0, 0, 0], { ignore: EINVAL });
    part.op("become root of the namespace", NR.setresuid, [0, 0, 0], { ignore: EINVAL });
  },
  mounted() {},
  ready: waitForWord,
};
