/** `--mount key=value,…` (docker/cli opts/mount.go). */
import { resolve } from "node:path";
import type { MountSpec, Propagation } from "../options.ts";
import { parseCsv } from "./csv.ts";
import { invalid } from "./invalid.ts";
import { parseBool, parseSize } from "./numbers.ts";

type Bind = NonNullable<MountSpec["BindOptions"]>;
type Volume = NonNullable<MountSpec["VolumeOptions"]>;
type Tmpfs = NonNullable<MountSpec["TmpfsOptions"]>;

interface Draft {
  type: string;
  source: string;
  target: string;
  readOnly: boolean;
  bind: Bind;
  volume: Volume;
  tmpfs: Tmpfs;
  image: NonNullable<MountSpec["ImageOptions"]>;
  /** Prefixes of the options that were given: bind, volume, tmpfs, image. */
  groups: Set<string>;
}

/** Keys that may stand alone, for "true". */
const SWITCHES = ["readonly", "ro", "volume-nocopy", "bind-nonrecursive"];

/** Docker's Mount; relative sources of a bind are below `cwd`. What the type allows is checked by mount-rules.ts. */
export function parseMount(text: string, cwd: string): MountSpec {
  const draft: Draft = {
    type: "volume",
    source: "",
    target: "",
    readOnly: false,
    bind: {},
    volume: {},
    tmpfs: {},
    image: {},
    groups: new Set(),
  };
  for (const field of parseCsv(text)) readField(draft, field);
  return finish(draft, cwd);
}

function readField(draft: Draft, field: string): void {
  const equals = field.indexOf("=");
  const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
  if (equals < 0 && !SWITCHES.includes(key)) throw invalid(`invalid field '${field}' must be a key=value pair`);
  const value = equals < 0 ? "true" : field.slice(equals + 1);
  const group = /^(bind|volume|tmpfs|image)-/.exec(key)?.[1];
  if (group) draft.groups.add(group);
  const set = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (!set) throw invalid(`unexpected key '${key}' in '${field}'`);
  set(draft, value, key);
}

const flag = (value: string, key: string): boolean => {
  const truth = parseBool(value);
  if (truth === undefined) throw invalid(`invalid value for ${key}: ${value}`);
  return truth;
};

type Setter = (draft: Draft, value: string, key: string) => void;

const type: Setter = (draft, value) => void (draft.type = value.toLowerCase());
const source: Setter = (draft, value) => void (draft.source = value);
const target: Setter = (draft, value) => void (draft.target = value);
const readOnly: Setter = (draft, value, key) => void (draft.readOnly = flag(value, key));

const KEYS: Record<string, Setter> = {
  type,
  source,
  src: source,
  target,
  dst: target,
  destination: target,
  readonly: readOnly,
  ro: readOnly,
  "bind-propagation": (draft, value) => void (draft.bind.Propagation = value.toLowerCase() as Propagation),
  "bind-nonrecursive": (draft, value, key) => void (draft.bind.NonRecursive = flag(value, key)),
  "bind-recursive": bindRecursive,
  "volume-subpath": (draft, value) => void (draft.volume.Subpath = value),
  "volume-nocopy": (draft, value, key) => void (draft.volume.NoCopy = flag(value, key)),
  "volume-label": (draft, value) => addPair((draft.volume.Labels ??= {}), value),
  "volume-driver": (draft, value) => void ((draft.volume.DriverConfig ??= {}).Name = value),
  "volume-opt": (draft, value) => addPair(((draft.volume.DriverConfig ??= {}).Options ??= {}), value),
  "image-subpath": (draft, value) => void (draft.image.Subpath = value),
  "tmpfs-size": (draft, value, key) => void (draft.tmpfs.SizeBytes = size(value, key)),
  "tmpfs-mode": (draft, value, key) => void (draft.tmpfs.Mode = mode(value, key)),
};

function bindRecursive(draft: Draft, value: string): void {
  const { bind } = draft;
  if (value === "enabled") return;
  if (value === "disabled") bind.NonRecursive = true;
  else if (value === "writable") bind.ReadOnlyNonRecursive = true;
  else if (value === "readonly") bind.ReadOnlyForceRecursive = true;
  else throw invalid(`invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`);
}

function addPair(record: Record<string, string>, text: string): void {
  const equals = text.indexOf("=");
  record[equals < 0 ? text : text.slice(0, equals)] = equals < 0 ? "" : text.slice(equals + 1);
}

function size(value: string, key: string): number {
  try {
    return parseSize(value);
  } catch {
    throw invalid(`invalid value for ${key}: ${value}`);
  }
}

/** Octal, as chmod takes it. */
function mode(value: string, key: string): number {
  if (!/^[0-7]{1,10}$/.test(value) || Number.parseInt(value, 8) > 0o7777) throw invalid(`invalid value for ${key}: ${value}`);
  return Number.parseInt(value, 8);
}

function finish(draft: Draft, cwd: string): MountSpec {
  const { type, bind } = draft;
  if (type === "") throw invalid("type is required");
  if (draft.target === "") throw invalid("target is required");
  for (const group of draft.groups) if (group !== type) throw invalid(`cannot mix '${group}-*' options with mount type '${type}'`);
  if (bind.ReadOnlyNonRecursive && !draft.readOnly)
    throw invalid("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
  if (bind.ReadOnlyForceRecursive && !draft.readOnly)
    throw invalid("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
  if (bind.ReadOnlyForceRecursive && bind.Propagation !== "rprivate")
    throw invalid("option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction");
  const relative = type === "bind" && draft.source.startsWith(".");
  const from = relative ? resolve(cwd, draft.source) : draft.source;
  return {
    Type: type as MountSpec["Type"],
    ...(from === "" ? {} : { Source: from }),
    Target: draft.target,
    ...(draft.readOnly ? { ReadOnly: true } : {}),
    ...(filled(bind) ? { BindOptions: bind } : {}),
    ...(draft.groups.has("volume") ? { VolumeOptions: draft.volume } : {}),
    ...(filled(draft.image) ? { ImageOptions: draft.image } : {}),
    ...(filled(draft.tmpfs) ? { TmpfsOptions: draft.tmpfs } : {}),
  };
}

const filled = (options: object): boolean => Object.values(options).some((value) => value !== false);
