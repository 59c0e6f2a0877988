/** Environment and label files, compared with what docker 28.2.2 made of the same bytes. */
import { expect, test } from "bun:test";
import { parseEnv, parseEnvFile, parseLabelFile, readUserFile } from "../../../../src/engine/containers/parse/env.ts";
import { parseLabel } from "../../../../src/engine/containers/parse/label.ts";

const lookup = (name: string) => (name === "HOSTVAR" ? "hv" : undefined);
const bytes = (text: string) => Uint8Array.from([...text].map((character) => character.charCodeAt(0)));
const file = (text: string) => parseEnvFile("e", bytes(text), lookup);

test.each([
  ["A=1", "A=1"],
  ["A=", "A="],
  ["A=b=c", "A=b=c"],
  ["A B=1", "A B=1"],
  ["HOSTVAR", "HOSTVAR=hv"],
  ["NOSUCH", "NOSUCH"],
])("-e %s", (text, result) => expect(parseEnv(text, lookup)).toBe(result));

test.each(["", "=x"])("-e %s is refused", (text) => expect(() => parseEnv(text, lookup)).toThrow(`invalid environment variable: ${text}`));

test.each([
  ["#c\nA=1\n\n  B=2\nHOSTVAR\nNOPE\n", ["A=1", "B=2", "HOSTVAR=hv"]],
  ["\xef\xbb\xbfA=1\n", ["A=1"]],
  ['A="q"\nB= x \nC=1 #x\r\n', ['A="q"', "B= x ", "C=1 #x"]],
  ["\tA=1\n", ["A=1"]],
  ["A=1\n    \n  # c\nD=1", ["A=1", "D=1"]],
  ["B\nA", []],
  ["A=\n", ["A="]],
  ["A=\xc3\xa9", ["A=é"]],
])("env file %j", (text, result) => expect(file(text)).toEqual(result));

test.each([
  ["A=1\n C =3\n", "invalid env file (e): variable 'C ' contains whitespaces (line 2)"],
  ["export A=1\n", "invalid env file (e): variable 'export A' contains whitespaces (line 1)"],
  ["A\t=1\n", "invalid env file (e): variable 'A\t' contains whitespaces (line 1)"],
  ["B C\n", "invalid env file (e): variable 'B C' contains whitespaces (line 1)"],
  ["A=1\n=2\n", "invalid env file (e): no variable name on line '=2' (line 2)"],
  ["A=\xff\n", "invalid env file (e): invalid utf8 bytes at line 1: [65 61 255]"],
  ["A=1\n\n\xff=1\n", "invalid env file (e): invalid utf8 bytes at line 3: [255 61 49]"],
])("env file %j is refused", (text, message) => expect(() => file(text)).toThrow(new Error(message)));

test("a missing or unreadable file is named", () => {
  expect(() => readUserFile("/nope/e")).toThrow(new Error("open /nope/e: no such file or directory"));
  expect(() => readUserFile("/")).toThrow(new Error("open /: is a directory"));
});

test("labels", () => {
  expect(parseLabelFile("l", bytes("a=1\n#c\nb\nc=\n"))).toEqual(["a=1", "b=", "c="]);
  expect(parseLabel("a=b=c")).toEqual(["a", "b=c"]);
  expect(parseLabel("a")).toEqual(["a", ""]);
  expect(() => parseLabel("=b")).toThrow(new Error("invalid label '=b': empty name"));
  expect(() => parseLabel("")).toThrow(new Error("invalid label '': empty name"));
  expect(() => parseLabel("a b=c")).toThrow(new Error("label 'a b' contains whitespaces"));
});
