/** The container's terminal: a pty of its own devpts, whose master goes to the monitor (runtime-spec, "process.terminal"). */
import { O_NOCTTY, O_RDWR } from "../../../ffi/fd.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { PlayerFd, PlayerSlot, type Slot, slot } from "../../../ffi/tape.ts";
import { OPEN_TREE_CLONE } from "./mounts.ts";
import { attach, makeFile, openInRoot, type Planner } from "./paths.ts";

const MASTER = slot(4);
const SLAVE = slot(41);
const MOUNT = slot(3);
const CLOEXEC = 0o2000000;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const TIOCSWINSZ = 0x5414;
const TIOCSCTTY = 0x540e;
/**
 * A fixed number for the master, as the control message that carries it is written beforehand: a place that only the monitor uses,
 * as any other number may be that of a descriptor which the tape has just opened.
 */
const MASTER_FD = PlayerFd.engine;
const SYNC_TTY = 2;
const AT_EMPTY_PATH = 0x1000;

export interface TerminalSize {
  rows: number;
  columns: number;
}

/** Who gets the master, and what is said with it. */
export interface MasterReceiver {
  socket: Slot | number;
  body: Uint8Array;
}

const MONITOR: MasterReceiver = { socket: PlayerSlot.sync, body: new Uint8Array(new Int32Array([SYNC_TTY, 0, 0]).buffer) };

/** Opens the pty in the devpts at /dev/pts, hands its master over and leaves the slave in the slot returned. */
export function openTerminal(planner: Planner, size: TerminalSize | undefined, uid: number, to: MasterReceiver = MONITOR): Slot {
  const { tape, part } = planner;
  openInRoot(planner, "open /dev/pts/ptmx", "dev/pts/ptmx", { flags: O_RDWR | O_NOCTTY, noLinks: true, out: MASTER });
  part.op("unlock the terminal", NR.ioctl, [MASTER, TIOCSPTLCK, tape.space(8)]);
  part.op("open the terminal", NR.ioctl, [MASTER, TIOCGPTPEER, O_RDWR | O_NOCTTY | CLOEXEC], { out: SLAVE });
  if (size) {
    const words = tape.bytes(new Uint8Array(new Uint16Array([size.rows, size.columns, 0, 0]).buffer));
    part.op("set the terminal's size", NR.ioctl, [MASTER, TIOCSWINSZ, words]);
  }
  if (uid !== 0) part.op("give the terminal to the user", NR.fchown, [SLAVE, uid, -1]);
  part.op("pass the terminal", NR.dup3, [MASTER, MASTER_FD, CLOEXEC]);
  part.op("pass the terminal", NR.sendmsg, [to.socket, tape.descriptorMessage(to.body, MASTER_FD), 0]);
  return SLAVE;
}

/** /dev/console is the terminal too; its target is opened without following a link (CVE-2025-52565). */
export function bindConsole(planner: Planner, slave: Slot): void {
  makeFile(planner, "/dev/console");
  planner.part.op("bind /dev/console", NR.open_tree, [slave, "", OPEN_TREE_CLONE | CLOEXEC | AT_EMPTY_PATH], { out: MOUNT });
  attach(planner, "bind /dev/console", MOUNT, "dev/console", true);
}

/** Makes the slave the standard streams and the controlling terminal of a new session. */
export function useTerminal({ part }: Planner, slave: Slot): void {
  for (const target of [0, 1, 2]) part.op("use the terminal", NR.dup3, [slave, target, 0]);
  part.op("set the controlling terminal", NR.ioctl, [0, TIOCSCTTY, 0]);
}
