/** `--ulimit name=soft[:hard]`; the names and rules lie with the limits themselves. */
export { parseUlimit } from "../../../runtime/rlimits.ts";
