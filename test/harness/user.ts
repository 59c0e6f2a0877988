/**
 * Ordinary users for the rootless tests. As root there are two, made with useradd when first needed and removed at the end of
 * `npm test`: one with subordinate ids, one without. Run by an ordinary user, the tests use that user.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";

export interface TestUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const WITH_RANGE = "hoytest";
const WITHOUT_RANGE = "hoyplain";
const RANGE = 65536;

function passwdEntry(name: string): TestUser | undefined {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user === name) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command, { stdin: "ignore", stdout: "ignore" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}

const rangesOf = (file: string): string[][] =>
  existsSync(file)
    ? readFileSync(file, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(":"))
    : [];

/** Gives the user a range of 65,536 ids above all others; useradd does so by itself on some distributions only. */
function giveRange(name: string, file: string): void {
  const ranges = rangesOf(file);
  if (ranges.some(([owner]) => owner === name)) return;
  const start = Math.max(100_000, ...ranges.map(([, from, count]) => Number(from) + Number(count)));
  appendFileSync(file, `${name}:${start}:${RANGE}\n`);
}

/** `-K SUB_UID_COUNT=0` keeps useradd from giving a range. */
function makeUser(name: string): TestUser {
  const ids = ["-K", "SUB_UID_COUNT=0", "-K", "SUB_GID_COUNT=0"];
  // Another test process may make the same user at the same time: what counts is that the user is there afterwards.
  if (!passwdEntry(name)) Bun.spawnSync(["useradd", "--no-create-home", "--shell", "/bin/sh", ...ids, name]);
  const user = passwdEntry(name);
  if (!user) throw new Error(`useradd made no user ${name}`);
  return user;
}

/** A user with subordinate ids as root, else the user who runs the tests (whose ranges are what they are). */
export function ordinaryUser(): TestUser {
  if (process.getuid?.() !== 0) {
    const { username, uid, gid } = userInfo();
    return { name: username, uid, gid };
  }
  const user = makeUser(WITH_RANGE);
  giveRange(user.name, "/etc/subuid");
  giveRange(user.name, "/etc/subgid");
  return user;
}

/** A user without subordinate ids: everything is mapped to one id. Needs root. */
export function userWithoutRanges(): TestUser {
  const user = makeUser(WITHOUT_RANGE);
  for (const file of ["/etc/subuid", "/etc/subgid"])
    if (rangesOf(file).some(([owner]) => owner === user.name)) throw new Error(`${file} gives ${user.name} a range`);
  return user;
}

const SUBORDINATE = ["/etc/subuid", "/etc/subgid"] as const;
/** Of whose ranges root's `--userns auto` gives ids. */
const CONTAINERS = "containers";

/** Sees to it that there are such ranges. Needs root. */
export function containersRange(): void {
  for (const file of SUBORDINATE) giveRange(CONTAINERS, file);
}

const withoutRange = (name: string): string[] => SUBORDINATE.filter((file) => !rangesOf(file).some(([owner]) => owner === name));

function takeRange(name: string, file: string): void {
  const lines = readFileSync(file, "utf8").split("\n");
  writeFileSync(file, lines.filter((line) => !line.startsWith(`${name}:`)).join("\n"));
}

/** Remembers which test users and ranges exist, and returns a function that removes those that were made since. */
export function sweepUsers(): () => void {
  const before = [WITH_RANGE, WITHOUT_RANGE].filter((name) => passwdEntry(name));
  const files = withoutRange(CONTAINERS);
  return () => {
    if (process.getuid?.() !== 0) return;
    for (const file of files) if (existsSync(file)) takeRange(CONTAINERS, file);
    // userdel takes the lines in /etc/subuid and /etc/subgid along.
    for (const name of [WITH_RANGE, WITHOUT_RANGE]) if (!before.includes(name) && passwdEntry(name)) run("userdel", name);
  };
}
