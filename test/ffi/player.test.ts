/** How the player is started. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { requires } from "../harness/requires.ts";

/** A PID namespace has a setting of its own (pid_namespaces(7)). */
requires("root", "namespaces")("the player is executed where memfds are not executable unless they say so", () => {
  if (!existsSync("/proc/sys/vm/memfd_noexec")) return; // before Linux 6.3
  const start = `
    import { socketPair } from "./ffi/fd.ts";
    import { spawnPlayer, waitChild } from "./ffi/player.ts";
    import { Mode, Part, Tape } from "./ffi/tape.ts";
    const tape = new Tape();
    tape.mode = Mode.play;
    tape.lay("early", new Part());
    const child = spawnPlayer({ tape: tape.send(), owner: socketPair()[0] }, "hoy-test");
    console.log("played", waitChild(child));`;
  const inside = `echo 1 > /proc/sys/vm/memfd_noexec && exec "$0" -e '${start}'`;
  const { stdout, stderr } = Bun.spawnSync(["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", inside, process.execPath], {
    cwd: `${import.meta.dir}/../..`,
  });
  expect([stdout.toString(), stderr.toString()]).toEqual(["played 0\n", ""]);
});
