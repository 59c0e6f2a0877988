/** Decoding of json-file entries, compared with JSON.parse. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Decoder, decodeEntries, type Filter, newDecoder } from "../../../../src/engine/containers/logs/entry.ts";

const TIME = "2026-11-24T01:02:03.000000004Z";
const entry = (log: string, stream = "stdout", time = TIME) => `${JSON.stringify({ log, stream, time })}\n`;
const bytes = (text: string) => new TextEncoder().encode(text);
const decoderWith = (filter: Partial<Filter> = {}) =>
  newDecoder({ timestamps: false, details: false, since: undefined, until: undefined, ...filter });

function decode(text: string, decoder: Decoder = decoderWith()): [text: string, runs: number[], used: number] {
  const input = bytes(text);
  const used = decodeEntries(decoder, input, input.length);
  return [new TextDecoder().decode(decoder.out.subarray(0, decoder.used)), [...decoder.runs], used];
}

test("runs of one stream are kept together, in order", () => {
  const [text, runs] = decode(entry("a\n") + entry("b\n") + entry("c\n", "stderr") + entry("d\n"));
  expect(text).toBe("a\nb\nc\nd\n");
  expect(runs).toEqual([1, 4, 2, 6, 1, 8]);
});

test("details stand before each line, after its time: none, and a space", () => {
  const slow = `{"stream":"stdout","log":"slow\\n","time":"${TIME}"}\n`;
  const lines = [entry("a\n"), entry("half "), entry("b\n"), entry("c\n", "stderr"), slow].join("");
  expect(decode(lines, decoderWith({ details: true }))[0]).toBe(" a\n half b\n c\n slow\n");
  expect(decode(entry("a\n") + entry("half ") + entry("b\n"), decoderWith({ details: true, timestamps: true }))[0]).toBe(
    `${TIME}  a\n${TIME}  half b\n`,
  );
});

test.each([
  ["quotes and backslashes", '"\\ \\n'],
  ["control characters", "\x00\x1b[0m\t\r\b\f\n"],
  ["other scripts", "é ☃ 𝄞 \u2028\n"],
  ["HTML that Go escapes", "<a href='x'>&</a>\n"],
])("%s", (_, text) => {
  const goes = entry(text).replace(/[<>&\u2028]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  expect(decode(entry(text))[0]).toBe(text);
  expect(decode(goes)[0]).toBe(text);
});

test("escapes that are written in full", () => {
  const raw = (log: string) => decode(`{"log":"${log}","stream":"stdout","time":"${TIME}"}\n`)[0];
  expect(raw("\\u0041\\u00e9\\u2603\\ud834\\udd1e\\/")).toBe("Aé☃𝄞/");
  expect(raw("\\ud834x\\udd1e\\ufffd")).toBe("\ufffdx\ufffd\ufffd");
});

test("any text comes back as it was", () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.constantFrom("stdout", "stderr"))), (lines) => {
      const [text, , used] = decode(lines.map(([log, stream]) => entry(log, stream)).join(""));
      expect(text).toBe(lines.map(([log]) => log.toWellFormed()).join(""));
      expect(used).toBe(bytes(lines.map(([log, stream]) => entry(log, stream)).join("")).length);
    }),
  ));

test("an entry that is cut off anywhere waits for its rest", () => {
  const whole = entry('a"\u0001\n');
  const both = bytes(entry("x") + whole);
  const first = bytes(entry("x")).length;
  for (let length = first; length < both.length; length++) {
    const decoder = decoderWith();
    expect(decodeEntries(decoder, both, length)).toBe(first);
    expect(decoder.used).toBe(1);
    expect(decoder.corrupt).toBe(0);
  }
});

test("other layouts: members in another order, short times, attributes", () => {
  const odd = `{"stream":"stderr","log":"a\\n","time":"2026-11-24T01:02:03.5Z","attrs":{"x":"y"}}\n`;
  expect(decode(odd, decoderWith({ timestamps: true }))[0]).toBe("2026-11-24T01:02:03.500000000Z a\n");
  expect(decode(`{"log":"b","stream":"stdout","time":"2026-11-24T01:02:03Z"}\n`, decoderWith({ timestamps: true }))[0]).toBe(
    "2026-11-24T01:02:03.000000000Z b",
  );
});

test("what is no entry is left out and counted", () => {
  const decoder = decoderWith();
  const torn = `{"log":"half{"log":"a","stream":"stdout","time":"${TIME}"}\n`;
  const [text] = decode(`${entry("1")}\0\0\0\n${torn}null\n{"log":1}\n\n${entry("2")}`, decoder);
  expect(text).toBe("12");
  expect(decoder.corrupt).toBe(4);
});

describe("filters", () => {
  const at = (second: number) => `2026-11-24T01:02:0${second}.000000000Z`;
  const log = [1, 2, 3].map((second) => entry(`${second}\n`, "stdout", at(second))).join("");
  test("since and until include their own time", () => {
    expect(decode(log, decoderWith({ since: bytes(at(2)) }))[0]).toBe("2\n3\n");
    expect(decode(log, decoderWith({ until: bytes(at(2)) }))[0]).toBe("1\n2\n");
  });
  test("a time begins each line, and not the later parts of one", () => {
    const parts = entry("long", "stdout") + entry("x\n", "stderr") + entry(" line\n", "stdout") + entry("next\n", "stdout");
    expect(decode(parts, decoderWith({ timestamps: true }))[0]).toBe(`${TIME} long${TIME} x\n line\n${TIME} next\n`);
  });
});
