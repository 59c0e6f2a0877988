/**
 * `--rootfs DIR` for an ordinary user. Overlay over the host's `/` is refused in a user namespace (its inherited mounts are locked),
 * so the root is a tmpfs: each top-level folder with no mount below it is an overlay of its own, the rest are read-only binds.
 */

import { join } from "node:path";
import type { Fd } from "../../../ffi/fd.ts";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from "../../../ffi/fs.ts";
import { newMount } from "../../../ffi/mount.ts";
import type { Mount } from "../../spec/runtime.ts";

/** Made anew in every container. */
const OWN = new Set(["proc", "sys", "dev"]);
/** Empty in the container: what lies there belongs to the host's sessions. */
const EMPTY = new Set(["tmp", "run", "lost+found"]);

/** Mount points of this namespace. */
function mountPoints(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => (line.split(" ")[4] ?? "").replace(/\\040/g, " "));
}

export interface HostView {
  rootfs: Fd;
  /** To be mounted before all others. */
  mounts: Mount[];
}

/** The view of the host's root. Changes go to `upper`, a folder a top-level folder. */
export function hostView({ upper, work }: { upper: string; work: string }): HostView {
  const rootfs = newMount("tmpfs", [["mode", "0755"]]);
  const points = mountPoints();
  const mounts: Mount[] = [];
  for (const name of readdirSync("/")) {
    const path = `/${name}`;
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) symlinkSync(readlinkSync(path), join(rootfs.path, name));
    else if (stat.isDirectory()) {
      mkdirSync(join(rootfs.path, name), { mode: EMPTY.has(name) ? 0o1777 : 0o755 });
      if (OWN.has(name) || EMPTY.has(name)) continue;
      const mounted = points.some((point) => point === path || point.startsWith(`${path}/`));
      const holdsUpper = upper.startsWith(`${path}/`);
      mounts.push(
        mounted || holdsUpper
          ? { destination: path, type: "bind", source: path, options: ["rbind", "rro"] }
          : overlay(name, { upper, work }),
      );
    }
  }
  return { rootfs, mounts };
}

function overlay(name: string, own: { upper: string; work: string }): Mount {
  const upper = join(own.upper, name);
  const work = join(own.work, name);
  mkdirSync(upper, { recursive: true, mode: 0o755 });
  mkdirSync(work, { recursive: true, mode: 0o700 });
  return {
    destination: `/${name}`,
    type: "overlay",
    source: "overlay",
    options: [`lowerdir=/${name}`, `upperdir=${upper}`, `workdir=${work}`, "userxattr"],
  };
}
