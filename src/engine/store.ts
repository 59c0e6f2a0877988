/** The store that a command works on. */
export { openStore, type Store } from "../state/store.ts";
