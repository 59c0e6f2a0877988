/**
 * Namespaces that a container shares: with the host, or with another container that runs (moby daemon/container_operations.go,
 * getNetworkedContainer, getIPCContainer, getPIDContainer; daemon/daemon_unix.go, adaptSharedNamespaceContainer).
 */

import { join } from "node:path";
import type { Fd } from "../../../ffi/fd.ts";
import { readFileSync } from "../../../ffi/fs.ts";
import { HoyError } from "../../spec/error.ts";
import { parseExact } from "../../spec/json.ts";
import type { Spec } from "../../spec/runtime.ts";
import type { Store } from "../../state/store.ts";
import { containerFiles } from "./files.ts";
import { findContainer, lookUp } from "./find.ts";
import type { ContainerOptions, HostConfig } from "./options.ts";
import { containerOf, joinMode } from "./parse/modes.ts";
import { type ContainerRow, dataFolder } from "./row.ts";
import { notRunning, openProcess, waitEnd } from "./signal.ts";
import type { ContainerFiles } from "./spec-mounts.ts";

const MODES = { network: "NetworkMode", pid: "PidMode", ipc: "IpcMode" } as const;
type SharedType = keyof typeof MODES;
const TYPES = Object.keys(MODES) as SharedType[];
const FILES = { network: "net", pid: "pid", ipc: "ipc" } as const;

/** By type: "host", or the path of another container's; its own where there is nothing. */
export type Sharing = Partial<Record<SharedType, string>>;

export interface Shared extends Disposable {
  sharing: Sharing;
  /** Mount namespace whose /dev/shm the container has. */
  shmFrom?: string;
  /** hosts, hostname and resolv.conf of the container whose network it is in. */
  files?: ContainerFiles;
  /** Throws HoyError when a container whose namespace was joined by its process's number has ended since. */
  check(): void;
}

/** Modes that name a container by its id: it may be renamed. What is not found is left for the start to tell. */
export function resolveModes(store: Store, hostConfig: HostConfig): HostConfig {
  const resolved = { ...hostConfig };
  for (const type of TYPES) {
    const name = containerOf(hostConfig[MODES[type]]);
    const other = name === undefined ? undefined : lookUp(store, name);
    if (other) resolved[MODES[type]] = joinMode(other.id);
  }
  return resolved;
}

/** A container in another one's network has its names. */
export function adoptNames(store: Store, { config, hostConfig }: ContainerOptions): void {
  const name = containerOf(hostConfig.NetworkMode);
  const other = name === undefined ? undefined : lookUp(store, name);
  if (!other) return;
  config.Hostname = other.options.config.Hostname;
  config.Domainname = other.options.config.Domainname;
}

/** The container whose network it is in the end: itself, unless it is in another one's. */
export function networkOwner(store: Store, row: ContainerRow): ContainerRow {
  let owner = row;
  // Two that name each other can be made, though not started.
  for (const seen = new Set<string>(); !seen.has(owner.id); ) {
    seen.add(owner.id);
    const name = containerOf(owner.options.hostConfig.NetworkMode);
    owner = (name === undefined ? undefined : lookUp(store, name)) ?? owner;
  }
  return owner;
}

/** What the container shares as it starts now. Throws HoyError when the other container does not run. */
export function sharedNamespaces(store: Store, row: ContainerRow): Shared {
  const { hostConfig } = row.options;
  const sharing: Sharing = {};
  const held: { process: Fd; row: ContainerRow }[] = [];
  const shared: Shared = {
    sharing,
    check() {
      for (const { process, row: other } of held) if (waitEnd(process, 0)) throw notRunning(other);
    },
    [Symbol.dispose]() {
      for (const { process } of held) process.close();
    },
  };
  try {
    for (const type of TYPES) {
      const mode = hostConfig[MODES[type]];
      const name = containerOf(mode);
      if (mode === "host") sharing[type] = "host";
      if (name === undefined) continue;
      const other = donor(store, row, { type, name });
      held.push(other);
      sharing[type] = hasOwn(store, other.row, type) ? `/proc/${other.row.pid}/ns/${FILES[type]}` : "host";
      if (type === "ipc" && sharing.ipc !== "host") shared.shmFrom = `/proc/${other.row.pid}/ns/mnt`;
      if (type === "network") {
        shared.files = containerFiles(store, networkOwner(store, other.row).id);
        adoptNames(store, row.options);
      }
    }
  } catch (error) {
    shared[Symbol.dispose]();
    throw error;
  }
  return shared;
}

function donor(store: Store, row: ContainerRow, { type, name }: { type: SharedType; name: string }): { process: Fd; row: ContainerRow } {
  const other = findContainer(store, name);
  if (other.id === row.id)
    throw new HoyError(`cannot join own ${type === "network" ? type : `${type.toUpperCase()} namespace`}`, { status: 400 });
  if (type === "ipc" && ["", "private", "none"].includes(other.options.hostConfig.IpcMode))
    throw new HoyError(
      `failed to join IPC namespace: container ${name}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
      { status: 400 },
    );
  const process = openProcess(store, other);
  if (process) return { process, row: other };
  if (type === "network") throw new HoyError(`cannot join network of a non running container: ${other.id}`, { status: 409 });
  throw new HoyError(`failed to join ${type.toUpperCase()} namespace: ${notRunning(other).message}`, { status: 409 });
}

/** Whether a running container has a namespace that is not the host's, which an ordinary user could not join by its path. */
function hasOwn(store: Store, row: ContainerRow, type: SharedType): boolean {
  const spec = parseExact(readFileSync(join(dataFolder(store, row.id), "config.json"), "utf8")) as Spec;
  return spec.linux?.namespaces?.some((namespace) => namespace.type === type) ?? false;
}
