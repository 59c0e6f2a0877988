import { HoyError } from "../../../spec/error.ts";

/** An error in what the user asked for: HTTP 400, Docker's InvalidParameter. */
export const invalid = (message: string, hint?: string): HoyError =>
  new HoyError(message, hint === undefined ? { status: 400 } : { status: 400, hint });
