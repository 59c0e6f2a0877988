/** `save` and `load` as operations: what a name on the command line means, and where the archive's bytes come from. */
import { createReadStream, createWriteStream, existsSync, fstatSync, renameSync, rmSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { familiarise, parseReference, repositoryName } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { type LoadOptions, loadImages } from "../../storage/archive/load.ts";
import { type SaveRequest, saveImages } from "../../storage/archive/save.ts";
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

/** A device or a pipe would be replaced by the file, and a folder is no place for one. Docker's words. */
function checkOutput(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile())
    throw new HoyError(`failed to save image: invalid output path: ${JSON.stringify(path)} must be a regular file`, { status: 400 });
}

/** Writes the archive beside its place and renames it there, so that no half of it is ever found. Throws HoyError. */
export async function saveToFile(store: Store, names: readonly string[], path: string): Promise<void> {
  const archive = saveArchive(store, names);
  const partial = `${path}.${process.pid}.partial`;
  try {
    checkOutput(path);
    await pipeline(Readable.from(archive), createWriteStream(partial, { mode: 0o600 }));
    renameSync(partial, path);
  } catch (error) {
    // rmSync fails for a path below a file, also by force
    if (existsSync(partial)) rmSync(partial);
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new HoyError(`cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

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

function standardInput(): AsyncIterable<Uint8Array> {
  if (fstatSync(0).isDirectory()) throw new HoyError("cannot read standard input: is a directory");
  return process.stdin as AsyncIterable<Uint8Array>;
}

async function openArchive(path: string): Promise<AsyncIterable<Uint8Array>> {
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
