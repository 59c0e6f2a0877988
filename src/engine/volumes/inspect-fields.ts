/** Fields of Docker's volume.Volume that its JSON leaves out, or where null is no list (see ../inspect-fields.ts). */
import type { Fields } from "../inspect-fields.ts";

export const VOLUME_FIELDS: Fields = { Options: "map", Labels: "map", Status: "map", UsageData: "pointer", ClusterVolume: "pointer" };
