/**
 * `--gpus` and CDI names: which devices are meant, where their specifications lie, and what these change in a container's spec
 * (CNCF CDI SPEC.md; the rules of its Go library, pkg/cdi). Loaded only for containers that ask for such devices.
 */
import { join } from "node:path";
import { readdirSync, readFileSync, type Stats, statSync } from "../../../ffi/fs.ts";
import { type CdiSpec, type ContainerEdits, cdiSpecSchema } from "../../spec/cdi.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import type { Device, Hooks, Mount, Process, Spec } from "../../spec/runtime.ts";
import { validate } from "../../spec/validate.ts";
import { checkIds } from "../../state/own-ids.ts";
import { readSettings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";
import { deviceOf } from "./devices.ts";
import { overrideEnv } from "./environment.ts";
import type { DeviceRequest } from "./options.ts";
import type { ContainerRow } from "./row.ts";

/** Where specifications lie; a later folder's devices win. */
const FOLDERS = ["/etc/cdi", "/var/run/cdi"];
const NVIDIA = "nvidia.com/gpu";
const AMD = "amd.com/gpu";
const KINDS: Readonly<Record<string, readonly string[]>> = { "": [NVIDIA, AMD], nvidia: [NVIDIA], amd: [AMD] };

interface Found {
  spec: CdiSpec;
  file: string;
  edits: ContainerEdits;
  /** Which of the folders. */
  priority: number;
  /** Another file of the same folder has it, too. */
  conflict?: string;
}

/** All devices by their full names, and what is wrong with files that could not be read. */
export interface CdiDevices {
  devices: ReadonlyMap<string, Found>;
  faults: readonly string[];
  folders: readonly string[];
}

/** Adds the GPUs and CDI devices that a container was given to its spec. Throws HoyError. */
export async function addRequestedDevices(store: Store, { options }: ContainerRow, spec: Spec): Promise<void> {
  const cdi = readCdi((await readSettings())["cdi-spec-dirs"]);
  const names = (options.hostConfig.DeviceRequests ?? []).flatMap((request) => requestedDevices(cdi, request));
  applyEdits(spec, editsOf(cdi, names), { bound: store.rootless || options.idMaps !== undefined });
  const { uid = 0, gid = 0, additionalGids = [] } = spec.process?.user ?? {};
  if (store.rootless && !options.idMaps) checkIds({ uid, gids: [gid, ...additionalGids] });
}

/** Reads the specifications. One that is broken hides its own devices only. */
export function readCdi(folders: readonly string[] = FOLDERS): CdiDevices {
  const devices = new Map<string, Found>();
  const faults: string[] = [];
  for (const [priority, folder] of folders.entries())
    for (const file of filesOf(folder)) {
      try {
        addDevices(devices, { file, priority, spec: readCdiFile(file) });
      } catch (error) {
        faults.push((error as Error).message);
      }
    }
  return { devices, faults, folders };
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(json|yaml)$/.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return []; // mostly there is none
  }
}

/** A specification in JSON or YAML. Throws HoyError that names file and member. */
function readCdiFile(file: string): CdiSpec {
  let document: unknown;
  try {
    const text = readFileSync(file, "utf8");
    document = file.endsWith(".json") ? JSON.parse(text) : Bun.YAML.parse(text);
  } catch (error) {
    throw new HoyError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
  return validate(cdiSpecSchema, document, file);
}

function addDevices(devices: Map<string, Found>, { file, priority, spec }: Pick<Found, "file" | "priority" | "spec">): void {
  for (const { name, containerEdits } of spec.devices) {
    const full = `${spec.kind}=${name}`;
    const other = devices.get(full);
    const conflict = other?.priority === priority ? { conflict: other.file } : {};
    devices.set(full, { spec, file, priority, edits: containerEdits, ...conflict });
  }
}

const idsOf = ({ devices }: CdiDevices, kind: string): string[] =>
  [...devices.keys()].filter((name) => name.startsWith(`${kind}=`)).map((name) => name.slice(kind.length + 1));

/** Full names of the devices that a request means. Throws HoyError where there is no specification of such. */
export function requestedDevices(cdi: CdiDevices, { Driver, Count, DeviceIDs }: DeviceRequest): string[] {
  if (Driver === "cdi") return [...(DeviceIDs ?? [])];
  const kinds = KINDS[Driver];
  if (!kinds)
    throw new HoyError(`--gpus: there is no driver ${JSON.stringify(Driver)}: GPUs are CDI devices of nvidia or amd`, { status: 400 });
  const kind = kinds.find((candidate) => idsOf(cdi, candidate).length > 0);
  if (kind === undefined) throw nothingOf(cdi, kinds);
  if (DeviceIDs) return DeviceIDs.map((id) => `${kind}=${id}`);
  const ids = idsOf(cdi, kind);
  const single = ids.filter((id) => id !== "all");
  if (Count < 0) return ids.includes("all") ? [`${kind}=all`] : single.map((id) => `${kind}=${id}`);
  // An index is one name of a GPU, its UUID another one.
  const numbered = single.filter((id) => /^\d+$/.test(id)).sort((a, b) => Number(a) - Number(b));
  const choice = numbered.length > 0 ? numbered : single;
  if (choice.length < Count)
    throw new HoyError(`--gpus: ${Count} GPUs were asked for, and there are ${choice.length} of ${kind}`, { status: 400 });
  return choice.slice(0, Count).map((id) => `${kind}=${id}`);
}

function nothingOf({ folders, faults }: CdiDevices, kinds: readonly string[]): HoyError {
  return new HoyError(`--gpus: no CDI specification of ${kinds.join(" or ")} in ${folders.join(" or ")}`, {
    status: 400,
    hint: faults[0] ?? "the vendor's toolkit writes one: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
  });
}

/** What the devices change: for each specification its own edits once, before those of its first device. Throws HoyError. */
export function editsOf(cdi: CdiDevices, names: readonly string[]): ContainerEdits[] {
  const unknown = names.filter((name) => !cdi.devices.has(name));
  if (unknown.length > 0) throw unresolved(cdi, unknown);
  const specs = new Set<CdiSpec>();
  return [...new Set(names)].flatMap((name) => {
    const { spec, edits, file, conflict } = cdi.devices.get(name) as Found;
    if (conflict !== undefined)
      throw new HoyError(`CDI device injection failed: conflicting device ${name}: it is in ${conflict} and in ${file}`, { status: 400 });
    if (specs.has(spec)) return [edits];
    specs.add(spec);
    return [...(spec.containerEdits ? [spec.containerEdits] : []), edits];
  });
}

function unresolved({ devices, faults, folders }: CdiDevices, unknown: readonly string[]): HoyError {
  const known = [...devices.keys()].sort().join(", ");
  return new HoyError(`CDI device injection failed: unresolvable CDI devices ${unknown.join(", ")}`, {
    status: 400,
    hint: faults[0] ?? (known ? `there are ${known}` : `there is no specification in ${folders.join(" or ")}`),
  });
}

/** Changes the spec. `bound`: in a user namespace nodes are binds of the host's. Throws HoyError for a node that the host has not. */
export function applyEdits(spec: Spec, all: readonly ContainerEdits[], { bound }: { bound: boolean }): void {
  const { process } = spec;
  for (const { env = [], deviceNodes = [], hooks = [], mounts = [], additionalGids = [] } of all) {
    if (process) addToProcess(process, env, additionalGids);
    for (const node of deviceNodes) addNode(spec, node, bound);
    for (const mount of mounts) addMount(spec, mount);
    for (const { hookName, ...hook } of hooks) {
      const added: Hooks = { ...spec.hooks };
      added[hookName] = [...(added[hookName] ?? []), hook];
      spec.hooks = added;
    }
  }
}

function addToProcess(process: Process, env: readonly string[], gids: readonly number[]): void {
  const variables = new Map<string, string>();
  overrideEnv(variables, process.env ?? []);
  overrideEnv(variables, env);
  process.env = [...variables].map(([name, value]) => `${name}=${value}`);
  const groups = new Set([...(process.user.additionalGids ?? []), ...gids.filter((gid) => gid > 0)]);
  process.user.additionalGids = [...groups];
}

type Node = NonNullable<ContainerEdits["deviceNodes"]>[number];

/** What the specification leaves open is the host's; a node without an owner is the container's user's. */
function nodeOnHost({ path, hostPath }: Node): Device {
  const source = hostPath || path;
  let stat: Stats;
  try {
    stat = statSync(source);
  } catch (error) {
    throw new HoyError(`CDI device injection failed: failed to stat CDI host device ${source}: ${reasonOf(error)}`, { status: 400 });
  }
  const device = deviceOf(path, stat);
  if (!device) throw new HoyError(`CDI device injection failed: ${source} is not a device node`, { status: 400 });
  return device;
}

function addNode(spec: Spec, node: Node, bound: boolean): void {
  const whole = node.type && (node.type === "p" || (node.major !== undefined && node.minor !== undefined));
  const found = bound || !whole ? nodeOnHost(node) : undefined;
  const { uid = 0, gid = 0 } = spec.process?.user ?? {};
  const device: Device = {
    path: node.path,
    type: node.type || (found?.type ?? "c"),
    ...(node.type === "p" ? {} : { major: node.major ?? found?.major, minor: node.minor ?? found?.minor }),
    fileMode: node.fileMode ?? found?.fileMode,
    uid: node.uid ?? uid,
    gid: node.gid ?? gid,
  } as Device;
  const linux = spec.linux ?? {};
  spec.linux = linux;
  linux.devices = (linux.devices ?? []).filter(({ path }) => path !== device.path);
  const source = node.hostPath || node.path;
  if (bound && source !== node.path) addMount(spec, { hostPath: source, containerPath: node.path, options: ["bind"] });
  else linux.devices.push(device);
  if (device.type === "p") return;
  const rules = linux.resources?.devices ?? [];
  const type = device.type === "b" ? "b" : "c";
  const rule = { allow: true, type, major: device.major, minor: device.minor, access: node.permissions || "rwm" } as const;
  linux.resources = { ...linux.resources, devices: [...rules, rule] };
}

function addMount(spec: Spec, { hostPath, containerPath, type, options = [] }: NonNullable<ContainerEdits["mounts"]>[number]): void {
  const binds = options.includes("bind") || options.includes("rbind");
  const mount: Mount = {
    destination: containerPath,
    source: hostPath,
    type: type || "bind",
    options: binds || type ? options : ["rbind", ...options],
  };
  const depth = ({ destination }: Mount): number => destination.split("/").filter(Boolean).length;
  spec.mounts = [...(spec.mounts ?? []).filter(({ destination }) => destination !== containerPath), mount].sort(
    (a, b) => depth(a) - depth(b),
  );
}
