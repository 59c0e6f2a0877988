/**
 * Names of images, in the grammar of Docker's `distribution/reference`:
 *
 *     reference = [ domain "/" ] path [ ":" tag ] [ "@" digest ]
 *
 * The first component is a domain when it is `localhost`, has a `.`, a `:` or a capital letter; else the name is Docker Hub's.
 */
import { HoyError } from "./error.ts";

/** A name in full: `busybox` is `{domain: "docker.io", path: "library/busybox"}`. Tag and digest are there only if they were written. */
export interface Reference {
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
  /** `sha256:<hex>` */
  readonly digest?: string;
}

export const DOCKER_HUB = "docker.io";
const OFFICIAL = "library/";

const DOMAIN_NAME = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `(?:${DOMAIN_NAME}(?:\\.${DOMAIN_NAME})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`;
const PATH_COMPONENT = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*";
const TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";

const REFERENCE = new RegExp(`^(${DOMAIN})/(${PATH_COMPONENT}(?:/${PATH_COMPONENT})*)(?::(${TAG}))?(?:@(${DIGEST}))?$`);
const IDENTIFIER = /^[a-f0-9]{64}$/;
const TAG_ALONE = new RegExp(`^${TAG}$`);

/** Longest path, distribution/reference's RepositoryNameTotalLengthMax. */
const LONGEST_PATH = 255;

/** Hex digits of a digest, by algorithm (image-spec, "Registered algorithms"). */
const DIGEST_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const invalid = (why: string): HoyError => new HoyError(why, { status: 400 });

/** True for `sha256:` (or sha384, sha512) with the right number of lower-case hex digits. */
export function isDigest(text: string): boolean {
  const [algorithm = "", hex = ""] = text.split(":", 2);
  return DIGEST_LENGTHS[algorithm] === hex.length && text === `${algorithm}:${hex}` && /^[a-f0-9]+$/.test(hex);
}

export const isTag = (text: string): boolean => TAG_ALONE.test(text);

function splitDomain(text: string): { domain: string; rest: string } {
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(slash, 0));
  const isDomain = slash >= 0 && (first === "localhost" || first.includes(".") || first.includes(":") || first.toLowerCase() !== first);
  const domain = !isDomain || first === "index.docker.io" ? DOCKER_HUB : first;
  const rest = isDomain ? text.slice(slash + 1) : text;
  return { domain, rest: domain === DOCKER_HUB && !rest.includes("/") ? OFFICIAL + rest : rest };
}

function checkDigest(digest: string): void {
  if (isDigest(digest)) return;
  const [algorithm = "", hex = ""] = digest.split(":", 2);
  const length = DIGEST_LENGTHS[algorithm];
  if (length === undefined) throw invalid(`invalid reference format: unsupported digest algorithm ${algorithm}`);
  if (hex.length !== length) throw invalid("invalid reference format: invalid checksum digest length");
  throw invalid("invalid reference format: invalid checksum digest format");
}

/**
 * Reads what a user wrote as an image's name. Throws Docker's words: `invalid reference format`,
 * `invalid reference format: repository name (X) must be lowercase`.
 */
export function parseReference(text: string): Reference {
  if (text.length === 64 && IDENTIFIER.test(text))
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const { domain, rest } = splitDomain(text);
  const colon = rest.indexOf(":");
  const remote = colon < 0 ? rest : rest.slice(0, colon);
  if (remote.toLowerCase() !== remote) {
    const name = domain === DOCKER_HUB && remote.startsWith(OFFICIAL) ? remote.slice(OFFICIAL.length) : remote;
    throw invalid(`invalid reference format: repository name (${name}) must be lowercase`);
  }
  const match = REFERENCE.exec(`${domain}/${rest}`);
  if (!match) throw invalid("invalid reference format");
  const [, host = "", path = "", tag, digest] = match;
  if (path.length > LONGEST_PATH) throw invalid(`repository name must not be more than ${LONGEST_PATH} characters`);
  if (digest !== undefined) checkDigest(digest);
  return { domain: host, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The same, with `:latest` where neither tag nor digest was written. */
export function parseTagged(text: string): Reference {
  const reference = parseReference(text);
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: "latest" } : reference;
}

/** `docker.io/library/busybox`, without tag and digest: the repository. */
export const repositoryName = (reference: Reference): string => `${reference.domain}/${reference.path}`;

const suffix = (reference: Reference): string =>
  (reference.tag === undefined ? "" : `:${reference.tag}`) + (reference.digest === undefined ? "" : `@${reference.digest}`);

/** The full form, as it stands in the database: `docker.io/library/busybox:latest`. */
export const canonical = (reference: Reference): string => repositoryName(reference) + suffix(reference);

/** The repository as Docker prints it: `busybox`, `user/app`, `localhost:5000/app`. Always parses back to the same repository. */
export function familiarName({ domain, path }: Pick<Reference, "domain" | "path">): string {
  if (domain !== DOCKER_HUB) return `${domain}/${path}`;
  const official = path.startsWith(OFFICIAL) && !path.includes("/", OFFICIAL.length);
  if (official) return path.slice(OFFICIAL.length);
  // `docker.io/quay.io/x` is somebody's repository on the Hub: without its domain it would be another registry's.
  return splitDomain(path).domain === DOCKER_HUB && !/^(localhost|index\.docker\.io)\//.test(path) ? path : `${domain}/${path}`;
}

/** The name as Docker prints it: `busybox:latest`. */
export const familiar = (reference: Reference): string => familiarName(reference) + suffix(reference);

/** The familiar form of a full name from the database: `docker.io/library/busybox:latest` becomes `busybox:latest`. */
export const familiarise = (full: string): string => familiar(parseReference(full));
