/** Version and commit, built in by build.ts. */
import type { Program } from "../../spec/caller.ts";

declare const HOY_VERSION: string | undefined;
declare const HOY_COMMIT: string | undefined;

export const VERSION = typeof HOY_VERSION === "string" ? HOY_VERSION : "0.0.0-dev";
export const COMMIT = typeof HOY_COMMIT === "string" ? HOY_COMMIT : "source";

/** Through a link named docker it reads as Docker's own, which scripts look for. */
export const versionLine = (program: Program): string => `${program === "docker" ? "Docker" : "hoy"} version ${VERSION}, build ${COMMIT}`;
