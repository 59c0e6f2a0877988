/** `--storage-opt` (docker/cli parseStorageOpts, moby daemon/graphdriver/overlay2 parseStorageOpt). */
import { invalid } from "./invalid.ts";
import { parseSize } from "./numbers.ts";

/** `size=10G` as name and value. */
export function parseStorageOpt(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid("invalid storage option");
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** The limit on the container's own layer in bytes; 0 for none. Throws HoyError for an option that is not there. */
export function storageSize(options: Record<string, string> | undefined): number {
  for (const name of Object.keys(options ?? {}))
    if (name.toLowerCase() !== "size") throw invalid(`--storage-opt: unknown option ${name}: there is size`);
  const [text] = Object.values(options ?? {});
  if (text === undefined) return 0;
  const size = parseSize(text);
  if (size === 0) throw invalid(`--storage-opt size: ${JSON.stringify(text)} is no size: nothing could be written`);
  return size;
}
