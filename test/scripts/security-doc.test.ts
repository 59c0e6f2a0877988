/** docs/security.md: what it says to be tested has a test that bears its id. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
const read = (path: string): string => readFileSync(resolve(ROOT, path), "utf8");

/** Short names of the document → files. */
const FILES: Record<string, string> = {
  regressions: "security-regressions",
  races: "security-races",
  strangers: "image-strangers",
  faults: "image-faults",
  reach: "reach",
  "bad-input": "bad-input",
};

function filesOf(cell: string): string[] {
  return cell.split(", ").map((word) => {
    const name = word.replace(" (runtime)", "").replaceAll("`", "");
    if (FILES[name]) return `test/system/${FILES[name]}.test.ts`;
    return name.startsWith("test/") ? name : `test/system/${name}`;
  });
}

test("every row that is tested has a test of that name", () => {
  const rows = [...read("docs/security.md").matchAll(/^\| ((?:CVE-|layer-|whiteout-)[^|]*) \| [^|]* \| ([^|]*) \|$/gm)];
  const tested = rows.filter(([, , files]) => files?.trim());
  expect(tested.length).toBeGreaterThan(25);
  for (const [, ids = "", files = ""] of tested) {
    const texts = filesOf(files.trim()).map(read).join("\n");
    for (const id of ids.split(", ")) expect([id, texts.includes(id)]).toEqual([id, true]);
  }
});
