/** Mount propagation, mount_namespaces(7). */
export const PROPAGATIONS: readonly string[] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
