/** `--cidfile`: made before the container, so that a place which cannot be written costs none; gone where no id came into it. */
import { closeSync, existsSync, openSync, rmSync, writeSync } from "../../../ffi/fs.ts";
import { failureOf, HoyError } from "../../spec/error.ts";

export interface Cidfile extends Disposable {
  write(id: string): void;
  /** Takes a written one away again. */
  remove(): void;
}

/** Undefined without a path. Throws HoyError, in Docker's words. */
export function openCidfile(path: string | undefined): Cidfile | undefined {
  if (path === undefined) return undefined;
  if (existsSync(path))
    throw new HoyError(`container ID file found, make sure the other container isn't running or delete ${path}`, { status: 409 });
  const fd = inWords("create", () => openSync(path, "wx"));
  const remove = (): void => rmSync(path, { force: true });
  let written = false;
  return {
    write(id) {
      inWords("write", () => writeSync(fd, id));
      written = true;
    },
    remove,
    [Symbol.dispose]() {
      closeSync(fd);
      if (!written) remove();
    },
  };
}

function inWords<T>(verb: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new HoyError(`failed to ${verb} the container ID file: ${failureOf(error)}`, { cause: error });
  }
}
