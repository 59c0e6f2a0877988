/** Root file systems as folders, for `--rootfs`: no image, registry or network needed. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeElf } from "../probe/probe.ts";
import { atEnd } from "./at-end.ts";
import { busyboxLayer } from "./images.ts";
import type { TestUser } from "./user.ts";

const shared = new Map<number, string>();

/**
 * A folder with busybox, users root, alice (1000, group staff 2000 too) and nobody, and the probe at `/probe`, owned by `owner` (for an
 * ordinary user's containers, whose root is that user). Made once per owner and removed at the end: containers over it are
 * copy-on-write, so that no test can change it.
 */
export function busyboxRootfs(owner?: TestUser): string {
  const known = shared.get(owner?.uid ?? -1);
  if (known) return known;
  const root = mkdtempSync(join(tmpdir(), "hoy-rootfs-"));
  atEnd(() => rmSync(root, { recursive: true, force: true }));
  const isRoot = process.getuid?.() === 0;
  for (const { name, type, data, mode, uid, gid, link } of busyboxLayer()) {
    const path = join(root, name);
    if (type === "2") symlinkSync(link ?? "", path);
    else if (name.endsWith("/")) mkdirSync(path, { recursive: true });
    else writeFileSync(path, data ?? "");
    if (type === "2") continue;
    chmodSync(path, mode ?? 0o755);
    if (isRoot) chownSync(path, owner?.uid ?? uid ?? 0, owner?.gid ?? gid ?? 0);
  }
  writeFileSync(join(root, "probe"), probeElf(), { mode: 0o755 });
  chmodSync(root, 0o755);
  if (isRoot && owner) for (const path of [root, join(root, "probe")]) chownSync(path, owner.uid, owner.gid);
  shared.set(owner?.uid ?? -1, root);
  return root;
}
