/** A classic BPF machine, as the kernel runs it on struct seccomp_data; it refuses what the kernel's checker refuses. */

export interface Call {
  /** AUDIT_ARCH_*. */
  arch: number;
  nr: number;
  args: readonly bigint[];
}

/** The value that the filter returns for one call. */
export function run(filter: Uint8Array, call: Call): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.nr, true);
  data.setUint32(4, call.arch, true);
  call.args.forEach((value, index) => {
    data.setBigUint64(16 + index * 8, value, true);
  });
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const length = filter.byteLength / 8;
  let accumulator = 0;
  for (let pc = 0; ; pc++) {
    if (pc >= length) throw new Error(`the filter runs over its end at ${pc}`);
    const code = program.getUint16(pc * 8, true);
    const yes = program.getUint8(pc * 8 + 2);
    const no = program.getUint8(pc * 8 + 3);
    const k = program.getUint32(pc * 8 + 4, true);
    if (code === 0x20) {
      if (k % 4 !== 0 || k > 60) throw new Error(`load of byte ${k}`);
      accumulator = data.getUint32(k, true);
    } else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x05) pc += k;
    else if (code === 0x15) pc += accumulator === k ? yes : no;
    else if (code === 0x25) pc += accumulator > k ? yes : no;
    else if (code === 0x35) pc += accumulator >= k ? yes : no;
    else if (code === 0x45) pc += (accumulator & k) !== 0 ? yes : no;
    else if (code === 0x06) return k;
    else throw new Error(`unknown instruction ${code.toString(16)} at ${pc}`);
  }
}
