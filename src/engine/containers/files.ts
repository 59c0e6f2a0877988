/** The files that the engine writes for each container and binds into its /etc. */

import { join } from "node:path";
import { chownSync, writeFileSync } from "../../../ffi/fs.ts";
import type { Store } from "../../state/store.ts";
import type { Owner } from "./init-files.ts";
import { type ContainerRow, dataFolder } from "./row.ts";
import type { ContainerFiles } from "./spec-mounts.ts";

export const containerFiles = (store: Pick<Store, "root">, id: string): ContainerFiles => {
  const data = dataFolder(store, id);
  return { hostname: join(data, "hostname"), hosts: join(data, "hosts"), resolvConf: join(data, "resolv.conf") };
};

/** Writes all three. They are bound by inode, so a start writes them in place; nobody reads them before. */
export function writeContainerFiles(
  store: Store,
  row: ContainerRow,
  texts: { hosts: string; resolvConf: string; owner?: Owner | undefined },
): ContainerFiles {
  const files = containerFiles(store, row.id);
  const { owner } = texts;
  writeFileSync(files.hostname, `${row.options.config.Hostname}\n`, { mode: 0o644 });
  writeFileSync(files.hosts, texts.hosts, { mode: 0o644 });
  writeFileSync(files.resolvConf, texts.resolvConf, { mode: 0o644 });
  if (owner) for (const file of Object.values(files)) chownSync(file, owner.uid, owner.gid);
  return files;
}
