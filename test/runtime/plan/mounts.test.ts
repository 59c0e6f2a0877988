/** Mounts as operations, read from the tape. */
import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { NR } from "../../../ffi/syscalls.ts";
import { Part, Tape } from "../../../ffi/tape.ts";
import { planMounts } from "../../../src/runtime/plan/mounts.ts";
import type { Mount } from "../../../src/spec/runtime.ts";

function sourcesOpened(mount: Mount): { walked: unknown[]; followed: unknown[] } {
  const part = new Part();
  const planner = { tape: new Tape(), part, known: new Set<string>() };
  const planned = planMounts([mount]);
  planned.early(planner);
  planned.late(planner, () => {});
  const named = (nr: number) => part.ops.filter((op) => op.nr === nr && op.args[1] === mount.source).map(({ args }) => args[1]);
  return { walked: named(NR.openat2), followed: named(NR.open_tree) };
}

test("a folder of a volume, resolved beforehand, is opened without following a link that was put there since", () => {
  const source = tmpdir();
  const bind: Mount = { destination: "/data", type: "bind", source, options: ["rbind"] };
  expect(sourcesOpened(bind)).toEqual({ walked: [], followed: [source] });
  expect(sourcesOpened({ ...bind, resolved: true })).toEqual({ walked: [source], followed: [] });
  expect(sourcesOpened({ ...bind, resolved: true, options: ["rbind", "rshared"] })).toEqual({ walked: [source], followed: [] });
});

test("a mount that is made already is attached by its descriptor", () => {
  const part = new Part();
  const mount: Mount = { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "ro", "size=1m"] };
  const planned = planMounts([mount], { ready: new Map([[mount, 512]]) });
  planned.late({ tape: new Tape(), part, known: new Set<string>() }, () => {});
  expect(part.ops.some(({ nr }) => nr === NR.fsopen)).toBe(false);
  const using = part.ops.filter(({ args }) => args[0] === 512).map(({ nr }) => nr);
  expect(using).toEqual([NR.mount_setattr, NR.move_mount]);
});
