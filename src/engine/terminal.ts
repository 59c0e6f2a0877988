/** The caller's terminal, for commands that carry a container's streams. */
export { isTerminal, makeRaw, terminalSize } from "../../ffi/terminal.ts";
