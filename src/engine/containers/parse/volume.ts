/** `-v [source:]target[:options]` (moby linux_parser.go ParseMountRaw, docker/cli opts/volume). */
import { isAbsolute, resolve } from "node:path";
import type { MountRequest, MountSpec, Propagation } from "../options.ts";
import { invalid } from "./invalid.ts";
import { mountRequest } from "./mount-rules.ts";
import { PROPAGATIONS } from "./propagation.ts";
import { checkTarget } from "./target.ts";

/** Each group may be given once. z and Z relabel for SELinux and do nothing on a host without it; the last three are of Docker Desktop. */
const MODES: readonly (readonly string[])[] = [["ro", "rw"], ["z", "Z"], PROPAGATIONS, ["nocopy"], ["consistent", "cached", "delegated"]];

/** A -v as the client sends it: with a target alone it is an anonymous volume, else a bind, whose relative source is made absolute. */
export function parseVolume(text: string, cwd: string): { anonymous: string } | { bind: string } {
  if (text === "") throw invalid("invalid empty volume spec");
  const parts = text.split(":");
  if (parts.length > 3) throw invalid(`invalid spec: ${text}: too many colons`);
  if (parts.some((part) => part === "")) throw invalid(`invalid spec: ${text}: empty section between colons`);
  if (parts.length === 1) return { anonymous: checkTarget(text) };
  const [source, ...rest] = parts as [string, ...string[]];
  return { bind: source.startsWith(".") ? [resolve(cwd, source), ...rest].join(":") : text };
}

/** What a Binds entry of HostConfig asks for. */
export function bindRequest(text: string): MountRequest {
  const [source = "", target, mode = "", ...rest] = text.split(":");
  if (source === "" || target === undefined || rest.length > 0) throw invalid(`invalid volume specification: '${text}'`);
  // `/data:ro` would be a volume named "/data" on a folder "ro": surely meant otherwise.
  if (mode === "" && target !== "" && validMode(target)) throw invalid(`invalid volume specification: '${text}'`);
  if (!validMode(mode)) throw invalid(`invalid mode: ${mode}`);
  try {
    return { ...mountRequest(toSpec(source, target, mode.split(","))), mode, ...(isAbsolute(source) ? { createSource: true } : {}) };
  } catch (error) {
    throw invalid(`invalid volume specification: '${text}': ${(error as Error).message}`);
  }
}

function validMode(mode: string): boolean {
  if (mode === "") return true;
  const groups = mode.split(",").map((option) => MODES.findIndex((group) => group.includes(option)));
  return !groups.includes(-1) && new Set(groups).size === groups.length;
}

function toSpec(source: string, target: string, modes: readonly string[]): MountSpec {
  const spec: MountSpec = { Type: isAbsolute(source) ? "bind" : "volume", Source: source, Target: target };
  const propagation = modes.find((mode) => PROPAGATIONS.includes(mode));
  if (modes.includes("ro")) spec.ReadOnly = true;
  if (modes.includes("nocopy")) spec.VolumeOptions = { NoCopy: true };
  if (propagation) spec.BindOptions = { Propagation: propagation as Propagation };
  return spec;
}
