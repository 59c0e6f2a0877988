/** Joining another container, as operations read from the tape. */
import { expect, test } from "bun:test";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, Tape } from "../../../ffi/tape.ts";
import { planJoin } from "../../../src/runtime/plan/join.ts";
import { planMounts } from "../../../src/runtime/plan/mounts.ts";

const CLONE_NEWNS = 0x00020000;
const CLONE_NEWNET = 0x40000000;
const network = { type: "network", path: "/proc/5/ns/net", flag: CLONE_NEWNET };

test("nothing to join is no part of a tape", () => expect(planJoin([], undefined)).toBeUndefined());

test("namespaces are entered, and the mount namespace only to copy a mount of it", () => {
  const joined = planJoin([network], { namespace: "/proc/5/ns/mnt", path: "/dev/shm" });
  const entered = joined?.part.ops.filter(({ nr }) => nr === NR.setns).map(({ args }) => args[1]);
  expect(entered).toEqual([CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWNS]);
  // The own mount namespace is open before it is left.
  const opened = joined?.part.ops.filter(({ nr }) => nr === NR.openat).map(({ args }) => args[1]);
  expect(opened).toEqual(["/proc/5/ns/net", "/proc/self/ns/mnt", "/proc/5/ns/mnt"]);
});

test("a copied mount is attached without looking for its source", () => {
  const joined = planJoin([], { namespace: "/proc/5/ns/mnt", path: "/dev/shm" });
  const part = new Part();
  const planner = { tape: new Tape(), part, known: new Set<string>() };
  const mounts = planMounts([{ destination: "/dev/shm", type: "bind", options: ["rbind", "rprivate"] }], { copies: joined?.mounts });
  mounts.early(planner);
  mounts.late(planner, () => {});
  expect(part.ops.filter(({ nr }) => nr === NR.open_tree)).toEqual([]);
  expect(part.ops.filter(({ nr }) => nr === NR.move_mount).map(({ args }) => args[0])).toEqual([joined?.mounts.get("/dev/shm") as never]);
});

test("only the host's own /proc may be bound on /proc", () => {
  const proc = (source: string) => planMounts([{ destination: "/proc", type: "proc", source, options: ["rbind"] }]);
  expect(() => proc("/proc")).not.toThrow();
  expect(() => proc("/home")).toThrow("has to be a proc file system");
});
