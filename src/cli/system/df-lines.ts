/** The four lines of `system df` (docker/cli cli/command/formatter/disk_usage.go). */
import { isUp } from "../../engine/containers/state.ts";
import { type StoreUsage, sum } from "../../engine/system/usage.ts";
import type { ListKind } from "../output/list.ts";
import { humanSize } from "../output/units.ts";

export interface UsageLine {
  type: string;
  total: number;
  active: number;
  /** Bytes, as the next. */
  size: number;
  reclaimable: number;
}

export function usageLines({ layers, images, containers, volumes }: StoreUsage): UsageLine[] {
  const usedImages = images.filter((image) => image.containers > 0);
  const isActive = ({ listed }: StoreUsage["containers"][number]): boolean => isUp(listed.state.status);
  return [
    {
      type: "Images",
      total: images.length,
      active: usedImages.length,
      size: layers,
      reclaimable: layers - sum(usedImages.map(({ listed, shared }) => listed.image.size - shared)),
    },
    {
      type: "Containers",
      total: containers.length,
      active: containers.filter(isActive).length,
      size: sum(containers.map(({ written }) => written)),
      reclaimable: sum(containers.filter((container) => !isActive(container)).map(({ written }) => written)),
    },
    {
      type: "Local Volumes",
      total: volumes.length,
      active: volumes.filter(({ links }) => links > 0).length,
      size: sum(volumes.map(({ size }) => size)),
      reclaimable: sum(volumes.filter(({ links }) => links === 0).map(({ size }) => size)),
    },
    // nothing is built here yet: there is no cache
    { type: "Build Cache", total: 0, active: 0, size: 0, reclaimable: 0 },
  ];
}

const share = ({ size, reclaimable }: UsageLine): string => (size > 0 ? ` (${Math.trunc((reclaimable * 100) / size)}%)` : "");

export const usageKind: ListKind<UsageLine> = {
  fields: {
    Type: { heading: "TYPE", value: ({ type }) => type },
    TotalCount: { heading: "TOTAL", value: ({ total }) => String(total) },
    Active: { heading: "ACTIVE", value: ({ active }) => String(active) },
    Size: { heading: "SIZE", value: ({ size }) => humanSize(size) },
    Reclaimable: { heading: "RECLAIMABLE", value: (line) => `${humanSize(line.reclaimable)}${share(line)}` },
  },
};
