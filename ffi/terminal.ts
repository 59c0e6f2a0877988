/** The caller's own terminal: raw mode and size (ioctl_tty(2), termios(3)). */
import { sys } from "./libc.ts";
import { NR } from "./syscalls.ts";

const TCGETS = 0x5401;
const TCSETSW = 0x5403;
const TIOCGWINSZ = 0x5413;
/** struct termios of the kernel: four words of flags, line discipline, 19 control characters. */
const TERMIOS = 60;
const IFLAG_RAW = 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000; // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
const LFLAG_RAW = 0o10 | 0o100 | 0o2 | 0o1 | 0o100000; // ECHO ECHONL ICANON ISIG IEXTEN
const OPOST = 0o1;
const CSIZE_PARENB = 0o60 | 0o400;
const CS8 = 0o60;
const VTIME = 5;
const VMIN = 6;
const CONTROL = 17;

/** True when the descriptor is a terminal. */
export const isTerminal = (fd: number): boolean => sys(NR.ioctl, fd, TCGETS, Buffer.alloc(TERMIOS)) === 0;

/** Rows and columns, undefined when it is no terminal or has no size. */
export function terminalSize(fd: number): { rows: number; columns: number } | undefined {
  const size = new Uint16Array(4);
  if (sys(NR.ioctl, fd, TIOCGWINSZ, size) !== 0) return undefined;
  const [rows = 0, columns = 0] = size;
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

/** Puts the terminal into raw mode as cfmakeraw(3) does; the function returned restores it. Undefined when it is none. */
export function makeRaw(fd: number): (() => void) | undefined {
  const saved = Buffer.alloc(TERMIOS);
  if (sys(NR.ioctl, fd, TCGETS, saved) !== 0) return undefined;
  const raw = Buffer.from(saved);
  raw.writeUInt32LE((raw.readUInt32LE(0) & ~IFLAG_RAW) >>> 0, 0);
  raw.writeUInt32LE((raw.readUInt32LE(4) & ~OPOST) >>> 0, 4);
  raw.writeUInt32LE(((raw.readUInt32LE(8) & ~CSIZE_PARENB) | CS8) >>> 0, 8);
  raw.writeUInt32LE((raw.readUInt32LE(12) & ~LFLAG_RAW) >>> 0, 12);
  raw[CONTROL + VMIN] = 1;
  raw[CONTROL + VTIME] = 0;
  sys(NR.ioctl, fd, TCSETSW, raw);
  return () => void sys(NR.ioctl, fd, TCSETSW, saved);
}
