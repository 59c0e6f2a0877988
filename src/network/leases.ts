/** The addresses that containers hold, as rows. */
import type { Store } from "../state/store.ts";

/** Gives back the addresses of a container. Its interfaces go with its network namespace. */
export function releaseEndpoints(store: Store, containerId: string): void {
  store.db.query("DELETE FROM endpoints WHERE container_id = ?").run(containerId);
}

export interface EndpointRow {
  readonly containerId: string;
  readonly networkId: string;
  readonly address: string;
  readonly mac: string;
  readonly hostInterface: string;
}

/** The leases of a container, or of everything in a network. */
export function listEndpoints(store: Store, of: { containerId: string } | { networkId: string }): EndpointRow[] {
  const [column, value] = "containerId" in of ? ["container_id", of.containerId] : ["network_id", of.networkId];
  return store.db
    .query(
      `SELECT container_id AS containerId, network_id AS networkId, address, mac, host_interface AS hostInterface
       FROM endpoints WHERE ${column} = ? ORDER BY address`,
    )
    .all(value) as EndpointRow[];
}
