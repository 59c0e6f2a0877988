/** The fields of `stats` (docker/cli cli/command/container/formatter_stats.go). */
import type { UsageSample } from "../../engine/containers/usage.ts";
import { shortId } from "../output/ellipsis.ts";
import type { ListKind } from "../output/list.ts";
import { bytesSize, humanSize } from "../output/units.ts";

export interface StatsLine {
  /** As it was asked for. */
  container: string;
  id: string;
  name: string;
  cpuPercent: number;
  usage: UsageSample;
}

export const STATS_TABLE = ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"];

const percent = (value: number): string => `${value.toFixed(2)}%`;
const pair = (one: number, other: number): string => `${humanSize(one, 3)} / ${humanSize(other, 3)}`;

export const statsKind = (truncate: boolean): ListKind<StatsLine> => ({
  fields: {
    Container: { heading: "CONTAINER", value: ({ container }) => container },
    ID: { heading: "CONTAINER ID", value: ({ id }) => (truncate ? shortId(id) : id) },
    Name: { heading: "NAME", value: ({ name }) => name },
    CPUPerc: { heading: "CPU %", value: ({ cpuPercent }) => percent(cpuPercent) },
    MemUsage: { heading: "MEM USAGE / LIMIT", value: ({ usage }) => `${bytesSize(usage.memory)} / ${bytesSize(usage.memoryLimit)}` },
    MemPerc: {
      heading: "MEM %",
      value: ({ usage }) => percent(usage.memoryLimit === 0 ? 0 : (usage.memory / usage.memoryLimit) * 100),
    },
    NetIO: { heading: "NET I/O", value: ({ usage }) => pair(usage.received, usage.sent) },
    BlockIO: { heading: "BLOCK I/O", value: ({ usage }) => pair(usage.read, usage.written) },
    PIDs: { heading: "PIDS", value: ({ usage }) => String(usage.pids) },
  },
});
