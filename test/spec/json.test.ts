import { expect, test } from "bun:test";
import { parseDocument, parseExact, stringifyExact } from "../../src/spec/json.ts";

test("integers beyond 2^53 keep every digit, both ways", () => {
  const text = '{"a":18446744073709551615,"b":[-9223372036854775808,1,1.5,1e20],"c":"12345678901234567890"}';
  const value = parseExact(text);
  expect(value).toEqual({ a: 18446744073709551615n, b: [-9223372036854775808n, 1, 1.5, 1e20], c: "12345678901234567890" });
  expect(stringifyExact({ a: 18446744073709551615n, b: [1] })).toBe('{"a":18446744073709551615,"b":[1]}');
  expect(parseExact('{"a":1}')).toEqual({ a: 1 });
});

test("nulls count as absent, but not in lists", () => {
  expect(parseDocument('{"a":null,"b":{"c":null,"d":[null,{"e":null}]}}', "x")).toEqual({ b: { d: [null, {}] } });
});

test("bad JSON names the document", () => expect(() => parseDocument("{", "config.json")).toThrow(/^config\.json: JSON/));
