/** `save` and `load` as operations: what a name on the command line means, and where the archive's bytes come from. */
import { createReadStream, fstatSync, statSync } from "node:fs";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { familiarise, parseReference, repositoryName } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { type LoadOptions, loadImages } from "../../storage/archive/load.ts";
import { type SaveRequest, saveImages } from "../../storage/archive/save.ts";
import { writeWhole } from "../whole-file.ts";
import { resolveImage } from "./find.ts";

/** An id saves no name, a name with a tag that one, a repository alone all its tags (moby image/tarexport/save.go). */
function requestsFor(store: Store, name: string): SaveRequest[] {
  const whole = wholeRepository(store, name);
  if (whole.length > 0) return whole;
  const { image, reference } = resolveImage(store, name);
  const isTag = reference !== undefined && !reference.includes("@");
  return [{ image, references: isTag ? [reference] : [] }];
}

function wholeRepository(store: Store, name: string): SaveRequest[] {
  if (!/^[^@]+$/.test(name) || /:[^/]*$/.test(name)) return [];
  let repository: string;
  try {
    repository = repositoryName(parseReference(name));
  } catch (error) {
    // then it can only be an id
    if (error instanceof HoyError) return [];
    throw error;
  }
  const rows = store.db.query("SELECT reference FROM tags WHERE reference >= ?1 || ':' AND reference < ?1 || ';'").all(repository);
  return rows.map((row) => {
    const { reference } = row as { reference: string };
    return { image: resolveImage(store, reference).image, references: [reference] };
  });
}

/** The archive of all of them. Throws HoyError `No such image: x` before the first byte. */
export function saveArchive(store: Store, names: readonly string[]): AsyncGenerator<Uint8Array> {
  const byImage = new Map<string, { request: SaveRequest; references: Set<string> }>();
  for (const request of names.flatMap((name) => requestsFor(store, name))) {
    const known = byImage.get(request.image.id) ?? { request, references: new Set() };
    for (const reference of request.references) known.references.add(reference);
    byImage.set(request.image.id, known);
  }
  return saveImages(
    store,
    [...byImage.values()].map(({ request: { image }, references }) => ({ image, references: [...references] })),
  );
}

/** Writes the archive to a file, whole or not at all. Throws HoyError. */
export const saveToFile = (store: Store, names: readonly string[], path: string): Promise<void> =>
  writeWhole(saveArchive(store, names), path, "failed to save image");

export interface LoadedName {
  name: string;
  isId: boolean;
}

/** Takes the images of an archive in: of the file, or of standard input. Returns what to tell: names as Docker prints them, or ids. */
export async function loadArchive(store: Store, path: string | undefined, options: LoadOptions): Promise<LoadedName[]> {
  const source = path === undefined ? standardInput() : await openArchive(path);
  const loaded = await loadImages(store, source, options);
  return loaded.flatMap(({ image, references }): LoadedName[] =>
    references.length > 0 ? references.map((full) => ({ name: familiarise(full), isId: false })) : [{ name: image.id, isId: true }],
  );
}

/** Throws HoyError for a folder. */
export function standardInput(): AsyncIterable<Uint8Array> {
  if (fstatSync(0).isDirectory()) throw new HoyError("cannot read standard input: is a directory");
  return process.stdin as AsyncIterable<Uint8Array>;
}

/** The bytes of a file. Throws HoyError when it cannot be read. */
export async function openArchive(path: string): Promise<AsyncIterable<Uint8Array>> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new HoyError(`cannot open ${path}: is a directory`, { status: 400 });
  const stream = createReadStream(path);
  const opened = Promise.withResolvers<void>();
  stream.once("open", () => opened.resolve());
  stream.once("error", (error) => opened.reject(error));
  try {
    await opened.promise;
  } catch (error) {
    throw new HoyError(`cannot open ${path}: ${reasonOf(error)}`, { cause: error });
  }
  return stream;
}
