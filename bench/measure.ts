/** Samples of several contenders, taken in turn (A B C A B C …) so that a busy moment of the machine hits all of them alike. */
import { existsSync, readFileSync } from "node:fs";

/** One thing to measure: gives a number per round. What must happen around it, unmeasured, is its own business. */
export interface Contender {
  readonly name: string;
  readonly sample: (round: number) => number | Promise<number>;
}

export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  /** Why there are no values. */
  readonly failure?: string;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

/** Takes `rounds` samples of each after one round that does not count. A contender that fails is dropped, with the reason. */
export async function interleave(contenders: readonly Contender[], rounds: number): Promise<Series[]> {
  const values = new Map<string, number[]>();
  const failures = new Map<string, string>();
  for (let round = 0; round <= rounds; round++) {
    // Every other round backwards, so that nobody always follows the same neighbour.
    for (const { name, sample } of round % 2 === 0 ? contenders : contenders.toReversed()) {
      if (failures.has(name)) continue;
      try {
        const value = await sample(round);
        if (round > 0) values.set(name, [...(values.get(name) ?? []), value]);
      } catch (error) {
        failures.set(name, (error as Error).message.trim().split("\n").at(-1) ?? "failed");
      }
    }
  }
  return contenders.map(({ name }) => {
    const failure = failures.get(name);
    return failure === undefined ? { name, values: values.get(name) ?? [] } : { name, values: [], failure };
  });
}

export interface CommandOptions {
  env?: Record<string, string | undefined>;
  input?: string;
}

export interface Ran {
  /** Wall clock. */
  ms: number;
  /** User and system time of the command and of those of its children that it waited for. */
  cpuMs: number;
  stdout: string;
}

/** Runs a command to its end. Throws with its standard error unless it ends with 0. */
export async function run(command: readonly string[], { env, input }: CommandOptions = {}): Promise<Ran> {
  const started = Bun.nanoseconds();
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...env },
    stdin: input === undefined ? "ignore" : Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  const ms = (Bun.nanoseconds() - started) / 1e6;
  if (code !== 0) throw new Error(`${command.slice(0, 4).join(" ")} …: ${stderr || `exit code ${code}`}`);
  const usage = child.resourceUsage();
  return { ms, cpuMs: Number(usage?.cpuTime.total ?? 0) / 1000, stdout };
}

/** Milliseconds between two looks at a command's memory. */
const PEAK_INTERVAL_MS = 5;

/**
 * Highest resident memory of a command, in MB. Read from /proc while it runs: the kernel counts the parent's memory into ru_maxrss of
 * a child that was started by vfork.
 */
export async function peakMb(command: readonly string[], env: Record<string, string | undefined> = {}): Promise<number> {
  const child = Bun.spawn([...command], { env: { ...process.env, ...env }, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  let peak = 0;
  const timer = setInterval(() => {
    const status = existsSync(`/proc/${child.pid}/status`) ? readFileSync(`/proc/${child.pid}/status`, "utf8") : "";
    // Before its execve the child is still this process.
    if (/^Name:\s+bun$/m.test(status)) return;
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1000);
  }, PEAK_INTERVAL_MS);
  const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command.slice(0, 4).join(" ")} …: ${stderr || `exit code ${code}`}`);
  return peak;
}
