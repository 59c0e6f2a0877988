import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { layerLine, progressBar, sizeWords, visibleLayers } from "../../../src/cli/image/layer-lines.ts";

const DIGEST = `sha256:${"0123456789ab".repeat(6).slice(0, 64)}`;

test.each([
  [0, "0B"],
  [999, "999B"],
  [1000, "1kB"],
  [1234, "1.234kB"],
  [1_291_791, "1.292MB"],
  [123_456_789, "123.5MB"],
  [5e12, "5TB"],
])("%d bytes are %s", (bytes, words) => expect(sizeWords(bytes)).toBe(words));

describe("a layer's line", () => {
  test("its bar grows with the bytes", () => {
    const line = (current: number) => layerLine(DIGEST, { phase: "downloading", current, total: 1000 }, 120);
    expect(line(0)).toBe(`0123456789ab: Downloading [>${" ".repeat(50)}]       0B/1kB`);
    expect(line(500)).toBe(`0123456789ab: Downloading [${"=".repeat(25)}>${" ".repeat(25)}]     500B/1kB`);
    expect(line(1000)).toBe(`0123456789ab: Downloading [${"=".repeat(50)}>]      1kB/1kB`);
  });

  test("a finished one has none", () => {
    expect(layerLine(DIGEST, { phase: "done", current: 5, total: 5 }, 80)).toBe("0123456789ab: Pull complete");
    expect(layerLine(DIGEST, { phase: "exists", current: 0, total: 5 }, 80)).toBe("0123456789ab: Already exists");
  });

  test("it never wraps", () => {
    const line = fc.record({
      phase: fc.constantFrom("waiting", "exists", "downloading", "extracting", "done") as fc.Arbitrary<"waiting">,
      current: fc.nat(2 ** 40),
      total: fc.nat(2 ** 40),
    });
    fc.assert(
      fc.property(line, fc.integer({ min: 20, max: 300 }), (at, columns) => {
        expect(layerLine(DIGEST, at, columns).length).toBeLessThan(columns);
      }),
    );
  });

  test("an unknown size has no bar", () => {
    expect(progressBar({ phase: "downloading", current: 1234, total: 0 }, 100)).toBe("1.234kB");
  });
});

test("no more lines than the screen has, the moving ones first, in their order", () => {
  const layers = new Map(
    Array.from({ length: 30 }, (_, index) => [
      String(index),
      { phase: index < 20 ? ("done" as const) : ("downloading" as const), current: 0, total: 1 },
    ]),
  );
  expect(visibleLayers(layers, 100).length).toBe(30);
  expect(visibleLayers(layers, 14).map(([name]) => name)).toEqual([
    "18",
    "19",
    ...Array.from({ length: 10 }, (_, index) => String(20 + index)),
  ]);
  expect(visibleLayers(layers, 7).map(([name]) => name)).toEqual(["20", "21", "22", "23", "24"]);
  expect(visibleLayers(layers, 12).length).toBe(10);
});
