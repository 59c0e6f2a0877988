/** SELinux labels of a container: chosen when it is made, given to its files when it starts (moby, `selinux-enabled` of daemon.json). */
import { randomInt } from "node:crypto";
import { fstatSync, lstatSync, readFileSync, realpathSync } from "node:fs";
import { openFolderAt, readFolder } from "../../../ffi/at.ts";
import { check, EOPNOTSUPP } from "../../../ffi/errno.ts";
import { type Fd, O_DIRECTORY, O_RDONLY, open } from "../../../ffi/fd.ts";
import { setXattr } from "../../../ffi/xattr.ts";
import { categories, checkRelabel, containerLabels, parseContexts, sharedLabel } from "../../runtime/selinux/labels.ts";
import type { Store } from "../../state/store.ts";
import type { ContainerOptions, HostConfig } from "./options.ts";
import { securityOptions } from "./parse/security-opt.ts";
import type { ResolvedMount } from "./spec-mounts.ts";

/** As dockerd: who shares the host's processes or is privileged has no label, whatever else is said. */
function labelOptions({ SecurityOpt, Privileged, PidMode, IpcMode }: HostConfig): string[] {
  const { labels } = securityOptions(SecurityOpt ?? []);
  return Privileged || PidMode === "host" || IpcMode === "host" ? ["disable"] : labels;
}

/** Labels for a new container, with categories that no other one of the store has. */
export function newLabels(store: Store, hostConfig: HostConfig): Pick<ContainerOptions, "processLabel" | "mountLabel"> {
  const used = store.db.query("SELECT options FROM containers").all() as { options: string }[];
  let level: string;
  do level = categories(randomInt);
  while (used.some(({ options }) => options.includes(`:${level}"`)));
  const { process, mount } = containerLabels(labelOptions(hostConfig), parseContexts(containerContexts()), level);
  return { ...(process ? { processLabel: process } : {}), ...(mount ? { mountLabel: mount } : {}) };
}

/** lxc_contexts of the policy that /etc/selinux/config names; empty where it has none. */
function containerContexts(): string {
  const read = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  const policy = /^SELINUXTYPE=(\S+)/m.exec(read("/etc/selinux/config"))?.[1] ?? "targeted";
  return read(`/etc/selinux/${policy}/contexts/lxc_contexts`);
}

const NAME = "security.selinux";

/** File systems without labels are left as they are. */
function label(file: string | number, value: string): void {
  const result = setXattr(file, NAME, Buffer.from(`${value}\0`));
  if (result !== -EOPNOTSUPP) check(result, `label ${file} ${value}`);
}

/** All in an open folder, by descriptors: another container may put links in their place meanwhile, which are labelled as links. */
function labelBelow(folder: Fd, value: string): void {
  for (const { name, directory } of readFolder(folder.number)) {
    if (directory) {
      using below = openFolderAt(folder.number, name);
      labelBelow(below, value);
    }
    label(`${folder.path}/${name}`, value);
  }
}

/** A file, or a folder and all in it; itself last, so that one which was labelled is so throughout. */
function labelTree(path: string, value: string): void {
  if (lstatSync(path).isDirectory()) {
    using folder = open(path, O_RDONLY | O_DIRECTORY);
    labelBelow(folder, value);
  }
  label(path, value);
}

/** The same for a mount of hoy's own (a volume with other ids), whose path is a link of /proc to a descriptor. */
function labelDetached(path: string, value: string): void {
  using file = open(path, O_RDONLY);
  if (fstatSync(file.number).isDirectory()) labelBelow(file, value);
  label(file.number, value);
}

/** Whom the files of a mount belong to: `z` all containers, `Z` this one. A volume is for all where nothing is said, as in Docker. */
function sharing({ type, mode }: Source): "z" | "Z" | undefined {
  const words = mode.split(",");
  if (words.includes("Z")) return "Z";
  return words.includes("z") || type === "volume" ? "z" : undefined;
}

type Source = Pick<ResolvedMount, "type" | "mode" | "path" | "detached">;

/** Labels the engine's own files of a container, and the sources of its mounts. Throws HoyError for what must not be relabelled. */
export function labelSources({ mountLabel }: ContainerOptions, files: readonly string[], sources: readonly Source[]): void {
  if (!mountLabel) return;
  for (const file of files) label(file, mountLabel);
  for (const mount of sources) {
    const who = sharing(mount);
    if (who === undefined) continue;
    const value = who === "z" ? sharedLabel(mountLabel) : mountLabel;
    if (mount.detached) labelDetached(mount.path, value);
    else {
      const source = realpathSync(mount.path);
      checkRelabel(source);
      labelTree(source, value);
    }
  }
}
