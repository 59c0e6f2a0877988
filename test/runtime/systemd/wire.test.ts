/** D-Bus on the wire: bytes as the specification draws them, and what is encoded comes back. */
import { describe, expect, test } from "bun:test";
import { decodeMessage, encodeMessage, type Message, MessageType, messageLength } from "../../../src/runtime/systemd/message.ts";
import { splitSignature } from "../../../src/runtime/systemd/signature.ts";
import { decode, encode, type Value, variant } from "../../../src/runtime/systemd/wire.ts";

const hex = (signature: string, ...values: Value[]): string => encode(signature, values).toString("hex");

describe("values", () => {
  test("strings, arrays and variants as in the specification's examples", () => {
    expect(hex("sss", "foo", "+", "bar")).toBe("03000000666f6f00010000002b00000003000000626172".concat("00"));
    // the length of an array leaves out the padding before its first element
    expect(hex("ax", [5n])).toBe("08000000000000000500000000000000");
    expect(hex("ax", [])).toBe("0000000000000000");
    expect(hex("v", variant("u", 7))).toBe("0175000007000000");
    expect(hex("yay", 1, new Uint8Array([2, 3]))).toBe("01000000020000000203");
    expect(hex("bq", true, 0xffff)).toBe("01000000ffff");
    expect(hex("y(yt)", 1, [2, 3n])).toBe("010000000000000002000000000000000300000000000000");
  });

  test("what was encoded is decoded", () => {
    const cases: [string, Value[]][] = [
      ["ynqiuxtd", [255, -2, 65535, -5, 4294967295, -7n, 0xffff_ffff_ffff_ffffn, 1.5]],
      ["bsog", [false, "ä\u{1f433}", "/a/b", "a(sv)"]],
      [
        "ssa(sv)a(sa(sv))",
        [
          "x.scope",
          "fail",
          [
            ["PIDs", variant("au", [1, 2])],
            ["Delegate", variant("b", true)],
          ],
          [],
        ],
      ],
      ["a{sv}", [[["k", variant("v", variant("as", ["a", ""]))]]]],
    ];
    for (const [signature, values] of cases) expect(decode(signature, encode(signature, values))).toEqual(values);
  });

  test("of any length: the buffer grows wherever it has to", () => {
    for (let length = 480; length < 530; length++) {
      const values = ["x".repeat(length), 9, variant("s", "y".repeat(length)), 1n, 65000, -3, -4];
      expect(decode("syvtqni", encode("syvtqni", values))).toEqual(values);
    }
  });

  test("what a type cannot hold, and bytes that end too soon, are errors", () => {
    expect(() => encode("y", [256])).toThrow(RangeError);
    expect(() => encode("t", [-1n])).toThrow(RangeError);
    expect(() => encode("s", ["a\0b"])).toThrow("no NUL");
    expect(() => encode("z", [1])).toThrow('"z" is no type of D-Bus');
    expect(() => decode("t", Buffer.alloc(4))).toThrow(RangeError);
  });
});

test("signatures fall into single complete types", () => {
  expect(splitSignature("sa(sv)a{sa{sv}}aayu")).toEqual(["s", "a(sv)", "a{sa{sv}}", "aay", "u"]);
  expect(splitSignature("")).toEqual([]);
  for (const wrong of ["(s", "a", "k"]) expect(() => splitSignature(wrong)).toThrow(RangeError);
});

describe("messages", () => {
  const call: Message = {
    type: MessageType.call,
    serial: 3,
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "StopUnit",
    destination: "org.freedesktop.systemd1",
    signature: "ss",
    body: ["x.scope", "replace"],
  };

  test("a call comes back as it was, and says how long it is", () => {
    const bytes = encodeMessage(call);
    expect(messageLength(bytes)).toBe(bytes.length);
    expect(messageLength(Buffer.concat([bytes, Buffer.alloc(5)]))).toBe(bytes.length);
    expect(messageLength(bytes.subarray(0, 15))).toBeUndefined();
    expect(decodeMessage(bytes)).toEqual(call);
  });

  test("an error names its call, and a message without a body has none", () => {
    const error: Message = { type: MessageType.error, serial: 1, replyTo: 3, errorName: "a.b.C", signature: "", body: [] };
    expect(decodeMessage(encodeMessage(error))).toEqual(error);
  });

  test("the other byte order, and absurd lengths, are refused", () => {
    const bytes = encodeMessage(call);
    bytes[0] = 0x42;
    expect(() => messageLength(bytes)).toThrow("big endian");
    bytes[0] = 0x6c;
    bytes.writeUInt32LE(0xf0000000, 4);
    expect(() => messageLength(bytes)).toThrow("longer than D-Bus allows");
  });
});
