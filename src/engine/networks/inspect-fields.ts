/** Fields of Docker's network.Inspect that its JSON leaves out, or where null is no list (see ../inspect-fields.ts). */
import type { Fields } from "../inspect-fields.ts";

export const NETWORK_FIELDS: Fields = {
  ID: "=Id",
  IPAM: { Options: "map" },
  Options: "map",
  Labels: "map",
  Peers: "slice",
  Services: "map",
};
