import { expect, test } from "bun:test";
import { checkContainerName, freeName, generateId, randomName } from "../../../src/engine/containers/names.ts";

test("ids", () => {
  const ids = Array.from({ length: 200 }, generateId);
  expect(new Set(ids).size).toBe(200);
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(id.slice(0, 12)).toMatch(/[a-f]/);
  }
});

test("random names are names", () => {
  for (let attempt = 0; attempt < 3; attempt++) {
    const name = randomName(attempt);
    expect(name).toMatch(attempt === 0 ? /^[a-z]+_[a-z]+$/ : /^[a-z]+_[a-z]+\d+$/);
    expect(checkContainerName(name)).toBe(name);
  }
});

test("a taken name is not given out again", () => {
  const seen: string[] = [];
  const name = freeName((candidate) => seen.push(candidate) < 5);
  expect(seen).toHaveLength(5);
  expect(seen[4]).toBe(name);
  expect(() => freeName(() => true)).toThrow("cannot find a free container name");
});

test("given names", () => {
  for (const name of ["ab", "a.b_c-1", "0x"]) expect(checkContainerName(name)).toBe(name);
  expect(checkContainerName("/web")).toBe("web");
  for (const name of ["a b", "x", "_x", "", "-a", "a/b", "ä1"])
    expect(() => checkContainerName(name)).toThrow(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
});
