/** Failures of the machine below us, which are no defect: they are told in one line like any other error. */
import { failureOf, HoyError } from "../spec/error.ts";

/** Codes of node:fs for what a user can act on wherever it happens. ENOENT is not one: a file of hoy's own would be missing. */
const MACHINE = ["ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE", "ENOMEM", "EACCES", "EISDIR", "ENOTDIR", "ELOOP", "ENAMETOOLONG"];

/** The errors of ffi/, by their names, as the cli may not import it. */
const SYSTEM = ["SysError", "LibcError"];

/** The error as one that can be shown; undefined for a defect. */
export function asExpected(error: unknown): HoyError | undefined {
  if (error instanceof HoyError) return error;
  if (!(error instanceof Error)) return undefined;
  const { code = "" } = error as NodeJS.ErrnoException;
  if (error.name === "SQLiteError") return new HoyError(`the state database: ${error.message}`, { cause: error });
  if (SYSTEM.includes(error.name) && (!("syscall" in error) || MACHINE.includes(code)))
    return new HoyError(error.message, { cause: error });
  if (MACHINE.includes(code)) return new HoyError(failureOf(error), { cause: error });
  return undefined;
}
