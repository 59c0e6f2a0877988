/** A bundle: config.json and the root file system beside it (runtime-spec bundle.md). */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { check as checkResult } from "../../../ffi/errno.ts";
import { AT_FDCWD, Fd } from "../../../ffi/fd.ts";
import { cstr, sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { HoyError } from "../../spec/error.ts";
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
    throw new HoyError(`cannot read ${join(path, "config.json")}: ${(error as Error).message}`, { cause: error });
  }
  const spec = parseSpec(text);
  refuse(spec);
  checkListener(spec.linux?.seccomp);
  checkSpecSysctls(spec);
  if (!spec.root) throw new HoyError("config.json: root is missing", { status: 400 });
  const rootfs = resolve(path, spec.root.path);
  if (!statSync(rootfs, { throwIfNoEntry: false })?.isDirectory()) throw new HoyError(`the root file system ${rootfs} is not a directory`);
  return { path, spec, rootfs: realpathSync(rootfs) };
}

/** What the spec can say and this runtime does not do yet: never ignored. */
function refuse({ linux, process }: Spec): void {
  const asked: [unknown, string][] = [
    [process?.apparmorProfile && process.apparmorProfile !== "unconfined", "process.apparmorProfile"],
    [process?.selinuxLabel, "process.selinuxLabel"],
    [linux?.mountLabel, "linux.mountLabel"],
    [linux?.intelRdt, "linux.intelRdt"],
  ];
  const found = asked.find(([present]) => present);
  if (found) throw new HoyError(`config.json: ${found[1]} is not supported by this version of hoy`, { status: 400 });
}

const OPEN_TREE_CLONE = 1;
const AT_RECURSIVE = 0x8000;
const CLOEXEC = 0o2000000;

/** The root file system with all that is mounted below it, as a detached mount: in no mount table, gone with its last descriptor. */
export const copyRoot = (rootfs: string): Fd =>
  new Fd(checkResult(sys(NR.open_tree, AT_FDCWD, cstr(rootfs), OPEN_TREE_CLONE | AT_RECURSIVE | CLOEXEC), `bind ${rootfs}`));
