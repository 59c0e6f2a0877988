/** How the process ends once the command is over. */

let way = (code: number): void => process.reallyExit(code);

/** From here on the process ends by `other`, for what Bun would do at its end and need not. */
export function leaveBy(other: (code: number) => void): void {
  way = other;
}

export const leave = (code: number): void => way(code);
