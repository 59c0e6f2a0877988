/** `pull`, and the image that `run` and `create` need, by pull policy. */

import type { PullResult, PullEvent as RegistryEvent } from "../../registry/pull.ts";
import { HoyError } from "../../spec/error.ts";
import { type PlatformName, parsePlatform, platformRank } from "../../spec/platform.ts";
import { canonical, familiar, familiarName, parseTagged, type Reference, repositoryName } from "../../spec/reference.ts";
import { readSettings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";
import { findImage, type ImageRecord } from "../../storage/images.ts";

export type PullPolicy = "always" | "missing" | "never";

export type PullEvent =
  | RegistryEvent
  /** `ensureImage` has to pull: `Unable to find image 'x:latest' locally`. */
  | { readonly type: "missing"; readonly name: string }
  /** The digest that a name stands for. */
  | { readonly type: "digest"; readonly digest: string }
  /** The end: of one name, or of a whole repository. */
  | { readonly type: "pulled"; readonly name: string; readonly upToDate: boolean };

export interface PullOptions {
  /** `linux/arm64/v8`; DOCKER_DEFAULT_PLATFORM, then this machine's, by default. */
  readonly platform?: string | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

/** The platform that was asked for, by flag or for all commands. */
export const requestedPlatform = (platform: string | undefined): string | undefined =>
  platform || process.env.DOCKER_DEFAULT_PLATFORM || undefined;

function wantedPlatform(platform: string | undefined): PlatformName | undefined {
  const text = requestedPlatform(platform);
  return text ? parsePlatform(text) : undefined;
}

/** The name in full, as it is printed after a pull: `docker.io/library/busybox:latest`; the repository alone with `allTags`. */
export function fullName(name: string, allTags = false): string {
  const reference = parseTagged(name);
  return allTags ? repositoryName(reference) : canonical(reference);
}

/** Pulls `name` (`busybox`, `quay.io/x/y@sha256:…`) and returns its image. Throws HoyError. */
export async function pull(store: Store, name: string, options: PullOptions = {}): Promise<ImageRecord> {
  return pullOne(store, parseTagged(name), options);
}

async function pullOne(store: Store, reference: Reference, options: PullOptions): Promise<ImageRecord> {
  const { image, upToDate } = await pullReference(store, reference, options);
  options.onEvent?.({ type: "pulled", name: familiar(reference), upToDate });
  return image;
}

async function pullReference(store: Store, reference: Reference, { platform, onEvent }: PullOptions): Promise<PullResult> {
  const wanted = wantedPlatform(platform);
  const [{ pullImage }, settings] = await Promise.all([import("../../registry/pull.ts"), readSettings()]);
  const result = await pullImage(store, reference, {
    settings,
    ...(wanted && { platform: wanted }),
    ...(onEvent && { onEvent }),
  });
  onEvent?.({ type: "digest", digest: result.digest });
  return result;
}

/** `pull --all-tags`: every tag of a repository, told of as one. Throws HoyError when `name` has a tag or digest. */
export async function pullAllTags(store: Store, name: string, options: PullOptions = {}): Promise<void> {
  const reference = parseTagged(name);
  if (reference.digest !== undefined || canonical(reference) !== canonical(parseTagged(familiarName(reference))))
    throw new HoyError("tag can't be used with --all-tags/-a", { status: 400 });
  const [{ listTags }, settings] = await Promise.all([import("../../registry/tags.ts"), readSettings()]);
  let upToDate = true;
  for (const tag of await listTags(reference, settings)) {
    const result = await pullReference(store, { ...reference, tag }, options);
    upToDate &&= result.upToDate;
  }
  options.onEvent?.({ type: "pulled", name: familiarName(reference), upToDate });
}

export interface EnsureOptions extends PullOptions {
  /** `missing` by default. */
  readonly pull?: PullPolicy;
}

/**
 * The image that `run` and `create` start from: the local one, or pulled as the policy says. `name` may be an id or the beginning
 * of one. Throws HoyError: `No such image: x:latest` with `never`, else what pulling throws. An image that is there costs one query.
 */
export async function ensureImage(store: Store, name: string, options: EnsureOptions = {}): Promise<ImageRecord> {
  const { pull: policy = "missing", platform, onEvent } = options;
  const reference = referenceOrNone(name);
  if (policy !== "always" || !reference) {
    const local = findImage(store, { name, reference: reference && canonical(reference) });
    const wanted = wantedPlatform(platform);
    if (local && (!wanted || platformRank(local, wanted) !== undefined)) return local;
    if (local && wanted && policy === "never")
      throw new HoyError(`image with reference ${name} was found but does not match the specified platform ${platform}`, { status: 404 });
  }
  const known = reference ?? parseTagged(name);
  if (policy === "never") throw new HoyError(`No such image: ${familiar(known)}`, { status: 404 });
  if (policy === "missing") onEvent?.({ type: "missing", name: familiar(known) });
  return pullOne(store, known, { platform, onEvent });
}

/** An image's full id is no reference, but names an image. */
function referenceOrNone(name: string): Reference | undefined {
  try {
    return parseTagged(name);
  } catch {
    // If no image has this id either, parsing it again says what is wrong.
    return undefined;
  }
}
