/** Docker's default profile as hoy compiles it, against what apparmor_parser makes of the same rules. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dockerDefault } from "../../../src/runtime/apparmor/docker-default.ts";
import { globExpression, literal, Positions } from "../../../src/runtime/apparmor/expression.ts";
import { encodeProfile } from "../../../src/runtime/apparmor/policy.ts";
import { type Automaton, automataOf, isSound, match, permissions, START, step } from "./kernel.ts";

const golden = automataOf(readFileSync(join(import.meta.dir, "golden/docker-default.bin")));
const ours = automataOf(encodeProfile(dockerDefault("docker-default", "unconfined")));
/** AA_CLASS_NET: "network," as a class that nothing restricts, where apparmor_parser names each family. */
const NETWORK = 14;

/** Walks both automata over every string at once; the first strings whose permissions differ. */
function differences(a: Automaton, b: Automaton, leaveOut: readonly number[] = []): string[] {
  const found: string[] = [];
  const seen = new Set<number>();
  const waiting: [number, number, string][] = [[START, START, ""]];
  for (let next = waiting.pop(); next && found.length < 5; next = waiting.pop()) {
    const [x, y, text] = next;
    if (seen.has(x * 65536 + y)) continue;
    seen.add(x * 65536 + y);
    if (permissions(a, x).join() !== permissions(b, y).join()) found.push(JSON.stringify(text));
    for (let byte = 0; byte < 256; byte++)
      if (text !== "" || !leaveOut.includes(byte)) waiting.push([step(a, x, byte), step(b, y, byte), text + String.fromCharCode(byte)]);
  }
  return found;
}

test("every path and every question has the answer of apparmor_parser's policy", () => {
  expect(ours.every(isSound)).toBe(true);
  expect(differences(golden[1], ours[1])).toEqual([]);
  expect(differences(golden[0], ours[0], [NETWORK])).toEqual([]);
});

test("the comparison sees a difference", () => {
  const other = automataOf(encodeProfile(dockerDefault("docker-default", "another")));
  expect(differences(golden[0], other[0], [NETWORK])).toEqual([expect.stringContaining("another")]);
});

const [WRITE, READ] = [2, 4];

describe("what the profile says", () => {
  test.each([
    ["/etc/passwd", READ | WRITE],
    ["/proc/1/oom_score_adj", READ | WRITE],
    ["/proc/sys/kernel/shmmax", READ | WRITE],
    ["/proc/sys/kernel/hostname", READ],
    ["/proc/sys/vm/swappiness", READ],
    ["/proc/meminfo", READ],
    ["/proc/acpi/wakeup", READ],
    ["/proc/sysrq-trigger", 0],
    ["/proc/kcore", 0],
    ["/sys/fs/cgroup/pids.max", READ | WRITE],
    ["/sys/module/x/parameters/y", READ],
    ["/sys/firmware/acpi/tables", 0],
    ["/sys/kernel/security/apparmor/.replace", 0],
  ])("%s", (path, expected) => expect(match(ours[1], path)[0] & (READ | WRITE)).toBe(expected));

  test("the engine's own profile may send signals", () => {
    const [others] = automataOf(encodeProfile(dockerDefault("docker-default", "/usr/bin/hoy é")));
    const [SIGNAL, TERM] = ["\x0a", "\x0f"];
    expect(match(others, `${SIGNAL}${TERM}${Buffer.from("/usr/bin/hoy é").toString("latin1")}`)[0]).toBe(4);
    expect(match(others, `${SIGNAL}${TERM}/usr/bin/hoy`)[0]).toBe(0);
  });
});

test("globs, as apparmor_parser -D rule-exprs shows them", () => {
  const expressions = Object.entries({
    "/{**,}": "/([^\\x00]*|)",
    "/proc/*": "/proc/[^/\\x00][^/\\x00]*",
    "/proc/sys/[^k]**": "/proc/sys/[^k][^\\x00]*",
    "/a/{?,??,[^s]**}": "/a/([^/\\x00]|[^/\\x00][^/\\x00]|[^s][^\\x00]*)",
    "/sys/[^f]*/**": "/sys/[^f][^/\\x00]*/[^/\\x00][^\\x00]*",
    "/proc/sysrq-trigger": "/proc/sysrq-trigger",
  });
  for (const [glob, expression] of expressions) expect(globExpression(glob)).toBe(expression);
  expect(literal("a.b é")).toBe("a\\x2eb\\x20\\xc3\\xa9");
});

test("an expression that is none", () => {
  for (const text of ["(a", "a)", "[a", "é"]) expect(() => new Positions().add(text)).toThrow(SyntaxError);
});
