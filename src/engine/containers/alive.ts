/** Whether a container's monitor lives, and what it wrote at the end. Apart from finish.ts, as lists need no more than this. */

import { join } from "node:path";
import { isErrno } from "../../../ffi/at.ts";
import { ENOENT } from "../../../ffi/errno.ts";
import { O_RDONLY, open, tryLockShared } from "../../../ffi/fd.ts";
import { existsSync, readFileSync } from "../../../ffi/fs.ts";
import type { Store } from "../../state/store.ts";
import { runFolder } from "./row.ts";

/** The exit record that the monitor wrote: `<code> <RFC 3339 time>`. Without one the monitor was killed, and the container with it. */
export interface Exit {
  code: number;
  /** Milliseconds since the epoch. */
  time: number;
}

export function readExit(store: Pick<Store, "run">, id: string): Exit | undefined {
  const path = join(runFolder(store, id), "exit");
  if (!existsSync(path)) return undefined;
  try {
    const [code = "", time = ""] = readFileSync(path, "utf8").trim().split(" ");
    return { code: Number(code), time: Date.parse(time) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // removed in this moment
    throw error;
  }
}

/** True while the container's monitor lives, as it holds the lock. */
export function isAlive(store: Pick<Store, "run">, id: string): boolean {
  const path = join(runFolder(store, id), "alive");
  if (!existsSync(path)) return false;
  try {
    using file = open(path, O_RDONLY);
    return !tryLockShared(file.number);
  } catch (error) {
    if (isErrno(error, ENOENT)) return false; // removed in this moment
    throw error;
  }
}
