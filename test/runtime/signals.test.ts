import { expect, test } from "bun:test";
import { constants } from "node:os";
import { parseSignal, signalName } from "../../src/runtime/signals.ts";

test("names are the kernel's, with and without SIG, in any case", () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    expect(parseSignal(name)).toBe(number);
    expect(parseSignal(name.slice(3).toLowerCase())).toBe(number);
  }
});

test("numbers and real-time signals", () => {
  expect(parseSignal("15")).toBe(15);
  expect(parseSignal("64")).toBe(64);
  expect(parseSignal("RTMIN")).toBe(34);
  expect(parseSignal("SIGRTMIN+3")).toBe(37);
  expect(parseSignal("rtmin+15")).toBe(49);
  expect(parseSignal("RTMAX-14")).toBe(50);
  expect(parseSignal("SIGRTMAX")).toBe(64);
});

for (const text of [
  "",
  "0",
  "-1",
  "65",
  "SIG",
  "SIGFOO",
  "RTMIN+16",
  "RTMIN-1",
  "RTMAX+1",
  "RTMAX-15",
  "9x",
  "1.5",
  "SIGSIGTERM",
  "toString",
]) {
  test(`"${text}" is refused`, () => expect(() => parseSignal(text)).toThrow(`invalid signal: ${text}`));
}

test("a name for every number, and back", () => {
  for (let number = 1; number <= 64; number++) {
    const name = signalName(number);
    if (number === 32 || number === 33) expect(name).toBeUndefined();
    else expect(parseSignal(name ?? "")).toBe(number);
  }
  expect(signalName(9)).toBe("SIGKILL");
  expect(signalName(37)).toBe("SIGRTMIN+3");
  expect(signalName(64)).toBe("SIGRTMAX");
  expect(signalName(0)).toBeUndefined();
  expect(signalName(65)).toBeUndefined();
});
