import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { available } from "./requires.ts";

/** Runs a test file of its own that uses `requires`, and returns its exit code and bun's summary. */
async function runWith(needs: string, noSkip: boolean): Promise<{ code: number; output: string }> {
  const dir = mkdtempSync(join(tmpdir(), "hoy-requires-"));
  try {
    const harness = resolve(import.meta.dir, "requires.ts");
    await Bun.write(
      join(dir, "sample.test.ts"),
      `import { requires } from ${JSON.stringify(harness)};\nrequires(${needs})("sample", () => {});\n`,
    );
    const run = Bun.spawnSync([process.execPath, "test", "./sample.test.ts"], {
      cwd: dir,
      env: { ...process.env, HOY_TEST_NO_SKIP: noSkip ? "1" : "" },
    });
    return { code: run.exitCode, output: run.stderr.toString() };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test("a test with all it needs runs", async () => {
  const { code, output } = await runWith('"sh"', false);
  expect(output).toContain("1 pass");
  expect(code).toBe(0);
});

test("a missing program skips, is counted and is named", async () => {
  const { code, output } = await runWith('"sh", "no-such-program"', false);
  expect(output).toContain("1 skip");
  expect(output).toContain("sample [skipped: needs the program no-such-program]");
  expect(code).toBe(0);
});

test("where no skip is allowed a missing program fails", async () => {
  const { code, output } = await runWith('"no-such-program"', true);
  expect(output).toContain("1 fail");
  expect(code).toBe(1);
});

test("available tells what is there", () => {
  expect(available("sh")).toBe(true);
  expect(available("sh", "no-such-program")).toBe(false);
});
