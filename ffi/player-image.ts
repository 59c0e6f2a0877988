/** The player's ELF for this machine: made at build time, or, in an executable built for another architecture, on first use. */
import ELF from "./player.elf.txt" with { type: "text" };

const MACHINE = process.arch === "arm64" ? 183 : 62;
/** Offset of e_machine (elf(5)). */
const E_MACHINE = 18;

export function playerImage(): Uint8Array {
  const built = Buffer.from(ELF, "base64");
  if (built.readUInt16LE(E_MACHINE) === MACHINE) return built;
  const { makePlayer } = require("./player-make.ts") as typeof import("./player-make.ts");
  return makePlayer();
}
