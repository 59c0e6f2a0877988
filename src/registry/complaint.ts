/** What a registry says when it refuses: distribution-spec, "Error Codes". */
import { type Answer, readAll } from "./transport.ts";

export interface Complaint {
  readonly status: number;
  /** `MANIFEST_UNKNOWN`, `DENIED`; "" when the answer is not one of the spec's. */
  readonly code: string;
  /** One line for people: `manifest unknown: …`, or the status. */
  readonly words: string;
}

const LARGEST = 64 * 1024;

interface Document {
  errors?: { code?: unknown; message?: unknown }[];
  details?: unknown;
}

/** Strangers' text for one line of a terminal: no control characters, no novel. */
export const oneLine = (text: string): string =>
  text
    .replace(/[\x00-\x20\x7f-\x9f]+/g, " ")
    .trim()
    .slice(0, 200);

/** Reads the body of a refusal. Never throws: the status alone says enough. */
export async function readComplaint(answer: Answer): Promise<Complaint> {
  const status = answer.status;
  const plain = { status, code: "", words: `the registry answers with status ${status}` };
  try {
    const bytes = await readAll(answer, LARGEST);
    if (!bytes) return plain;
    const first = (JSON.parse(new TextDecoder().decode(bytes)) as Document).errors?.[0];
    if (typeof first?.code !== "string") return plain;
    const code = oneLine(first.code);
    const name = code.toLowerCase().replaceAll("_", " ");
    const message = typeof first.message === "string" ? oneLine(first.message) : "";
    return { status, code: code.toUpperCase(), words: message === "" || message === name ? name : `${name}: ${message}` };
  } catch {
    return plain;
  }
}
