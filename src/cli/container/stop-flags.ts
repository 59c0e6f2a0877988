/** `--signal` and `--timeout` of stop and restart. */
import type { StopRequest } from "../../engine/containers/stop.ts";
import { type Flags, text } from "../define.ts";

export function readStopFlags(flags: Flags): StopRequest {
  const timeout = text(flags, "timeout");
  return { signal: text(flags, "signal"), timeout: timeout === undefined ? undefined : Number(timeout) };
}
