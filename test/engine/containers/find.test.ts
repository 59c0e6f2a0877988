/** Names, ids and beginnings of ids, in Docker's order. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { findContainer, lookUp } from "../../../src/engine/containers/find.ts";
import { defaultConfig, defaultHostConfig } from "../../../src/engine/containers/options.ts";
import { migrations } from "../../../src/state/schema.ts";

const A = `aaaa1${"0".repeat(59)}`;
const B = `aaaa2${"0".repeat(59)}`;
const C = `cccc${"0".repeat(60)}`;

function store() {
  const db = new Database(":memory:");
  for (const step of migrations) db.exec(step);
  const options = JSON.stringify({ config: defaultConfig(), hostConfig: defaultHostConfig(), mounts: [] });
  const add = db.query("INSERT INTO containers(id, name, image, created, state, options) VALUES (?, ?, 'i', 1, 'created', ?)");
  add.run(A, "web", options);
  add.run(B, "aaaa1", options);
  add.run(C, "db", options);
  return { db };
}

test.each([
  ["web", A],
  ["/web", A],
  [A, A],
  ["cccc", C],
  ["c", C],
  ["aaaa2", B],
  // A name wins over the beginning of another one's id.
  ["aaaa1", B],
  ["aaaa10", A],
])("%s", (text, id) => expect(findContainer(store(), text).id).toBe(id));

test("several containers begin alike", () =>
  expect(() => findContainer(store(), "aaaa")).toThrow("multiple IDs found with provided prefix: aaaa"));

test.each(["nope", "d", "", "CCCC", "%", "aaa_"])("%j is nobody", (text) => {
  expect(lookUp(store(), text)).toBeUndefined();
  expect(() => findContainer(store(), text)).toThrow(new Error(`No such container: ${text}`));
});

test("options are read", () => expect(findContainer(store(), "db").options.config.AttachStdout).toBe(true));
