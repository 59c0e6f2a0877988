import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeName, encodeName } from "../../ffi/names.ts";

test("any bytes survive the way through a string", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(encodeName(decodeName(Buffer.from(bytes)))).toEqual(Buffer.from(bytes));
    }),
    { numRuns: 500 },
  );
});

test("valid UTF-8 is plain text, a real replacement character too", () => {
  for (const text of ["", "usr/bin", "Főtanúsítvány", "😀", "a\ufffdb", "\ufeffx"]) expect(decodeName(Buffer.from(text))).toBe(text);
});

test("a byte that is no UTF-8 becomes a lone surrogate", () => {
  expect(decodeName(Buffer.from([0x61, 0xff, 0x62]))).toBe("a\udcffb");
});
