/** `--stop-signal`. */
import { parseSignal } from "../../../runtime/signals.ts";

/** The text itself, which Docker stores as it was written, once it is sure to be a signal. */
export function parseStopSignal(text: string): string {
  if (text !== "") parseSignal(text);
  return text;
}
