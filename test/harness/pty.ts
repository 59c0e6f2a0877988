/** Drives a command on a pseudo terminal as a person would: types, resizes, waits for text. */
export interface PtySession extends AsyncDisposable {
  /** All that was shown so far, with its control sequences. */
  readonly shown: string;
  readonly pid: number;
  /** Exit code of the command; 128 plus the signal's number where one ended it. */
  readonly exited: Promise<number>;
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  /** Waits until `text` is shown after what earlier waits have seen; throws with what is shown after `limit` ms. Returns what came before. */
  see(text: string | RegExp, limit?: number): Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

export interface PtyOptions {
  env: Record<string, string>;
  columns?: number;
  rows?: number;
  cwd?: string;
  user?: { uid: number; gid: number } | undefined;
}

export const CTRL = { C: "\x03", D: "\x04", P: "\x10", Q: "\x11", Z: "\x1a", BACKSLASH: "\x1c" } as const;

/** Starts `command` with a terminal as its standard streams and controlling terminal. It is killed at the end of the scope. */
export function onPty(command: readonly string[], { env, columns = 80, rows = 24, cwd = "/", user }: PtyOptions): PtySession {
  let shown = "";
  let seen = 0;
  let wake = (): void => {};
  const decoder = new TextDecoder();
  // As an option of spawn: only then does Bun make it the controlling terminal of a new session.
  const child = Bun.spawn([...command], {
    env,
    cwd,
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
    terminal: {
      cols: columns,
      rows,
      data(_, data) {
        shown += decoder.decode(data, { stream: true });
        wake();
      },
    },
  });
  const terminal = child.terminal!;
  return {
    get shown() {
      return shown;
    },
    pid: child.pid,
    exited: child.exited,
    type: (keys) => void terminal.write(keys),
    resize: (width, height) => terminal.resize(width, height),
    kill: (signal) => child.kill(signal),
    async see(text, limit = 10_000) {
      for (const end = Date.now() + limit; ; ) {
        const rest = shown.slice(seen);
        const [start, length] = typeof text === "string" ? [rest.indexOf(text), text.length] : matchOf(rest, text);
        if (start >= 0) {
          seen += start + length;
          return rest.slice(0, start);
        }
        const left = end - Date.now();
        if (left <= 0) throw new Error(`${text} was not shown within ${limit} ms; shown: ${JSON.stringify(rest)}`);
        const changed = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([changed, Bun.sleep(Math.min(left, 200))]);
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill("SIGKILL");
      await child.exited;
      terminal.close();
    },
  };
}

function matchOf(text: string, pattern: RegExp): [start: number, length: number] {
  const match = pattern.exec(text);
  return match ? [match.index, match[0].length] : [-1, 0];
}
