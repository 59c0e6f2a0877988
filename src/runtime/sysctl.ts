/** Which kernel settings belong to a namespace, so that a container may have values of its own (runc libcontainer/configs/validate). */

/** Those of the IPC namespace, besides `fs.mqueue.`. */
const IPC: ReadonlySet<string> = new Set(
  ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"].map((name) => `kernel.${name}`),
);

/** The namespace of a setting, written with dots; undefined for what is the whole machine's. */
export function sysctlNamespace(name: string): "ipc" | "network" | "uts" | undefined {
  if (IPC.has(name) || name.startsWith("fs.mqueue.")) return "ipc";
  if (name.startsWith("net.")) return "network";
  return name === "kernel.domainname" || name === "kernel.hostname" ? "uts" : undefined;
}
