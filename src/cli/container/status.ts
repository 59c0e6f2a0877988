/** STATUS of a container in words: `Up 2 minutes`, `Exited (0) 3 seconds ago` (moby container/state.go, State.String). */
import type { ContainerState } from "../../engine/containers/state.ts";
import { humanDuration } from "../output/units.ts";

export function statusText({ status, started, finished, exitCode }: ContainerState, now: number): string {
  if (status === "running") return `Up ${humanDuration(now - started)}`;
  if (status === "paused") return `Up ${humanDuration(now - started)} (Paused)`;
  if (status === "restarting") return `Restarting (${exitCode}) ${humanDuration(now - finished)} ago`;
  if (status === "exited") return `Exited (${exitCode}) ${humanDuration(now - finished)} ago`;
  return status === "created" ? "Created" : "Dead";
}
