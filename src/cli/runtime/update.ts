/** `runtime update`. */
import { readFileSync } from "node:fs";
import { parseSwap } from "../../engine/containers/parse/memory.ts";
import { parseInteger } from "../../engine/containers/parse/numbers.ts";
import { findContainer } from "../../runtime/oci/list.ts";
import { updateContainer } from "../../runtime/oci/update.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { parseResources, type Resources } from "../../spec/runtime.ts";
import { type Body, type Flags, text } from "../define.ts";

const body: Body = async ({ flags, args, root }) => {
  const file = text(flags, "resources");
  const id = args[0] as string;
  await updateContainer(root as string, id, file === undefined ? fromFlags(flags) : fromFile(file));
  const rdt = members({ l3CacheSchema: text(flags, "l3-cache-schema"), memBwSchema: text(flags, "mem-bw-schema") });
  if (!rdt.l3CacheSchema && !rdt.memBwSchema) return 0;
  const { updateRdtGroup } = await import("../../runtime/oci/intel-rdt.ts");
  updateRdtGroup(findContainer(root as string, id).record, rdt);
  return 0;
};

/** A file counts alone, as with runc. */
function fromFile(path: string): Resources {
  let content: string;
  try {
    content = readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new HoyError(`cannot read the resources file ${path}: ${reasonOf(error)}`, { cause: error });
  }
  return parseResources(content, path === "-" ? "standard input" : path);
}

/** The members that are given. */
function members<T extends object>(table: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined)) as T;
}

function fromFlags(flags: Flags): Resources {
  const value = <T>(name: string, parse: (text: string) => T): T | undefined => {
    const given = text(flags, name);
    return given === undefined || given === "" ? undefined : parse(given);
  };
  const integer = (name: string): number | undefined => value(name, parseInteger);
  const bytes = (name: string): number | undefined => value(name, parseSwap);
  return parseResources(
    JSON.stringify({
      memory: members({ limit: bytes("memory"), reservation: bytes("memory-reservation"), swap: bytes("memory-swap") }),
      cpu: members({
        shares: integer("cpu-share"),
        period: integer("cpu-period"),
        quota: integer("cpu-quota"),
        burst: integer("cpu-burst"),
        realtimePeriod: integer("cpu-rt-period"),
        realtimeRuntime: integer("cpu-rt-runtime"),
        idle: integer("cpu-idle"),
        cpus: value("cpuset-cpus", String),
        mems: value("cpuset-mems", String),
      }),
      blockIO: members({ weight: integer("blkio-weight") }),
      pids: members({ limit: integer("pids-limit") }),
    }),
    "flags",
  );
}

export default body;
