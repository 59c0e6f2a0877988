/** `state`, `list`, `ps`, `pause`, `resume`: what is, and whether it stands still. */
import { HoyError } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";
import { setFrozen } from "../cgroup/freeze.ts";
import { isFrozen } from "../cgroup/frozen.ts";
import { processes } from "../cgroup/processes.ts";
import { locateContainerCgroup } from "./cgroup.ts";
import { type ContainerRecord, containerIds, folderOf, lockFolder, readRecord, readSpec, type Status, statusOf } from "./record.ts";
import { OCI_VERSION } from "./state.ts";

/** runc's own state document: the specification's, and who made it where and when. */
export interface Listed {
  ociVersion: string;
  id: string;
  pid: number;
  status: Status;
  bundle: string;
  rootfs: string;
  created: string;
  owner: string;
  annotations?: Record<string, string>;
}

export interface Found {
  record: ContainerRecord;
  spec: Spec;
  status: Status;
}

/** Throws HoyError when there is none. */
export function findContainer(root: string, id: string): Found {
  const folder = folderOf(root, id);
  const record = readRecord(folder);
  return { record, spec: readSpec(folder), status: statusOf(folder, record, () => isFrozen(locateContainerCgroup(record).freeze)) };
}

export function describe({ record, spec, status }: Found): Listed {
  const { id, pid, bundle, rootfs, created, owner } = record;
  const annotations = spec.annotations && Object.keys(spec.annotations).length > 0 ? { annotations: spec.annotations } : {};
  return { ociVersion: OCI_VERSION, id, pid: status === "stopped" ? 0 : pid, status, bundle, rootfs, created, ...annotations, owner };
}

/** All containers below the root, by id; one that is just being removed is left out. */
export function listContainers(root: string): Listed[] {
  return containerIds(root).flatMap((id) => {
    try {
      return [describe(findContainer(root, id))];
    } catch (error) {
      if (error instanceof HoyError && error.status === 404) return [];
      throw error;
    }
  });
}

/** Pids on the host of a container that runs. Throws HoyError. */
export function containerProcesses(root: string, id: string): number[] {
  const { record } = findContainer(root, id);
  const found = processes(locateContainerCgroup(record));
  return found.length > 0 ? found : [record.pid];
}

/** `pause` and `resume`. Throws HoyError. */
export function freezeContainer(root: string, id: string, on: boolean): void {
  const folder = folderOf(root, id);
  using _lock = lockFolder(folder);
  const { record, status } = findContainer(root, id);
  if (on ? status !== "running" && status !== "created" : status !== "paused")
    throw new HoyError(on ? "container not running or created" : "container not paused", { status: 409 });
  const { freeze } = locateContainerCgroup(record);
  if (!freeze) throw new HoyError("cannot pause: this container has no cgroup that can be frozen", { status: 400 });
  setFrozen(freeze, on);
}
