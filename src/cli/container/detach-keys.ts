/** Looks for the detach keys (ctrl-p ctrl-q) in what is typed; the keys themselves are not passed on unless they come to nothing. */
export class DetachKeys {
  #matched = 0;

  constructor(readonly keys: Uint8Array) {}

  /** What is to be sent on, and whether the sequence is complete. */
  filter(typed: Uint8Array): { data: Uint8Array; detach: boolean } {
    const out: number[] = [];
    for (const byte of typed) {
      if (byte === this.keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.keys.length) {
          this.#matched = 0;
          return { data: Uint8Array.from(out), detach: true };
        }
        continue;
      }
      out.push(...this.keys.subarray(0, this.#matched));
      this.#matched = byte === this.keys[0] ? 1 : 0;
      if (this.#matched === 0) out.push(byte);
    }
    return { data: Uint8Array.from(out), detach: false };
  }
}
