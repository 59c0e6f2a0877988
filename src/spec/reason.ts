/** The words of a failure of node:fs, whose messages repeat the path and the call: `EACCES: permission denied, open '/x'`. */

/** `permission denied`; the whole message of any other error. */
export const reason = (error: unknown): string => (error as Error).message.replace(/^[A-Z][A-Z0-9]+: ([^,]+)(, .*)?$/s, "$1");
