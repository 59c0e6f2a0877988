/** Golden files: JSON beside the tests that they belong to, written anew under HOY_UPDATE_GOLDEN=1 to be read before it is committed. */
import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Fails where `value` is not what golden/<name>.json says. */
export function expectGolden(name: string, value: unknown): void {
  const file = join(import.meta.dir, "golden", `${name}.json`);
  if (process.env.HOY_UPDATE_GOLDEN === "1") writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
  expect(JSON.parse(JSON.stringify(value))).toEqual(JSON.parse(readFileSync(file, "utf8")));
}
