/** A process of a container in our foreground: our streams are its own, or we carry those of its terminal. */
import { nodeFs, writeSync } from "../../../ffi/fs.ts";
import { isTerminal, makeRaw, terminalSize } from "../../engine/terminal.ts";
import {
  type Console,
  openConsole,
  type Player,
  passSignal,
  receiveMaster,
  resizeTerminal,
  waitForEnd,
} from "../../runtime/oci/foreground.ts";
import { parseSignal } from "../../runtime/signals.ts";
import { catchSignals } from "../container/signals.ts";
import { writeStream } from "../output/write.ts";

/** Calls with a socket pair for the terminal's master, unless somebody else is to get it. */
export async function withConsole(
  socketPath: string | undefined,
  call: (terminal: Console | undefined) => Promise<number>,
): Promise<number> {
  if (socketPath !== undefined) return await call(undefined);
  using terminal = openConsole();
  return await call(terminal);
}

/** How long the last output of a terminal is waited for: a process left behind may hold it open. */
const LAST_OUTPUT_MS = 1000;

/** Waits for the process's end, passes signals on and carries its terminal. Returns its exit code. */
export async function followProcess(player: Player, { pid, terminal }: { pid: number; terminal: Console | undefined }): Promise<number> {
  const signals = catchSignals();
  const carried = terminal ? carryTerminal(terminal) : undefined;
  const deliver = (): void => signals.deliver((name) => passSignal(pid, parseSignal(name)));
  if (carried) deliver();
  try {
    const code = await waitForEnd(player, deliver);
    await Promise.race([carried?.output, Bun.sleep(LAST_OUTPUT_MS)]);
    return code;
  } finally {
    carried?.restore();
    signals.release();
  }
}

function carryTerminal(terminal: Console): { output: Promise<void>; restore: () => void } {
  const master = receiveMaster(terminal.ours);
  const followSize = (): void => {
    const size = terminalSize(1) ?? terminalSize(0);
    if (size) resizeTerminal(master, size);
  };
  followSize();
  process.on("SIGWINCH", followSize);
  const restoreMode = isTerminal(0) ? makeRaw(0) : undefined;
  const typed = Buffer.alloc(4096);
  const nextTyped = (): void =>
    nodeFs().read(0, typed, 0, typed.length, null, (error, bytes) => {
      if (error?.code === "EAGAIN") return void setTimeout(nextTyped, 5);
      if (error || bytes === 0) return;
      try {
        writeSync(master.number, typed, 0, bytes);
        nextTyped();
      } catch {
        // its end is on the way
      }
    });
  nextTyped();
  const output = new Promise<void>((resolve) => {
    const shown = Buffer.alloc(32 << 10);
    const next = (): void =>
      nodeFs().read(master.number, shown, 0, shown.length, null, (error, bytes) => {
        if (error?.code === "EAGAIN" || error?.code === "EINTR") return void setTimeout(next, 5);
        if (error || bytes === 0) return resolve();
        writeStream(1, shown.subarray(0, bytes));
        next();
      });
    next();
  });
  return {
    output,
    restore: () => {
      restoreMode?.();
      process.off("SIGWINCH", followSize);
      master.close();
    },
  };
}
