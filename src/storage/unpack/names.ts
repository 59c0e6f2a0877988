/** The names in a layer: kept inside its root by cleaning, and told apart from the names that mean something to a layer. */
import { HoyError } from "../../spec/error.ts";
import { shown } from "../tar/entry.ts";

/** Linux' PATH_MAX and NAME_MAX. */
const MAX_PATH = 4095;
const MAX_NAME = 255;
/** A part that is empty, `.` or `..`. */
const UNCLEAN = /(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * `/a/./b/../c/` → `a/c`. A `..` at the root stays there, as in a root file system; the root itself is "".
 * Throws HoyError for names that Linux cannot hold.
 */
export function cleanName(name: string): string {
  // Nearly all names are short and clean already, but for the slash of folders.
  if (name.length <= MAX_NAME) {
    const bare = name.endsWith("/") ? name.slice(0, -1) : name;
    if (!UNCLEAN.test(bare)) return bare;
  }
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else {
      if (part.length > MAX_NAME || (part.length * 4 > MAX_NAME && Buffer.byteLength(part) > 4 * MAX_NAME)) throw tooLong(name);
      parts.push(part);
    }
  }
  const clean = parts.join("/");
  if (clean.length > MAX_PATH) throw tooLong(name);
  return clean;
}

const tooLong = (name: string): HoyError => new HoyError(`layer entry ${shown(name)}: file name too long`);

export interface SplitName {
  /** Cleaned path of the folder, "" for the root. */
  parent: string;
  base: string;
}

export function splitName(clean: string): SplitName {
  const slash = clean.lastIndexOf("/");
  return slash < 0 ? { parent: "", base: clean } : { parent: clean.slice(0, slash), base: clean.slice(slash + 1) };
}

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
const META = ".wh..wh.";

export type Meaning = { kind: "member" } | { kind: "opaque" } | { kind: "whiteout"; name: string } | { kind: "ignored" };

const member: Meaning = { kind: "member" };

/**
 * What a cleaned name means (image-spec, layer.md, "Whiteouts"). Names of aufs' own book-keeping are ignored, as Docker does.
 * Throws HoyError for a whiteout of the folder itself or of its parent, which nothing honest writes.
 */
export function meaningOf(clean: string): Meaning {
  if (!clean.includes(WHITEOUT)) return member;
  const { parent, base } = splitName(clean);
  if (parent.startsWith(META) || parent.includes(`/${META}`)) return { kind: "ignored" };
  if (!base.startsWith(WHITEOUT)) return member;
  if (base === OPAQUE) return { kind: "opaque" };
  if (base.startsWith(META)) return { kind: "ignored" };
  const name = base.slice(WHITEOUT.length);
  if (name === "" || name === "." || name === "..") throw new HoyError(`layer entry ${shown(clean)} is an invalid whiteout`);
  return { kind: "whiteout", name };
}
