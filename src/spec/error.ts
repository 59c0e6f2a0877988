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

/** `No such container: x`, HTTP 404. */
export const notFound = (noun: string, name: string): HoyError => new HoyError(`No such ${noun}: ${name}`, { status: 404 });
