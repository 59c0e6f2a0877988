/** What a mount may say by its type (moby linux_parser.go, validateMountConfigImpl), and the request that it makes. */
import { posix } from "node:path";
import type { MountRequest, MountSpec } from "../options.ts";
import { invalid } from "./invalid.ts";
import { PROPAGATIONS } from "./propagation.ts";
import { checkAbsolute, checkTarget, cleanPath } from "./target.ts";
import { mountTmpfsOptions } from "./tmpfs.ts";
import { checkVolumeName } from "./volume-name.ts";

/** Checks a mount and turns it into a request; errors begin with `invalid mount config for type "bind"`. */
export function mountRequest(spec: MountSpec): MountRequest {
  try {
    if (spec.Target === "") throw invalid("field Target must not be empty");
    const target = checkTarget(spec.Target);
    const base = { type: spec.Type, target, readOnly: spec.ReadOnly === true, mode: "", propagation: "" } as const;
    if (spec.Type === "bind") return { ...base, ...bindFields(spec) };
    if (spec.BindOptions) throw extraField("BindOptions");
    if (spec.Type === "volume") return { ...base, ...volumeFields(spec) };
    if (spec.VolumeOptions) throw extraField("VolumeOptions");
    if (spec.Type === "tmpfs") return { ...base, ...tmpfsFields(spec) };
    if (spec.Type === "image") return { ...base, readOnly: true, ...imageFields(spec) };
    throw invalid("mount type unknown");
  } catch (error) {
    throw invalid(`invalid mount config for type "${spec.Type}": ${(error as Error).message}`);
  }
}

const extraField = (name: string): Error => invalid(`field ${name} must not be specified`);

type Fields = Pick<MountRequest, "source"> & Partial<MountRequest>;

function bindFields(spec: MountSpec): Fields {
  const options = spec.BindOptions;
  if (!spec.Source) throw invalid("field Source must not be empty");
  if (options?.Propagation && !PROPAGATIONS.includes(options.Propagation))
    throw invalid(`invalid propagation mode: ${options.Propagation}`);
  if (spec.VolumeOptions) throw extraField("VolumeOptions");
  checkAbsolute(spec.Source);
  return {
    source: cleanPath(spec.Source),
    propagation: options?.Propagation ?? "",
    ...(options?.CreateMountpoint ? { createSource: true } : {}),
    ...(options?.NonRecursive ? { nonRecursive: true } : {}),
    ...(options?.ReadOnlyNonRecursive ? { readOnlyRecursion: "off" as const } : {}),
    ...(options?.ReadOnlyForceRecursive ? { readOnlyRecursion: "force" as const } : {}),
  };
}

function volumeFields(spec: MountSpec): Fields {
  const options = spec.VolumeOptions;
  const name = spec.Source ?? "";
  const driver = options?.DriverConfig;
  if (options?.Subpath && name === "") throw invalid("must not set Subpath when using anonymous volumes");
  if (options?.Subpath) checkSubpath(options.Subpath);
  if (spec.ReadOnly && name === "") throw invalid("must not set ReadOnly mode when using anonymous volumes");
  if (driver?.Name && driver.Name !== "local") throw invalid(`error looking up volume plugin ${driver.Name}: plugin not found`);
  if (driver?.Options && Object.keys(driver.Options).length > 0)
    throw invalid(`volume-opt ${Object.keys(driver.Options).join(", ")}: options of the local driver are not supported`);
  if (name !== "") checkVolumeName(name);
  return {
    source: name,
    ...(name === "" ? { anonymous: true } : {}),
    ...(options?.NoCopy ? { noCopy: true } : {}),
    ...(options?.Subpath ? { subpath: options.Subpath } : {}),
    ...(options?.Labels ? { volumeLabels: options.Labels } : {}),
  };
}

function tmpfsFields(spec: MountSpec): Fields {
  if (spec.Source) throw extraField("Source");
  return { source: "", tmpfs: mountTmpfsOptions(spec.TmpfsOptions ?? {}, spec.ReadOnly === true) };
}

function imageFields(spec: MountSpec): Fields {
  if (!spec.Source) throw invalid("field Source must not be empty");
  const subpath = spec.ImageOptions?.Subpath;
  if (subpath) checkSubpath(subpath);
  return { source: spec.Source, ...(subpath ? { subpath } : {}) };
}

/** Go's filepath.IsLocal. That no link in it leads out is for whoever opens it to see to (openat2, RESOLVE_IN_ROOT). */
function checkSubpath(subpath: string): void {
  const path = posix.normalize(subpath);
  if (path.startsWith("/") || path === ".." || path.startsWith("../")) throw invalid("subpath must be a relative path within the volume");
}
