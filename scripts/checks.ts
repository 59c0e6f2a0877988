/** The checks that read the source: lint and format, types, import directions, dead code. */
export interface Check {
  readonly title: string;
  readonly command: readonly string[];
}

const bun = process.execPath;

export const CHECKS: readonly Check[] = [
  { title: "lint and format (biome)", command: ["biome", "ci", "--error-on-warnings", "--colors=off"] },
  { title: "types (tsc)", command: ["tsc", "-p", ".", "--pretty", "false"] },
  { title: "import directions", command: [bun, "scripts/imports.ts"] },
  { title: "dead code (knip)", command: ["knip", "--no-progress"] },
];

/** Runs the checks one after another, prints what each finds wrong, and returns how many passed and failed. */
export async function runChecks(): Promise<{ passed: number; failed: number }> {
  const count = { passed: 0, failed: 0 };
  for (const { title, command } of CHECKS) {
    const started = performance.now();
    const [program = "", ...args] = command;
    const child = Bun.spawn([program === bun ? bun : `node_modules/.bin/${program}`, ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [output, errors, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (code === 0) count.passed++;
    else count.failed++;
    console.log(`${code === 0 ? "(pass)" : "(fail)"} ${title} [${seconds} s]`);
    if (code !== 0) console.log(`${output}${errors}`.trimEnd());
  }
  return count;
}
