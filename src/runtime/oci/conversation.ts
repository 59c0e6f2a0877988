/**
 * What hoy and a container's first process say while it is created; the process plays it from its tape (ffi/tape.ts).
 *
 *     hoy create                      player                       first process
 *        │ spawn, tape ──────────────▶ │ joins namespaces
 *        │ ◀──────────────────── Pid   │ clone ────────────────────▶ │ waits, where ids or cgroups come from outside
 *        │ word ──────────────────────────────────────────────────▶  │ mounts …
 *        │ ◀────────────────────────────────────────────── Mounted   │ waits, where there are hooks
 *        │ (hooks) word ──────────────────────────────────────────▶  │ pivot …
 *        │ ◀─────────────────────────────────────── Ready or Failed  │ waits
 *        │ (record, pid file) word ───────────────────────────────▶  │ closes this conversation
 *     hoy start                                                      │ waits on start.sock
 *        │ datagram with a socket in it ──────────────────────────▶  │ ids, seccomp, execve
 *        │ ◀──────────────── Listener, where others answer its calls │
 *        │ ◀───────────────────── end of file, or Failed, on that    │
 *
 * The end of the conversation before the last word is the end of the process: a create that was killed leaves none. `run` leaves
 * out start.sock, its last word lets the program run.
 */
import { F_DUPFD_CLOEXEC, O_CLOEXEC } from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { PlayerFd, PlayerSlot, slot } from "../../../ffi/tape.ts";
import type { Process } from "../../spec/runtime.ts";
import { encodeFrame, From } from "../frames.ts";
import type { Script } from "../plan/init.ts";
import { copyTree } from "../plan/mounts.ts";
import type { Planner } from "../plan/paths.ts";
import { candidates } from "../plan/process.ts";

/** The frame for "all is mounted", besides those of a monitor. */
export const MOUNTED = 9;

/** The frame with which the descriptor of a seccomp filter comes (seccomp-agent.ts). */
export const LISTENER = 10;

const ROOT = slot(0);
const AT_FDCWD = -100;
const X_OK = 1;
const EBADF = 9;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** Descriptors of the conversation lie above all that the tape opens. */
const HIGH = 256;

export interface Turns {
  /** Ids of a user namespace, or cgroups, are set from outside first. */
  outside: boolean;
  userNamespace: boolean;
  hooks: boolean;
  /** `start` is a call of its own. */
  separateStart: boolean;
  /** An ordinary user may copy no mounts: the process does it, as root of its namespace. */
  rootfs: string | undefined;
}

function say({ tape, part }: Planner, step: string, type: number): void {
  const frame = encodeFrame(type);
  part.op(step, NR.write, [PlayerSlot.sync, tape.bytes(frame), frame.length]);
}

const wait = ({ tape, part }: Planner, step: string): void =>
  void part.op(step, NR.read, [PlayerSlot.sync, tape.space(8), 1], { expect: 1 });

/** Looks for the program before `create` ends, as its user would: there or not, that is an error of create's. */
function findProgram({ part }: Planner, process: Process): void {
  const [program = ""] = process.args ?? [];
  const files = candidates(program, process.env ?? []).map((file) => (file.startsWith("/") ? file : `${process.cwd}/${file}`));
  const last = 2 * files.length + 1;
  for (const [index, file] of files.entries()) {
    part.op(`look for ${file}`, NR.faccessat, [AT_FDCWD, file, X_OK], { ignore: "any", skip: 1 });
    // found: an operation that fails on purpose leaves out the rest
    part.op("found", NR.close, [-1], { ignore: EBADF, skip: last - 2 * index - 2 });
  }
  part.op(`exec ${program}`, NR.faccessat, [AT_FDCWD, files[0] as string, X_OK]);
}

/** The datagram of `start` and the socket in it, which gets number 3, the lowest that is free: the tape can name no other. */
function waitForStart({ tape, part }: Planner): void {
  const header = tape.space(56);
  const vector = tape.space(16);
  tape.poke(vector, tape.space(8));
  tape.poke(vector + 8, 8);
  tape.poke(header + 16, vector);
  tape.poke(header + 24, 1);
  tape.poke(header + 32, tape.space(32));
  tape.poke(header + 40, 24);
  part
    .op("end the conversation with create", NR.close, [PlayerSlot.sync])
    .op("end the conversation with create", NR.close, [PlayerFd.owner]);
  part.op("make place", NR.close, [PlayerFd.tape]);
  part.op("wait for start", NR.recvmsg, [PlayerFd.run, header, MSG_CMSG_CLOEXEC], { expect: 1 });
  part.op("take the socket of start", NR.fcntl, [PlayerFd.tape, F_DUPFD_CLOEXEC, HIGH], { out: PlayerSlot.sync });
}

export function script(turns: Turns, process: Process | undefined): Script {
  return {
    begin(planner) {
      const { part } = planner;
      part.op("take the conversation", NR.fcntl, [PlayerFd.owner, F_DUPFD_CLOEXEC, HIGH], { out: PlayerSlot.sync });
      if (turns.outside) wait(planner, "wait for ids and cgroups");
      if (turns.userNamespace)
        part.op("become root of the namespace", NR.setresgid, [0, 0, 0]).op("become root of the namespace", NR.setresuid, [0, 0, 0]);
      if (turns.rootfs !== undefined) {
        copyTree(planner, turns.rootfs, true, ROOT);
        part.op(`bind ${turns.rootfs}`, NR.dup3, [ROOT, PlayerFd.rootfs, O_CLOEXEC]);
      }
    },
    mounted(planner) {
      if (!turns.hooks) return;
      say(planner, "tell that all is mounted", MOUNTED);
      wait(planner, "wait for the hooks");
    },
    ready(planner) {
      if (process) findProgram(planner, process);
      say(planner, "tell that all is ready", From.ready);
      wait(planner, "wait for the word");
      if (turns.separateStart) waitForStart(planner);
    },
  };
}
