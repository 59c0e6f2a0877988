/** A bundle: config.json and the root file system beside it (runtime-spec bundle.md). */

import { join, resolve } from "node:path";
import { check as checkResult } from "../../../ffi/errno.ts";
import { AT_FDCWD, Fd } from "../../../ffi/fd.ts";
import { readFileSync, realpathSync, statSync } from "../../../ffi/fs.ts";
import { cstr, sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { parseSpec, type Spec } from "../../spec/runtime.ts";
import { checkListener } from "./seccomp-agent.ts";
import { checkSpecSysctls } from "./sysctl.ts";

export interface Bundle {
  path: string;
  spec: Spec;
  rootfs: string;
}

export function readBundle(folder: string): Bundle {
  const path = resolve(folder);
  let text: string;
  try {
    text = readFileSync(join(path, "config.json"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new HoyError(`JSON specification file ${join(path, "config.json")} not found`);
    throw new HoyError(`cannot read ${join(path, "config.json")}: ${reasonOf(error)}`, { cause: error });
  }
  const spec = parseSpec(text);
  checkListener(spec.linux?.seccomp);
  checkSpecSysctls(spec);
  if (!spec.root) throw new HoyError("config.json: root is missing", { status: 400 });
  const rootfs = resolve(path, spec.root.path);
  if (!statSync(rootfs, { throwIfNoEntry: false })?.isDirectory()) throw new HoyError(`the root file system ${rootfs} is not a directory`);
  return { path, spec, rootfs: realpathSync(rootfs) };
}

const OPEN_TREE_CLONE = 1;
const AT_RECURSIVE = 0x8000;
const CLOEXEC = 0o2000000;

const AT_EMPTY_PATH = 0x1000;
const MS_PRIVATE = 1 << 18;
const MS_SLAVE = 1 << 19;

/**
 * The root file system with all that is mounted below it, as a detached mount: in no mount table, gone with its last descriptor.
 * On a host where mounts are shared, as systemd makes them, its copy would be too, and pivot_root(2) takes no shared mount; it
 * follows the host's as a slave where linux.rootfsPropagation asks for it.
 */
export function copyRoot({ rootfs, spec }: Pick<Bundle, "rootfs" | "spec">): Fd {
  const root = new Fd(checkResult(sys(NR.open_tree, AT_FDCWD, cstr(rootfs), OPEN_TREE_CLONE | AT_RECURSIVE | CLOEXEC), `bind ${rootfs}`));
  const slave = /slave|shared/.test(spec.linux?.rootfsPropagation ?? "");
  const attributes = new BigUint64Array([0n, 0n, BigInt(slave ? MS_SLAVE : MS_PRIVATE), 0n]);
  const flags = AT_EMPTY_PATH | AT_RECURSIVE;
  checkResult(sys(NR.mount_setattr, root.number, cstr(""), flags, attributes, attributes.byteLength), `make ${rootfs} private`);
  return root;
}
