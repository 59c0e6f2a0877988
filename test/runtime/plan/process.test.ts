/** The user's program and its place, read from the tape and played. */
import { expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { socketPair } from "../../../ffi/fd.ts";
import { spawnPlayer, waitChild } from "../../../ffi/player.ts";
import { Mode, Part, PlayerFd, Tape } from "../../../ffi/tape.ts";
import { FrameReader } from "../../../src/runtime/frames.ts";
import { candidates, planProcess } from "../../../src/runtime/plan/process.ts";
import { failure } from "../../../src/runtime/start.ts";
import { requires } from "../../harness/requires.ts";

test("what can only be too long a name is no candidate, unless nothing else is left", () => {
  const long = "a".repeat(300);
  const deep = "/a".repeat(2_100);
  expect(candidates("true", [`PATH=/${long}:/bin:${deep}::/${"é".repeat(128)}`])).toEqual(["/bin/true", "./true"]);
  expect(candidates(long, ["PATH=/sbin:/bin"])).toEqual([`/bin/${long}`]);
  expect(candidates(`./${long}`, ["PATH=/bin"])).toEqual([`./${long}`]);
});

const SETFSUID = process.arch === "arm64" ? 151 : 122;
const SIGCHLD = 17;

/** Runs `pwd` in `cwd` as a user, on the host, after `first`: its exit code, or the step that failed. */
function pwd(cwd: string, uid: number, first: Part): number | string {
  const tape = new Tape();
  tape.mode = Mode.exec;
  tape.clone = tape.cloneArgs({ flags: 0, exitSignal: SIGCHLD });
  tape.lay("early", new Part());
  const script = `test "$(pwd -P)" = ${cwd}`;
  planProcess(tape, first, {
    process: { cwd, args: ["/bin/sh", "-c", script], env: [], user: { uid, gid: uid, additionalGids: [] } },
    seccomp: undefined,
    maySetGroups: true,
    report: PlayerFd.owner,
  });
  tape.lay("init", first);
  const [ours, theirs] = socketPair();
  using tapeFd = tape.send();
  const child = spawnPlayer({ tape: tapeFd, owner: theirs }, "hoy-test");
  theirs.close();
  const frame = new FrameReader(ours.number).next();
  ours.close();
  const code = waitChild(child);
  return frame ? failure(tape, frame).message : code;
}

requires("root")("the working directory is entered as root, and where root may not, as the user", () => {
  const folder = mkdtempSync(join(tmpdir(), "hoy-cwd-"));
  try {
    chmodSync(folder, 0o755);
    // another user for files takes root's rights to them away, as a network file system does
    const squashed = () => new Part().op("squash root", SETFSUID, [65534]);
    const [rootOnly, userOnly] = [join(folder, "root"), join(folder, "user")];
    for (const path of [rootOnly, userOnly]) mkdirSync(path, { mode: 0o700 });
    chownSync(userOnly, 1001, 1001);
    expect(pwd(rootOnly, 1001, new Part())).toBe(0);
    expect(pwd(userOnly, 1001, squashed())).toBe(0);
    expect(pwd(rootOnly, 1001, squashed())).toBe(`chdir to ${rootOnly}: permission denied`);
    expect(pwd(join(folder, "none"), 1001, new Part())).toBe(`chdir to ${folder}/none: no such file or directory`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
