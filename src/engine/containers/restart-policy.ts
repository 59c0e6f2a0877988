/** Whether and when a container that has ended starts again (moby daemon/internal/restartmanager). Pure. */
import type { HostConfig } from "./options.ts";
import type { ContainerRow } from "./row.ts";

export interface EndFacts {
  policy: HostConfig["RestartPolicy"];
  exitCode: number;
  /** Somebody stopped or killed it on purpose. */
  stopped: boolean;
  /** Restarts since the start by hand. */
  count: number;
  /** Milliseconds that the last restart was put off; 0 before the first. */
  delay: number;
  /** Milliseconds that it ran. */
  ran: number;
}

const FIRST_MS = 100;
const LONGEST_MS = 60_000;
/** Who ran for so long begins with the first delay again. */
const SOUND_MS = 10_000;

/** Milliseconds until the restart; undefined: none. */
export function nextRestart({ policy, exitCode, stopped, count, delay, ran }: EndFacts): number | undefined {
  if (stopped) return undefined;
  const { Name, MaximumRetryCount } = policy;
  const wanted =
    Name === "always" ||
    Name === "unless-stopped" ||
    (Name === "on-failure" && exitCode !== 0 && (MaximumRetryCount === 0 || count < MaximumRetryCount));
  if (!wanted) return undefined;
  return ran >= SOUND_MS || delay === 0 ? FIRST_MS : Math.min(delay * 2, LONGEST_MS);
}

/** The same of a row whose end is known: its exit code, and when that was. */
export const restartOf = (row: ContainerRow, exitCode: number, time: number): number | undefined =>
  nextRestart({
    policy: row.options.hostConfig.RestartPolicy,
    exitCode,
    stopped: row.stopped,
    count: row.restartCount,
    delay: row.restartDelay,
    ran: time - row.started,
  });
