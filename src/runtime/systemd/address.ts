/** Where systemd's manager listens: the machine's for root, and the user's own (D-Bus Specification, "Server Addresses"). */

export interface Address {
  /** Of a Unix socket; an abstract one begins with a NUL. */
  path: string;
  /** systemd itself, with no bus between. */
  direct: boolean;
}

const plain = (value: string): string => decodeURIComponent(value);

/** The Unix sockets of an address as DBUS_SESSION_BUS_ADDRESS has it: `unix:path=/run/user/1000/bus,guid=…;…`. Others are left out. */
export function unixSockets(address: string): string[] {
  return address.split(";").flatMap((one) => {
    if (!one.startsWith("unix:")) return [];
    const keys = new Map(
      one
        .slice("unix:".length)
        .split(",")
        .map((pair) => pair.split("=") as [string, string]),
    );
    const [path, abstract] = [keys.get("path"), keys.get("abstract")];
    if (path !== undefined) return [plain(path)];
    return abstract === undefined ? [] : [`\0${plain(abstract)}`];
  });
}

const SYSTEM_BUS = "/run/dbus/system_bus_socket";

/** In the order of trying. Root's private socket needs no bus, and is there first at boot. */
export const systemAddresses = (env: NodeJS.ProcessEnv): Address[] => [
  { path: "/run/systemd/private", direct: true },
  ...[...unixSockets(env.DBUS_SYSTEM_BUS_ADDRESS ?? ""), SYSTEM_BUS].map((path) => ({ path, direct: false })),
];

/** A user's: where the environment says, else where logind makes it (pam_systemd(8)). `uid` is the one on the host. */
export function userAddresses(env: NodeJS.ProcessEnv, uid: number): Address[] {
  const folders = new Set([...(env.XDG_RUNTIME_DIR ? [env.XDG_RUNTIME_DIR] : []), `/run/user/${uid}`]);
  return [
    ...[...folders].map((folder) => ({ path: `${folder}/systemd/private`, direct: true })),
    ...unixSockets(env.DBUS_SESSION_BUS_ADDRESS ?? "").map((path) => ({ path, direct: false })),
    ...[...folders].map((folder) => ({ path: `${folder}/bus`, direct: false })),
  ];
}
