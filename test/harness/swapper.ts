/** An attacker beside a start: a process that swaps a folder with a link (renameat2, RENAME_EXCHANGE) for as long as it is in scope. */
import { lstatSync, renameSync } from "node:fs";
import { join } from "node:path";

export interface Swapper extends AsyncDisposable {
  /** Ends the swapping; `real` bears its own name then. */
  stop(): Promise<void>;
}

/** Swaps the names; ready when it has begun. */
export async function swapping(real: string, link: string): Promise<Swapper> {
  const { ino } = lstatSync(real);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "swap-child.ts"), real, link], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  let running = true;
  const stop = async (): Promise<void> => {
    if (!running) return;
    running = false;
    if (child.exitCode !== null) throw new Error(`the swapping has ended by itself with ${child.exitCode}`);
    child.kill("SIGKILL");
    await child.exited;
    if (lstatSync(real).ino === ino) return;
    renameSync(real, `${real}.swap`);
    renameSync(link, real);
    renameSync(`${real}.swap`, link);
  };
  return { stop, [Symbol.asyncDispose]: stop };
}
