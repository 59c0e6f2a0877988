/**
 * A blob as a stream that goes on after a broken connection: distribution-spec, "Pulling blobs", with Range requests. The reader
 * compares the digest.
 */
import { HoyError } from "../spec/error.ts";
import type { Descriptor } from "../spec/image.ts";
import { authorized, backOff, hostName, type Repository } from "./client.ts";
import { readComplaint } from "./complaint.ts";
import { Fault, type FaultKind } from "./fault.ts";
import type { Answer } from "./transport.ts";

/** Broken connections in a row, none of which brought enough, before the transfer is given up. */
const MOST_FAILURES = 5;
/** A connection that brings less than this before it breaks counts as a failure: else a byte at a time would never end. */
const PROGRESS = 64 * 1024;
const PASSING: readonly FaultKind[] = ["broken", "timeout", "refused"];

/**
 * The bytes of a blob, exactly `size` of them. Throws HoyError: `layer 0123456789ab from registry X: …` when it is not there, has
 * another size, or the connection does not hold.
 */
export async function* readBlob(repository: Repository, { digest, size }: Pick<Descriptor, "digest" | "size">): AsyncGenerator<Uint8Array> {
  const what = `blob ${digest.slice(0, 19)} from registry ${hostName(repository)}`;
  let offset = 0;
  let since = 0;
  let failures = 0;
  while (offset < size) {
    try {
      for await (const chunk of rest(repository, { digest, size, offset, what })) {
        offset += chunk.length;
        if (offset > size) throw new HoyError(`${what}: more than the ${size} bytes that its manifest says`);
        yield chunk;
      }
      if (offset < size) throw new Fault("broken", `${size - offset} of ${size} bytes are missing`);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      failures = offset - since >= PROGRESS ? 1 : failures + 1;
      since = offset;
      if (failures === MOST_FAILURES || !PASSING.includes(error.kind))
        throw new HoyError(`${what}: ${error.message}, after ${offset} of ${size} bytes`, { cause: error, status: 502 });
      await Bun.sleep(backOff(repository.network, failures));
    }
  }
}

interface Position {
  readonly digest: string;
  readonly size: number;
  readonly offset: number;
  readonly what: string;
}

/** The bytes from `offset` on, of one connection. */
async function* rest(repository: Repository, { digest, size, offset, what }: Position): AsyncGenerator<Uint8Array> {
  const range = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const answer = await authorized(repository, { path: `blobs/${digest}`, headers: range });
  if (answer.status !== 200 && answer.status !== 206) {
    const { words, status } = await readComplaint(answer);
    throw new HoyError(`${what}: ${words}`, { status: status === 404 ? 404 : 502 });
  }
  let skip = skipped(answer, { digest, size, offset, what });
  for await (const chunk of answer.body()) {
    const dropped = Math.min(skip, chunk.length);
    skip -= dropped;
    if (dropped < chunk.length) yield dropped === 0 ? chunk : chunk.subarray(dropped);
  }
}

/** How many bytes of the answer we have already: none if it is the part asked for, else it is the whole blob again. */
function skipped(answer: Answer, { size, offset, what }: Position): number {
  const complain = (why: string): never => {
    answer.discard();
    throw new HoyError(`${what}: ${why}`, { status: 502 });
  };
  const length = Number(answer.headers.get("content-length") ?? Number.NaN);
  if (answer.status === 200) {
    if (!Number.isNaN(length) && length !== size) complain(`it has ${length} bytes, its manifest says ${size}`);
    return offset;
  }
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers.get("content-range") ?? "") ?? [];
  if (Number(from) !== offset || (total !== "*" && Number(total) !== size))
    complain(`asked for the bytes from ${offset} of ${size} on, got ${JSON.stringify(answer.headers.get("content-range"))}`);
  return 0;
}
