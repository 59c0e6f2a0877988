/** Starts the player: its ELF in a sealed memfd, its descriptors in the places that player.c expects. */
import { check, EINVAL, EMFILE, SysError } from "./errno.ts";
import { F_DUPFD_CLOEXEC, Fd, O_CLOEXEC, O_RDWR, open } from "./fd.ts";
import { addressOf, cstr, libc, sys } from "./libc.ts";
import { playerImage } from "./player-image.ts";
import { NR } from "./syscalls.ts";
import { PlayerFd } from "./tape.ts";

const F_ADD_SEALS = 1033;
const ALL_SEALS = 0xf;
/** Descriptors below this may be in the way of the player's own numbers. */
const SAFE = 64;

/** Descriptors given to the player; what is left out is /dev/null there. */
export interface PlayerFds {
  tape: Fd;
  owner: Fd;
  data?: Fd;
  run?: Fd;
  alive?: Fd;
  rootfs?: Fd;
  monitorCgroup?: Fd;
  payloadCgroup?: Fd;
  engine?: Fd;
}

/** Where descriptors that the user's program shall have from 3 on wait until all others are closed; then come `extra` ones. */
export const PRESERVED = 512;

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 0x10;

/** An empty memfd that may be executed also where vm.memfd_noexec is 1; Linux before 6.3 knows no other and not the flag. */
function executableMemfd(name: string): Fd {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const made = sys(NR.memfd_create, cstr(name), flags | MFD_EXEC);
  const number = made === -EINVAL ? sys(NR.memfd_create, cstr(name), flags) : made;
  return new Fd(check(number, `memfd_create ${name}`));
}

/** The ELF in a memfd that nobody can write to any more (memfd_create(2), "File sealing"). */
function sealedElf(): Fd {
  const image = playerImage();
  const fd = executableMemfd("hoy-monitor");
  const written = sys(NR.write, fd.number, image as NodeJS.TypedArray, image.length);
  if (written !== image.length) throw new SysError("write the player", written < 0 ? -written : 28);
  // without them a container could write to what its own monitor runs (CVE-2019-5736)
  check(sys(NR.fcntl, fd.number, F_ADD_SEALS, ALL_SEALS), "seal the player");
  return fd;
}

function lift(fd: Fd): Fd {
  if (fd.number >= SAFE) return fd;
  const result = sys(NR.fcntl, fd.number, F_DUPFD_CLOEXEC, SAFE);
  // EINVAL: the limit itself is lower (fcntl(2))
  if (result < 0) throw new SysError(`start the player with ${SAFE} descriptors or more`, result === -EINVAL ? EMFILE : -result);
  return new Fd(result);
}

/**
 * Starts the player as a child of this process. Of 0, 1 and 2 it gets those of the caller that `inherit` names, else /dev/null;
 * `preserved` of the caller's descriptors from 3 on lie from PRESERVED on in it, and behind them those of `extra`.
 * Returns its pid. Throws SysError when it cannot be started.
 */
export function spawnPlayer(
  fds: PlayerFds,
  name: string,
  inherit: readonly number[] = [],
  preserved = 0,
  extra: readonly Fd[] = [],
): number {
  using sealed = sealedElf();
  using null0 = open("/dev/null", O_RDWR | O_CLOEXEC);
  // the player's own numbers may not fall on what is still needed
  using elf = lift(sealed);
  using nothing = lift(null0);
  const lifted: Fd[] = [];
  const actions = Buffer.alloc(256);
  libc.posix_spawn_file_actions_init(actions);
  for (const target of [0, 1, 2]) if (!inherit.includes(target)) libc.posix_spawn_file_actions_adddup2(actions, nothing.number, target);
  for (let at = 0; at < preserved; at++) libc.posix_spawn_file_actions_adddup2(actions, 3 + at, PRESERVED + at);
  for (const [at, fd] of extra.entries()) libc.posix_spawn_file_actions_adddup2(actions, fd.number, PRESERVED + preserved + at);
  for (const [key, target] of Object.entries(PlayerFd)) {
    const given = fds[key as keyof PlayerFds];
    const source = given ? lift(given) : nothing;
    if (given && source !== given) lifted.push(source);
    libc.posix_spawn_file_actions_adddup2(actions, source.number, target);
  }
  const pid = new Int32Array(1);
  const argv = new BigUint64Array([BigInt(cstr(name)), 0n]);
  const env = new BigUint64Array([0n]);
  const result = libc.posix_spawn(pid, cstr(elf.path) as never, actions, null, argv, env);
  for (const fd of lifted) fd.close();
  if (result !== 0) throw new SysError("start the player", result);
  return pid[0] as number;
}

/**
 * Becomes the player (execve(2)): this process's threads end, its pid stays. The tape's last operation has to be an execve.
 * Returns only when that failed.
 */
export function becomePlayer(tape: Fd, name: string): SysError {
  using elf = sealedElf();
  const argv = new BigUint64Array([BigInt(cstr(name)), 0n]);
  const env = new BigUint64Array([0n]);
  sys(NR.dup3, tape.number, PlayerFd.tape, 0);
  const result = sys(NR.execve, cstr(elf.path), addressOf(argv), addressOf(env));
  return new SysError("become the player", -result);
}

/** Waits for a child to end; returns its exit code as a shell tells it (128 + n for a signal). */
export function waitChild(pid: number): number {
  const status = new Int32Array(1);
  let result: number;
  do result = sys(NR.wait4, pid, status, 0, 0);
  while (result === -4);
  const value = status[0] as number;
  return value & 127 ? 128 + (value & 127) : (value >> 8) & 255;
}
