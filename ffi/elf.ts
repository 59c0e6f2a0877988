/**
 * Makes the player's ELF from ffi/player.c with bun:ffi's own compiler (TinyCC): compiles into memory, takes that block and
 * puts an ELF head with one loadable segment before it. The code is position-independent (checked), so it is loaded low.
 * Used at build time; on an architecture that the build machine is not, on first use.
 */
import { cc, ptr, toArrayBuffer } from "bun:ffi";
import { memfd } from "./fd.ts";
import { NR } from "./syscalls.ts";

const HEAD = 0x1000;
const ADDRESS = 0x400000n;
const LAYOUT = `
int hoy_layout(word *o) { extern char _etext[], _edata[], _end[]; o[0] = (word)start; o[1] = (word)_etext; o[2] = (word)_edata; o[3] = (word)_end; o[4] = (word)thunk; o[5] = (word)play; return 0; }
`;

interface Code {
  bytes: Uint8Array;
  /** Offset of the entry in `bytes`. */
  entry: bigint;
  /** Bytes in memory, with what is zero at the start. */
  memory: number;
}

/**
 * An executable image of the freestanding C `source`, whose entry is its `start` function.
 * Throws when the compiler refuses it, when a global is not static (it would be reached through a table outside of the image),
 * or when the code depends on its address.
 */
export function makeElf(source: string): Uint8Array {
  checkStatic(source);
  const code = compile(source);
  if (!Buffer.from(code.bytes).equals(compile(source).bytes)) throw new Error("player.c: the code depends on its address");
  return join(head(ADDRESS + code.entry, ADDRESS, code.bytes.length, code.memory), code.bytes);
}

function compile(source: string): Code {
  const numbers = Object.entries(NR).map(([name, nr]) => `#define NR_${name} ${nr}`);
  using file = memfd("player.c", Buffer.from(`${numbers.join("\n")}\n#line 1\n${source}${LAYOUT}`));
  const library = cc({
    source: file.path,
    flags: ["-nostdlib", "-nostdinc"],
    symbols: { hoy_layout: { args: ["ptr"], returns: "i32" } },
  });
  const layout = new BigInt64Array(6);
  library.symbols.hoy_layout(ptr(layout));
  const [entry, , dataEnd, end] = layout as unknown as [bigint, bigint, bigint, bigint];
  const low = (layout.toSorted()[0] as bigint) & ~0xfffn;
  const memory = new Uint8Array(toArrayBuffer(Number(low) as never, 0, Number(dataEnd - low)));
  return { bytes: memory.slice(), entry: entry - low, memory: Number(end - low) };
}

function checkStatic(source: string): void {
  for (const [index, line] of source.split("\n").entries()) {
    const isGlobal = /^[a-z][\w *]*\b\w+(\[.*\])?( = .*)?;/.test(line) && !/^(typedef|static|struct|enum|union|extern)\b/.test(line);
    const isFunction = /^(?!static|typedef|struct|enum)[a-z][\w *]*\([^;]*\{/.test(line);
    if (isGlobal || isFunction) throw new Error(`player.c:${index + 1}: "${line.slice(0, 60)}" must be static`);
  }
}

/** Elf64_Ehdr and one Elf64_Phdr (elf(5)): read, write and execute, as code and data lie side by side. */
function head(entry: bigint, address: bigint, fileSize: number, memorySize: number): Uint8Array {
  const bytes = new Uint8Array(HEAD);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, process.arch === "arm64" ? 183 : 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, entry, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setUint32(68, 7, true);
  view.setBigUint64(72, BigInt(HEAD), true);
  view.setBigUint64(80, address, true);
  view.setBigUint64(88, address, true);
  view.setBigUint64(96, BigInt(fileSize), true);
  view.setBigUint64(104, BigInt(memorySize), true);
  view.setBigUint64(112, 0x1000n, true);
  return bytes;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
