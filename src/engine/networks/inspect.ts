/** `network inspect`: Docker's network, with the containers that are connected. */
import { ensureDefaultNetworks, listNetworks, type Network } from "../../network/networks.ts";
import { HoyError } from "../../spec/error.ts";
import { readSettings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";

interface Connected {
  id: string;
  name: string;
  address: string;
  mac: string;
}

/** The network by name, id or the beginning of an id. Throws HoyError `network x not found` (404). */
export async function inspectNetwork(store: Store, text: string): Promise<Record<string, unknown>> {
  ensureDefaultNetworks(store, await readSettings());
  const network = findNetwork(listNetworks(store), text);
  const { id, name, driver, subnet, gateway, options, labels } = network;
  return {
    Name: name,
    Id: id,
    Created: new Date(network.created).toISOString(),
    Scope: "local",
    Driver: driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: "default", Options: null, Config: subnet ? [{ Subnet: subnet, Gateway: gateway }] : null },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries(connected(store, network).map((container) => [container.id, endpoint(network, container)])),
    Options: options,
    Labels: labels,
  };
}

function findNetwork(networks: readonly Network[], text: string): Network {
  const exact = networks.find(({ id }) => id === text) ?? networks.find(({ name }) => name === text);
  if (exact) return exact;
  const found = /^[0-9a-f]+$/.test(text) ? networks.filter(({ id }) => id.startsWith(text)) : [];
  if (found.length > 1)
    throw new HoyError(`network ${text} is ambiguous (${found.length} matches found based on ID prefix)`, { status: 400 });
  if (!found[0]) throw new HoyError(`network ${text} not found`, { status: 404 });
  return found[0];
}

const connected = ({ db }: Store, { id }: Network): Connected[] =>
  db
    .query(
      "SELECT c.id, c.name, e.address, e.mac FROM endpoints e JOIN containers c ON c.id = e.container_id WHERE e.network_id = ? ORDER BY c.id",
    )
    .all(id) as Connected[];

function endpoint({ id, subnet }: Network, container: Connected): Record<string, string> {
  return {
    Name: container.name,
    EndpointID: new Bun.CryptoHasher("sha256").update(`${container.id} ${id}`).digest("hex"),
    MacAddress: container.mac,
    IPv4Address: `${container.address}/${subnet.split("/")[1] ?? ""}`,
    IPv6Address: "",
  };
}
