/** Makes the player's ELF from the source that the executable carries. */
import { makeElf } from "./elf.ts";
import SOURCE from "./player.c" with { type: "text" };

export const makePlayer = (): Uint8Array => makeElf(SOURCE);
