/** The default bridge, for root: an address is leased while the start is planned, interfaces are made once the namespace exists. */
import { O_RDONLY, open } from "../../../ffi/fd.ts";
import { ensureBridge } from "../../network/bridge.ts";
import { allocateEndpoint, connectEndpoint } from "../../network/endpoint.ts";
import { containerHosts } from "../../network/hosts.ts";
import { releaseEndpoints } from "../../network/leases.ts";
import { ensureDefaultNetworks } from "../../network/networks.ts";
import { containerResolvConf } from "../../network/resolv.ts";
import type { Settings } from "../../spec/settings.ts";
import type { Store } from "../../state/store.ts";
import { isAlive } from "./alive.ts";
import type { ContainerNetwork } from "./network.ts";

export interface BridgeRequest {
  own: Parameters<typeof containerHosts>[0];
  dns: Parameters<typeof containerResolvConf>[0];
  settings: Settings;
}

/** Leases an address for the container. Throws HoyError. */
export function prepareBridgeNetwork(store: Store, containerId: string, { own, dns, settings }: BridgeRequest): ContainerNetwork {
  const [bridge] = ensureDefaultNetworks(store, settings);
  const network = ensureBridge(store, bridge, settings);
  const endpoint = allocateEndpoint(store, { network, containerId, isRunning: (id) => isAlive(store, id) });
  return {
    hosts: containerHosts({ ...own, address: endpoint.address, hostGateway: endpoint.gateway }),
    resolvConf: containerResolvConf(dns),
    connect(pid) {
      using namespace = open(`/proc/${pid}/ns/net`, O_RDONLY);
      connectEndpoint(network, endpoint, namespace.number);
    },
    release: () => releaseEndpoints(store, containerId),
  };
}
