/** An ordinary user's default network: pasta or slirp4netns carries what the container sends, as the user's own connections. */
import { containerHosts, type HostsRequest, type OwnAddress } from "../../network/hosts.ts";
import { containerResolvConf, type ResolvConfRequest } from "../../network/resolv.ts";
import {
  requireRootlessHelper,
  rootlessAddress,
  rootlessForwarders,
  rootlessHostGateway,
  startRootlessNetwork,
  stopRootlessNetwork,
} from "../../network/rootless.ts";
import type { ContainerNetwork } from "./network.ts";

export interface RootlessNetworkRequest {
  own: HostsRequest & OwnAddress;
  dns: ResolvConfRequest;
  /** The container's run folder. */
  folder: string;
}

/** Throws HoyError when neither program is installed. */
export function prepareRootlessNetwork({ own, dns, folder }: RootlessNetworkRequest): ContainerNetwork {
  const helper = requireRootlessHelper();
  return {
    hosts: containerHosts({
      ...own,
      address: rootlessAddress(helper) ?? rootlessHostGateway(helper),
      hostGateway: rootlessHostGateway(helper),
    }),
    resolvConf: containerResolvConf({ ...dns, forwarders: rootlessForwarders(helper) }),
    connect(pid) {
      startRootlessNetwork({ helper, namespace: `/proc/${pid}/ns/net`, folder });
    },
    release: () => stopRootlessNetwork(folder),
  };
}
