/** What a container has used, read from the files of its cgroups. */
import { readFileSync } from "node:fs";
import { NOTHING, type Reader, type Stats } from "./counters.ts";
import { type CgroupHost, detectCgroups } from "./host.ts";
import { cgroupPlaces } from "./plan.ts";
import { v1Stats } from "./stats-v1.ts";
import { v2Stats } from "./stats-v2.ts";

const EMPTY: Stats = {
  cpu: { usage: { total: 0, kernel: 0, user: 0 }, throttling: { periods: 0, throttledPeriods: 0, throttledTime: 0 } },
  cpuset: {},
  memory: { cache: 0, usage: NOTHING, swap: NOTHING, kernel: NOTHING, kernelTCP: NOTHING, raw: {} },
  pids: { current: 0 },
  blkio: {},
  hugetlb: {},
  intel_rdt: {},
  network_interfaces: null,
};

function readerOf(directory: string, wanted: ReadonlySet<string> | undefined): Reader {
  return (file) => {
    if (wanted && !wanted.has(file)) return "";
    try {
      return readFileSync(`${directory}/${file}`, "latin1").trimEnd();
    } catch {
      return ""; // this kernel has no such file, or the cgroup is gone
    }
  };
}

/**
 * Of each hierarchy what its controllers count; a controller lies in one alone. With `wanted` only these files are read, and what
 * lies in others is 0 or absent.
 */
export function containerStats(
  place: { parent: string; id: string },
  { host = detectCgroups(), wanted }: { host?: CgroupHost; wanted?: ReadonlySet<string> } = {},
): Stats {
  const { v1, v2 } = cgroupPlaces(host, place.parent, place.id);
  const has = (controller: string): boolean => host.v2?.controllers.includes(controller) ?? false;
  return {
    ...EMPTY,
    ...(v2 === undefined ? {} : v2Stats(v2, readerOf(v2, wanted), has)),
    ...v1Stats((controller) => {
      const directory = v1.get(controller);
      return directory === undefined ? undefined : { directory, read: readerOf(directory, wanted) };
    }),
  };
}
