/** An ordinary user's containers end with the last session where systemd cleans up after it (loginctl(1), enable-linger). */

import { join } from "node:path";
import { existsSync, writeFileSync } from "../../../ffi/fs.ts";
import type { Store } from "../../state/store.ts";

/** The notice for a container that is meant to go on, once a boot; undefined where nothing ends it. */
export function lingerNotice(store: Store): string | undefined {
  if (!store.rootless || !existsSync("/run/systemd/system")) return undefined;
  const user = process.env.USER ?? "";
  if (user === "" || existsSync(join("/var/lib/systemd/linger", user))) return undefined;
  const mark = join(store.run, "told-of-linger");
  if (existsSync(mark)) return undefined;
  writeFileSync(mark, "");
  return `containers end when you log out, unless: loginctl enable-linger ${user}`;
}
