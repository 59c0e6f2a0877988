/** Cleaning up what a process made once for all its tests. */
const last: (() => void)[] = [];

/** Calls `body` when all tests of this process are over; the latest first. */
export const atEnd = (body: () => void): void => void last.push(body);

export function runAtEnd(): void {
  for (let body = last.pop(); body; body = last.pop()) body();
}

// For the scripts and the bench. Bun's test runner leaves without this event: see preload.ts.
process.on("exit", runAtEnd);
