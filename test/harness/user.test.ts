import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { requires } from "./requires.ts";
import { ordinaryUser, sweepUsers, userWithoutRanges } from "./user.ts";

const ranges = (name: string): string[] =>
  ["/etc/subuid", "/etc/subgid"].flatMap((file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line.startsWith(`${name}:`)),
  );

requires(
  "root",
  "useradd",
  "userdel",
  "newuidmap",
)("one user has ranges, one has none, and both go again", () => {
  const remove = sweepUsers();
  try {
    const [rich, poor] = [ordinaryUser(), userWithoutRanges()];
    expect(rich.uid).not.toBe(poor.uid);
    expect(ranges(rich.name)).toHaveLength(2);
    expect(ranges(poor.name)).toHaveLength(0);
    expect(ordinaryUser()).toEqual(rich);
    expect(Bun.spawnSync(["id", "-u"], { uid: rich.uid, gid: rich.gid }).stdout.toString().trim()).toBe(String(rich.uid));
  } finally {
    remove();
  }
});
