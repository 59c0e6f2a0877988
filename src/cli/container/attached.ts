/** A command in whose foreground a container runs: carries its streams, then does what follows the end. Returns the exit code. */

import { finishById } from "../../engine/containers/finish-by-id.ts";
import { followUp, type Running } from "../../engine/containers/run.ts";
import { signalContainer } from "../../engine/containers/stop.ts";
import type { Store } from "../../engine/store.ts";
import type { CaughtSignals } from "./signals.ts";
import { carryStreams } from "./streams.ts";

export interface AttachedRequest {
  detachKeys: Uint8Array;
  /** Caught since before the start; undefined: signals act on us. */
  signals: CaughtSignals | undefined;
  streams: { stdin: boolean; stdout: boolean; stderr: boolean };
}

export async function runAttached(store: Store, { row, session }: Running, request: AttachedRequest): Promise<number> {
  const tty = row.options.config.Tty;
  const end = await carryStreams({
    session,
    tty,
    ...request.streams,
    detachKeys: request.detachKeys,
    signals: request.signals && { caught: request.signals, act: (name) => forward(store, row, name) },
  }).catch(async (error: unknown) => {
    // the monitor was lost, and its container with it
    await finishById(store, row.id);
    throw error;
  });
  if (end.kind === "detached") return 0;
  await followUp(store, row.id, session);
  return end.code;
}

/** Passes a signal on; the container may have ended by itself. */
export async function forward(store: Store, row: Running["row"], name: string): Promise<void> {
  try {
    await signalContainer(store, row, name);
  } catch {
    // it has just ended: its exit code is on the way
  }
}
