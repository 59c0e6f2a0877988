/** The one class of error that a user can act on. Anything else that reaches main is a defect of hoy's own. */

export interface ErrorDetails {
  /** What the user can do about it, printed on a second line. */
  hint?: string;
  /** Exit code of the command; Docker's 125, 126 and 127 for run, 1 elsewhere. */
  exitCode?: number;
  /** HTTP status of the API's answer. */
  status?: number;
  cause?: unknown;
}

export class HoyError extends Error {
  readonly hint: string | undefined;
  readonly exitCode: number | undefined;
  readonly status: number;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "HoyError";
    this.hint = details.hint;
    this.exitCode = details.exitCode;
    this.status = details.status ?? 500;
  }
}

/** Codes of node:fs whose words there are not libc's. */
const WORDS: Readonly<Record<string, string>> = {
  EEXIST: "file exists",
  EISDIR: "is a directory",
  ELOOP: "too many levels of symbolic links",
  ENAMETOOLONG: "file name too long",
};

/** Why a call of node:fs or ffi/fs.ts failed: of `ENOENT: no such file or directory, open '/x'` what people read. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && "reason" in error) return String(error.reason); // of ffi/fs.ts
  const { code = "", message } = error as NodeJS.ErrnoException;
  return WORDS[code] ?? message.replace(/^[A-Z0-9]+: ([^,]*).*$/s, "$1");
}

/** The same with what was done, as Go's os.PathError has it: `open /x: no such file or directory`. */
export function failureOf(error: unknown): string {
  const { syscall, path } = error as NodeJS.ErrnoException;
  const what = [syscall, path].filter((part) => part !== undefined && part !== "").join(" ");
  return what === "" ? reasonOf(error) : `${what}: ${reasonOf(error)}`;
}

/** `No such container: x`, HTTP 404. */
export const notFound = (noun: string, name: string): HoyError => new HoyError(`No such ${noun}: ${name}`, { status: 404 });
