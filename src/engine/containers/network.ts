/** A container's network: what its files say, and how its namespace is connected once it exists. */
import { readFileSync } from "../../../ffi/fs.ts";
import { containerHosts, sharedHosts } from "../../network/hosts.ts";
import { releaseEndpoints } from "../../network/leases.ts";
import { containerResolvConf, hostResolvConf, sharedResolvConf } from "../../network/resolv.ts";
import { HoyError } from "../../spec/error.ts";
import { readSettings } from "../../state/settings.ts";
import type { Store } from "../../state/store.ts";
import { containerOf } from "./parse/modes.ts";
import { type ContainerRow, runFolder } from "./row.ts";

export interface ContainerNetwork {
  /** Text of /etc/hosts and /etc/resolv.conf. */
  hosts: string;
  resolvConf: string;
  /** Connects the network namespace of the process. */
  connect(pid: number): void | Promise<void>;
  /** Gives back what was allocated. */
  release(): void;
}

const nothing = { connect() {}, release() {} };

/** Plans the network that the options ask for, with an address leased. Throws HoyError. */
export async function prepareNetwork(store: Store, row: ContainerRow): Promise<ContainerNetwork> {
  const { config, hostConfig } = row.options;
  const { NetworkMode: mode, ExtraHosts: extraHosts } = hostConfig;
  const own = { hostname: config.Hostname, domainname: config.Domainname, extraHosts };
  // Names, files and interfaces are those of the other container.
  if (containerOf(mode) !== undefined) return { hosts: "", resolvConf: "", ...nothing };
  const settings = await readSettings();
  const dns = {
    host: hostResolvConf(),
    servers: hostConfig.Dns,
    search: hostConfig.DnsSearch,
    options: hostConfig.DnsOptions,
  };
  if (mode === "none") return { hosts: containerHosts(own), resolvConf: containerResolvConf(dns), ...nothing };
  if (mode === "host")
    return { hosts: sharedHosts(readFileSync("/etc/hosts", "utf8"), { extraHosts }), resolvConf: sharedResolvConf(dns), ...nothing };
  if (mode !== "bridge") throw new HoyError(`network ${mode} not found`, { status: 404 });
  if (store.rootless) {
    const { prepareRootlessNetwork } = await import("./network-rootless.ts");
    return prepareRootlessNetwork({ own, dns, folder: runFolder(store, row.id) });
  }
  const { prepareBridgeNetwork } = await import("./network-bridge.ts");
  return prepareBridgeNetwork(store, row.id, { own, dns, settings });
}

/** Gives back what the container's last run had allocated. */
export async function releaseNetwork(store: Store, row: ContainerRow): Promise<void> {
  if (row.options.hostConfig.NetworkMode !== "bridge") return;
  if (!store.rootless) {
    // A container that joined its network namespace keeps it alive, and would answer for an address that may be given to another.
    if (someJoined(store)) {
      const { disconnectEndpoints } = await import("../../network/endpoint.ts");
      disconnectEndpoints(store, row.id);
    }
    releaseEndpoints(store, row.id);
  } else {
    const { stopRootlessNetwork } = await import("../../network/rootless.ts");
    stopRootlessNetwork(runFolder(store, row.id));
  }
}

const someJoined = (store: Store): boolean =>
  store.db.query(`SELECT 1 FROM containers WHERE state = 'running' AND instr(options, '"NetworkMode":"container:') > 0 LIMIT 1`).get() !==
  null;
