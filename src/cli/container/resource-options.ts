/** Flags of limits → HostConfig's part of them: those that `update` has too, and those of run and create alone. */
import type { LimitConfig, ResourceConfig } from "../../engine/containers/options.ts";
import { parseBpsDevice, parseIopsDevice, parseWeightDevice } from "../../engine/containers/parse/block-device.ts";
import { parseCpus } from "../../engine/containers/parse/cpus.ts";
import { parseDevice } from "../../engine/containers/parse/device.ts";
import { parseDeviceRule } from "../../engine/containers/parse/device-rule.ts";
import { cdiRequest, isCdiName, parseGpus } from "../../engine/containers/parse/gpus.ts";
import { parseSwap, parseSwappiness } from "../../engine/containers/parse/memory.ts";
import { parseInteger, parseSize, parseUint16 } from "../../engine/containers/parse/numbers.ts";
import { parseUlimit } from "../../engine/containers/parse/ulimit.ts";
import { listOrNull, optional, value, values } from "./flag-value.ts";

/** As written, by Docker's long names; absent: not given. */
export interface LimitFlags {
  "blkio-weight"?: string;
  "cpu-period"?: string;
  "cpu-quota"?: string;
  "cpu-rt-period"?: string;
  "cpu-rt-runtime"?: string;
  "cpu-shares"?: string;
  cpus?: string;
  "cpuset-cpus"?: string;
  "cpuset-mems"?: string;
  memory?: string;
  "memory-reservation"?: string;
  "memory-swap"?: string;
  "pids-limit"?: string;
}

export interface ResourceFlags extends LimitFlags {
  "blkio-weight-device"?: readonly string[];
  "cgroup-parent"?: string;
  device?: readonly string[];
  gpus?: string;
  "device-cgroup-rule"?: readonly string[];
  "device-read-bps"?: readonly string[];
  "device-read-iops"?: readonly string[];
  "device-write-bps"?: readonly string[];
  "device-write-iops"?: readonly string[];
  "memory-swappiness"?: string;
  "oom-kill-disable"?: boolean;
  ulimit?: readonly string[];
}

/** 0, "" and null where nothing was given. */
export const readLimits = (flags: LimitFlags): LimitConfig => ({
  BlkioWeight: optional("--blkio-weight", flags["blkio-weight"], parseUint16, 0),
  CpuPeriod: optional("--cpu-period", flags["cpu-period"], parseInteger, 0),
  CpuQuota: optional("--cpu-quota", flags["cpu-quota"], parseInteger, 0),
  CpuRealtimePeriod: optional("--cpu-rt-period", flags["cpu-rt-period"], parseInteger, 0),
  CpuRealtimeRuntime: optional("--cpu-rt-runtime", flags["cpu-rt-runtime"], parseInteger, 0),
  CpuShares: optional("-c, --cpu-shares", flags["cpu-shares"], parseInteger, 0),
  NanoCpus: optional("--cpus", flags.cpus, parseCpus, 0),
  CpusetCpus: flags["cpuset-cpus"] ?? "",
  CpusetMems: flags["cpuset-mems"] ?? "",
  Memory: optional("-m, --memory", flags.memory, parseSize, 0),
  MemoryReservation: optional("--memory-reservation", flags["memory-reservation"], parseSize, 0),
  MemorySwap: optional("--memory-swap", flags["memory-swap"], parseSwap, 0),
  PidsLimit: optional<number | null>("--pids-limit", flags["pids-limit"], parseInteger, null),
});

/** As docker has it: the devices by their CDI names are one request behind that of the GPUs. */
function deviceRequests({ device = [], gpus }: ResourceFlags): ResourceConfig["DeviceRequests"] {
  const named = device.filter(isCdiName);
  return listOrNull([...(gpus === undefined ? [] : [value("--gpus", gpus, parseGpus)]), ...(named.length > 0 ? [cdiRequest(named)] : [])]);
}

export function readResources(flags: ResourceFlags): ResourceConfig {
  const ulimits = values("--ulimit", flags.ulimit, parseUlimit);
  return {
    ...readLimits(flags),
    CgroupParent: flags["cgroup-parent"] ?? "",
    BlkioWeightDevice: values("--blkio-weight-device", flags["blkio-weight-device"], parseWeightDevice),
    BlkioDeviceReadBps: values("--device-read-bps", flags["device-read-bps"], parseBpsDevice),
    BlkioDeviceWriteBps: values("--device-write-bps", flags["device-write-bps"], parseBpsDevice),
    BlkioDeviceReadIOps: values("--device-read-iops", flags["device-read-iops"], parseIopsDevice),
    BlkioDeviceWriteIOps: values("--device-write-iops", flags["device-write-iops"], parseIopsDevice),
    Devices: (flags.device ?? []).filter((text) => !isCdiName(text)).map(parseDevice),
    DeviceRequests: deviceRequests(flags),
    DeviceCgroupRules: listOrNull(values("--device-cgroup-rule", flags["device-cgroup-rule"], parseDeviceRule)),
    MemorySwappiness: flags["memory-swappiness"] === undefined ? null : parseSwappiness(flags["memory-swappiness"]),
    OomKillDisable: flags["oom-kill-disable"] ?? false,
    // The last one of a name counts.
    Ulimits: ulimits.length > 0 ? [...new Map(ulimits.map((limit) => [limit.Name, limit])).values()] : null,
  };
}
