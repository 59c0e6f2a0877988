/** Runs the compiled binary as a user would: in a process of its own, with an environment that holds nothing of the caller's. */
import { dist, distForAll } from "./build.ts";
import type { TestUser } from "./user.ts";

export interface RunOptions {
  /** HOY_ROOT; none leaves the default store. */
  root?: string;
  /** Added to a small clean environment; undefined takes a variable out. */
  env?: Record<string, string | undefined>;
  /** Bytes for standard input; without them it is /dev/null. */
  input?: string | Uint8Array;
  /** The user to become, which takes root. */
  user?: TestUser | undefined;
  cwd?: string;
  /** Name in argv[0], for calls through a link; the program is still hoy. */
  argv0?: string;
  /** Milliseconds until SIGKILL and an error, 60,000 by default. */
  timeout?: number;
}

export interface Outcome {
  /** Exit code, or 128 plus the signal's number where a signal ended hoy itself. */
  code: number;
  stdout: string;
  stderr: string;
}

/** The environment of a hoy under test. */
export function cleanEnv(extra: Record<string, string | undefined> = {}): Record<string, string> {
  const env = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/nonexistent",
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    ...extra,
  };
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Starts hoy and leaves it running; the caller reads the pipes and waits. */
export function spawnHoy(args: readonly string[], options: RunOptions = {}) {
  const { user } = options;
  const other = user !== undefined && user.uid !== process.getuid?.();
  return Bun.spawn([other ? distForAll() : dist(), ...args], {
    ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
    ...(other ? { uid: user.uid, gid: user.gid } : {}),
    cwd: options.cwd ?? "/",
    env: cleanEnv({ ...(options.root === undefined ? {} : { HOY_ROOT: options.root }), ...options.env }),
    stdin: options.input === undefined ? "ignore" : typeof options.input === "string" ? Buffer.from(options.input) : options.input,
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs `hoy ARGS…` to its end. Throws when it takes longer than its timeout. */
export async function hoy(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const limit = options.timeout ?? 60_000;
  const child = spawnHoy(args, options);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limit);
  try {
    const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    const code = await child.exited;
    // A container that outlives hoy must not hold these pipes, else the wait is for it: that is a defect, said as such.
    const closed = await Promise.race([output, Bun.sleep(code === 0 ? 10_000 : 2_000).then(() => undefined)]);
    if (late) throw new Error(`hoy ${args.join(" ")}: no end after ${limit} ms\n${closed?.join("") ?? ""}`);
    if (!closed) throw new Error(`hoy ${args.join(" ")}: ended with ${code}, but something holds its output open`);
    const [stdout, stderr] = closed;
    return { code, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}
