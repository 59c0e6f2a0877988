/**
 * A small process for a scope to be made with: systemd makes none without one, and the container's own cannot be it, as it is to be
 * born in the cgroup. The player runs it.
 *
 *     hoy: spawn ──▶ keeper: leaves the session, reads ──▶ hoy: StartTransientUnit with its pid … the container is cloned into the scope
 *     hoy: the word, and it stays until the scope is removed;  hoy's end without it: ends, and systemd removes the empty scope
 */
import { type Fd, socketPair, writeAll } from "../../../ffi/fd.ts";
import { sys } from "../../../ffi/libc.ts";
import { spawnPlayer, waitChild } from "../../../ffi/player.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { Mode, Part, PlayerFd, Tape } from "../../../ffi/tape.ts";

const SIGKILL = 9;
const PR_SET_NAME = 15;

export class Keeper implements Disposable {
  private constructor(
    readonly pid: number,
    readonly word: Fd,
  ) {}

  /** `title` is what `ps` shows. */
  static spawn(title: string): Keeper {
    const tape = new Tape();
    tape.mode = Mode.play;
    const part = new Part();
    // ^C at a terminal is for the container
    part.op("leave the session", NR.setsid, []);
    part.op("name the process", NR.prctl, [PR_SET_NAME, "hoy-scope", 0, 0, 0]);
    part.op("leave the folder", NR.chdir, ["/"]);
    part.op("close what was inherited", NR.close_range, [PlayerFd.owner + 1, 0x7fffffff, 0]);
    part.op("wait for the word", NR.read, [PlayerFd.owner, tape.space(8), 1], { expect: 1 });
    part.op("close the conversation", NR.close, [PlayerFd.owner]);
    part.op("stay", NR.ppoll, [0, 0, 0, 0, 0]);
    tape.lay("early", part);
    const [ours, theirs] = socketPair();
    using sent = tape.send();
    const pid = spawnPlayer({ tape: sent, owner: theirs }, title);
    theirs.close();
    return new Keeper(pid, ours);
  }

  /** From here on it stays until it is killed. */
  stay(): void {
    writeAll(this.word.number, new Uint8Array(1));
    this.word.close();
  }

  /** Ends it: it is our child that nobody has waited for, so the number is its own. */
  [Symbol.dispose](): void {
    this.word.close();
    sys(NR.kill, this.pid, SIGKILL);
    waitChild(this.pid);
  }
}
