/** The fields of `volume ls` (docker/cli cli/command/formatter/volume.go). */
import type { ListedVolume } from "../../engine/volumes/list.ts";
import type { ListKind } from "../output/list.ts";
import { humanSize } from "../output/units.ts";

/** What `system df` knows of a volume besides. */
export interface VolumeUsage {
  /** Containers that have it. */
  links: number;
  /** Bytes. */
  size: number;
}

/** As Docker's client has it, sizes and links are known to `system df` alone, and three fields to cluster volumes. */
export function volumeKind(usage?: (volume: ListedVolume) => VolumeUsage): ListKind<ListedVolume> {
  const unknown = { value: () => "N/A" };
  return {
    fields: {
      Name: { heading: "VOLUME NAME", value: ({ name }) => name },
      Driver: { heading: "DRIVER", value: ({ driver }) => driver },
      Scope: { heading: "SCOPE", value: () => "local" },
      Mountpoint: { heading: "MOUNTPOINT", value: ({ mountpoint }) => mountpoint },
      Labels: {
        heading: "LABELS",
        value: ({ labels }) =>
          Object.entries(labels)
            .map(([key, value]) => `${key}=${value}`)
            .sort()
            .join(","),
      },
      Links: { heading: "LINKS", value: (volume) => (usage ? String(usage(volume).links) : "N/A") },
      Size: { heading: "SIZE", value: (volume) => (usage ? humanSize(usage(volume).size) : "N/A") },
      Group: { heading: "GROUP", ...unknown },
      Availability: { heading: "AVAILABILITY", ...unknown },
      Status: { heading: "STATUS", ...unknown },
    },
    methods: { Label: ({ labels }, name) => labels[name] ?? "" },
  };
}
