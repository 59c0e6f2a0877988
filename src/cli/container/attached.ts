/**
 * A command in whose foreground a container runs: carries its streams, then does what follows the end, and goes on with the next run
 * where the container's policy has it restarted. Returns the exit code of the last.
 */

import { finishById } from "../../engine/containers/finish-by-id.ts";
import { rowById } from "../../engine/containers/row.ts";
import { followUp, type Running } from "../../engine/containers/run.ts";
import { signalContainer } from "../../engine/containers/stop.ts";
import type { Store } from "../../engine/store.ts";
import { type CaughtSignals, catchSignals } from "./signals.ts";
import { carryStreams, Input } from "./streams.ts";

export interface AttachedRequest {
  detachKeys: Uint8Array;
  /** Caught since before the start; undefined: signals act on us. */
  signals: CaughtSignals | undefined;
  streams: { stdin: boolean; stdout: boolean; stderr: boolean };
}

export async function runAttached(store: Store, running: Running, request: AttachedRequest): Promise<number> {
  const { row } = running;
  const { config, hostConfig } = row.options;
  const input = request.streams.stdin ? new Input(config.Tty, request.detachKeys) : undefined;
  const act = (name: string): void => void forward(store, row.id, name);
  let { signals } = request;
  for (let { session } = running; ; ) {
    const end = await carryStreams({
      session,
      tty: config.Tty,
      input,
      ...request.streams,
      signals: signals && { caught: signals, act },
    }).catch(async (error: unknown) => {
      // the monitor was lost, and its container with it
      await finishById(store, row.id);
      throw error;
    });
    if (end.kind === "detached") return 0;
    const caught = hostConfig.RestartPolicy.Name === "no" ? undefined : catchSignals();
    if (!(await followUp(store, row.id, session))) return end.code;
    const { restartAttached } = await import("./restart-attached.ts");
    const again = await restartAttached(store, row, { caught: caught ?? catchSignals(), act });
    if (!again) return end.code;
    session = again;
    signals = request.signals && catchSignals();
  }
}

/** Passes a signal on; the container may have ended by itself. */
export async function forward(store: Store, id: string, name: string): Promise<void> {
  try {
    const row = rowById(store, id);
    if (row) await signalContainer(store, row, name);
  } catch {
    // it has just ended: its exit code is on the way
  }
}
