/** `--detach-keys`: characters and `ctrl-` names, separated by commas (moby/term ascii.go). */
import { invalid } from "./invalid.ts";

export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";
const CTRL: Record<string, number> = { "@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, _: 31 };

/** The bytes to look for in what is typed; "" asks for none. */
export function parseDetachKeys(text: string): Uint8Array {
  const bytes: number[] = [];
  if (text === "") return new Uint8Array();
  if (text === DEFAULT_DETACH_KEYS) return Uint8Array.of(16, 17);
  for (const key of text.split(",")) bytes.push(code(key, text));
  return Uint8Array.from(bytes);
}

function code(key: string, text: string): number {
  if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
  if (key === "DEL") return 127;
  const name = /^ctrl-(.)$/.exec(key)?.[1];
  if (name !== undefined && /[a-z]/.test(name)) return name.charCodeAt(0) - 96;
  const sign = name === undefined ? undefined : CTRL[name];
  if (sign === undefined) throw invalid(`invalid detach keys (${text}): Unknown character: '${key}'`);
  return sign;
}
