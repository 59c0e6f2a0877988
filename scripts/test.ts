/**
 * `npm test [-- PATH…]`: the build, the checks of the source, then the test files, one folder of test/ after another, each in a
 * process of its own so that a crash fails one folder and not the count. The last line of the output is always
 * `N passed, N failed`, with `, N skipped` after it where tests were skipped.
 */
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Glob } from "bun";
import { dist } from "../test/harness/build.ts";
import { sweepUsers } from "../test/harness/user.ts";
import { runChecks } from "./checks.ts";

const ROOT = resolve(import.meta.dir, "..");
process.chdir(ROOT);

/** A folder that takes longer hangs: its tests have limits of their own, which sum to less. */
const FOLDER_LIMIT_MS = 40 * 60_000;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const total: Count = { passed: 0, failed: 0, skipped: 0 };
const add = (count: Partial<Count>): void => {
  total.passed += count.passed ?? 0;
  total.failed += count.failed ?? 0;
  total.skipped += count.skipped ?? 0;
};

/** The counts of bun's summary; a run that ends without one, or badly with no test failed, is a failure. */
export function readSummary(output: string, exitCode: number): Count {
  const number = (word: string): number => Number(output.match(new RegExp(`^ *(\\d+) ${word}s?$`, "m"))?.[1] ?? 0);
  const count: Count = { passed: number("pass"), failed: number("fail") + number("error"), skipped: number("skip") + number("todo") };
  const ended = /^Ran \d+ tests? across \d+ files?\./m.test(output);
  if ((exitCode !== 0 || !ended) && count.failed === 0) count.failed = 1;
  return count;
}

/** Runs what lies below `test/PATH`. */
async function runTests(path: string): Promise<Count> {
  console.log(`\n== test/${path}`);
  const child = Bun.spawn([process.execPath, "test", "--timeout=60000", `./test/${path}`], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
    timeout: FOLDER_LIMIT_MS,
    killSignal: "SIGKILL",
    // Bun shortens its report where it thinks that an agent reads it; the whole one names the skipped tests and their reasons.
    env: { ...process.env, FORCE_COLOR: "0", AGENT: "0", CLAUDECODE: "0" },
  });
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stderr) {
    const text = decoder.decode(chunk, { stream: true });
    output += text;
    process.stdout.write(text);
  }
  const code = await child.exited;
  if (child.signalCode) console.log(`(fail) test/${path} was ended by ${child.signalCode}`);
  return readSummary(output, code);
}

/** The folders of test/ with tests in them, those of the whole binary last. */
const testFolders = (): string[] =>
  readdirSync("test", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && [...new Glob("**/*.test.ts").scanSync(join("test", entry.name))].length > 0)
    .map((entry) => entry.name)
    .sort((a, b) => Number(a === "system") - Number(b === "system") || a.localeCompare(b));

function build(): Partial<Count> {
  const started = performance.now();
  try {
    console.log(`(pass) build of ${dist()} [${((performance.now() - started) / 1000).toFixed(1)} s]`);
    return { passed: 1 };
  } catch (error) {
    console.log(`(fail) ${(error as Error).message}`);
    return { failed: 1 };
  }
}

if (import.meta.main) {
  const chosen = process.argv.slice(2);
  console.log("== build and checks");
  // First, because the source imports the player's ELF, which the build makes.
  add(build());
  if (chosen.length === 0) add(await runChecks());
  const removeUsers = sweepUsers();
  try {
    for (const path of chosen.length > 0 ? chosen : testFolders()) add(await runTests(path));
  } finally {
    removeUsers();
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exit(total.failed === 0 ? 0 : 1);
}
