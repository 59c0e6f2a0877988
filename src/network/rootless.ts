/**
 * The default network of an ordinary user's containers: a program that is a router in user space. It gets a tap interface inside the
 * container's network namespace and makes the container's connections as the user's own on the host. slirp4netns is preferred, as in
 * rootless Docker: it starts faster (6 ms against 25), gives the container an address of its own, so that the host stays reachable,
 * and can be told to end with the container. Called with the user's namespaces joined (uid 0 inside).
 */
import { accessSync, constants, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { check, EINTR, EPERM, ESRCH } from "../../ffi/errno.ts";
import { Fd, memfd, pipe } from "../../ffi/fd.ts";
import { cstr, sys } from "../../ffi/libc.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "../../ffi/netlink.ts";
import { NR } from "../../ffi/syscalls.ts";
import { HoyError } from "../spec/error.ts";
import { listAddresses } from "./address.ts";
import { CONTAINER_INTERFACE } from "./endpoint.ts";
import { formatAddress } from "./ipv4.ts";

export interface RootlessHelper {
  readonly program: "pasta" | "slirp4netns";
  readonly path: string;
}

const SEARCH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin";
const TUN = "/dev/net/tun";
const READY_MS = 10_000;
/** In a container's run folder: the id of its process; the sweeper looks for it. */
export const PID_FILE = "network.pid";
const NAMESPACE_FILE = "network.ns";
/** An address that nothing else has on the container's side; pasta answers name queries there (podman's choice, too). */
const PASTA_DNS = "169.254.1.1";
const SLIRP_DNS = "10.0.2.3";
const SLIRP_ADDRESS = "10.0.2.100";

/** The installed program, undefined when there is none. */
export function rootlessHelper(path = `${process.env.PATH ?? ""}:${SEARCH}`): RootlessHelper | undefined {
  for (const program of ["slirp4netns", "pasta"] as const) {
    const found = Bun.which(program, { PATH: path });
    if (found) return { program, path: found };
  }
  return undefined;
}

/** The container's own address: slirp4netns always gives this one; pasta gives the host's, which is not the container's alone. */
export const rootlessAddress = ({ program }: RootlessHelper): string | undefined => (program === "slirp4netns" ? SLIRP_ADDRESS : undefined);

/** The same, or a HoyError that says what to install. */
export function requireRootlessHelper(): RootlessHelper {
  const helper = rootlessHelper();
  if (helper) return helper;
  throw new HoyError("the default network needs pasta or slirp4netns for an ordinary user", {
    hint: "apt install slirp4netns (or passt), or use --network none or --network host",
  });
}

/** Name servers that the helper answers as, for the container's resolv.conf. */
export const rootlessForwarders = ({ program }: RootlessHelper): string[] => [program === "pasta" ? PASTA_DNS : SLIRP_DNS];

/**
 * The host as the container reaches it, for `host-gateway`: its first address. Undefined with pasta, which gives the container that
 * very address.
 */
export function rootlessHostGateway({ program }: RootlessHelper): string | undefined {
  if (program === "pasta") return undefined;
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  const address = listAddresses(socket).find(({ address }) => address >>> 24 !== 127)?.address;
  return address === undefined ? undefined : formatAddress(address);
}

export interface RootlessRequest {
  helper: RootlessHelper;
  /** Path of the network namespace: `/proc/PID/ns/net`. */
  namespace: string;
  /** The container's run folder: its path marks the process as this container's, and the process's id is kept there. */
  folder: string;
  /**
   * slirp4netns only: read end of a pipe; it ends when the last holder of the write end does. Without it, and for pasta, it ends by
   * `stopRootlessNetwork` alone.
   */
  exit?: Fd;
}

const MS_BIND = 0x1000;
const MNT_DETACH = 2;
const SIGTERM = 15;

/** Descriptors as slirp4netns inherits them. */
const READY_FD = 3;
const EXIT_FD = 4;

/** The first word of its command line, by which the sweeper knows it. */
const slirpTitle = (folder: string): string => `slirp4netns ${folder}`;

/** The command line. Pure. Nothing of the host's loopback interface is reachable from inside, and no port is forwarded. */
export function rootlessCommand({ helper, namespace, folder, exit }: RootlessRequest): string[] {
  if (helper.program === "slirp4netns")
    return [
      slirpTitle(folder),
      "--configure",
      "--mtu=65520",
      "--disable-host-loopback",
      "--enable-sandbox",
      "--enable-seccomp",
      `--ready-fd=${READY_FD}`,
      ...(exit ? [`--exit-fd=${EXIT_FD}`] : []),
      "--netns-type=path",
      namespace,
      CONTAINER_INTERFACE,
    ];
  const noPorts = ["-t", "none", "-u", "none", "-T", "none", "-U", "none"];
  const names = ["--dns-forward", PASTA_DNS, "-I", CONTAINER_INTERFACE, "--pid", join(folder, PID_FILE)];
  return ["pasta", "--quiet", "--config-net", ...noPorts, "--no-map-gw", ...names, "--no-netns-quit", "--netns", namespace];
}

/**
 * Starts the helper and returns its process id once the container's network is configured. It outlives the caller, in the caller's
 * cgroup. Throws HoyError with its own words when it fails; then it does not run.
 */
export function startRootlessNetwork(request: RootlessRequest): number {
  checkTun();
  // of a start that was cut off: its record would be lost with what follows
  stopRootlessNetwork(request.folder);
  using errors = memfd("network-errors");
  // Whoever cleans up after us knows from here on that there may be a process.
  writeFileSync(join(request.folder, PID_FILE), "", { mode: 0o600 });
  try {
    return request.helper.program === "pasta" ? startPasta(request, errors) : startSlirp(request, errors);
  } catch (error) {
    stopRootlessNetwork(request.folder);
    throw error;
  }
}

function checkTun(): void {
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new HoyError(`the default network needs ${TUN}, which ${missing ? "is missing" : "this user may not open"}`, {
      hint: `${missing ? "as root: modprobe tun" : `as root: chmod 666 ${TUN}`}, or use --network none or --network host`,
      cause: error,
    });
  }
}

/** Nothing of the caller's: BUN_* would change what a Bun program does, the rest is not theirs to know. */
const environment = { PATH: SEARCH, LC_ALL: "C" };

/**
 * pasta goes to the background by itself when all is ready. It gives up its capabilities first, and then may not look into /proc of
 * a process that has more, so the namespace gets a name of its own for as long as pasta needs to open it.
 */
function startPasta(request: RootlessRequest, errors: Fd): number {
  const namespace = join(request.folder, NAMESPACE_FILE);
  writeFileSync(namespace, "");
  try {
    check(sys(NR.mount, cstr(request.namespace), cstr(namespace), 0, MS_BIND, 0), `bind ${request.namespace}`);
    const { exitCode } = Bun.spawnSync([request.helper.path, ...rootlessCommand({ ...request, namespace }).slice(1)], {
      stdio: ["ignore", "ignore", errors.number],
      env: environment,
      cwd: "/",
      timeout: READY_MS,
    });
    if (exitCode !== 0) throw failed(request.helper, errors);
  } finally {
    dropNamespaceFile(request.folder);
  }
  const pid = recordedPid(request.folder);
  if (!pid) throw failed(request.helper, errors);
  return pid;
}

/** Not mounted (EINVAL) and not there (ENOENT) are what it shall be. */
function dropNamespaceFile(folder: string): void {
  const path = join(folder, NAMESPACE_FILE);
  sys(NR.umount2, cstr(path), MNT_DETACH);
  rmSync(path, { force: true });
}

function startSlirp(request: RootlessRequest, errors: Fd): number {
  const [ready, signal] = pipe();
  using _ready = ready;
  const [argv0 = "", ...rest] = rootlessCommand(request);
  const child = Bun.spawn([request.helper.path, ...rest], {
    argv0,
    stdio: ["ignore", "ignore", errors.number, signal.number, ...(request.exit ? [request.exit.number] : [])],
    env: environment,
    cwd: "/",
    detached: true,
  });
  signal.close();
  child.unref();
  writeFileSync(join(request.folder, PID_FILE), `${child.pid}\n`, { mode: 0o600 });
  if (!waitReady(ready)) throw failed(request.helper, errors);
  return child.pid;
}

/** Waits for the byte on the pipe; false when the other side closed it, or nothing came in time. */
function waitReady(ready: Fd): boolean {
  const POLLIN = 1;
  const poll = new Int32Array([ready.number, POLLIN]);
  // The kernel takes what it waited off the timeout, so a signal in between does not prolong it.
  const timeout = new BigInt64Array([BigInt(READY_MS / 1000), 0n]);
  let answers: number;
  do answers = sys(NR.ppoll, poll, 1, timeout);
  while (answers === -EINTR);
  if (check(answers, "wait for the network") === 0) return false;
  return sys(NR.read, ready.number, new Uint8Array(1), 1) === 1;
}

function failed({ program }: RootlessHelper, errors: Fd): HoyError {
  const words = readFileSync(errors.path, "utf8").trim().split("\n").filter(Boolean).slice(-2).join("; ");
  return new HoyError(`${program} could not connect the container: ${words || "it gave no reason"}`, {
    hint: "use --network none or --network host",
  });
}

/** 0 when the start of the process was cut off before it was recorded; undefined: there is none. */
function recordedPid(folder: string): number | undefined {
  try {
    return Number(readFileSync(join(folder, PID_FILE), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** How long a process whose start was cut off may take to become the helper: until then it looks like the hoy that made it. */
const BECOMING_MS = 500;

/** Ends the helper that was started for this run folder, if it still runs; another process with its id is left alone. */
export function stopRootlessNetwork(folder: string): void {
  dropNamespaceFile(folder);
  const recorded = recordedPid(folder);
  if (recorded === undefined) return;
  if (recorded) endHelper(recorded, folder);
  else for (const deadline = Date.now() + BECOMING_MS; !endHelpers(folder) && Date.now() < deadline; ) Bun.sleepSync(10);
  rmSync(join(folder, PID_FILE), { force: true });
}

/** False when there was none. */
const endHelpers = (folder: string): boolean => allProcesses().filter((pid) => endHelper(pid, folder)).length > 0;

/**
 * Ends the process if it is this folder's helper: by descriptor, as a number may be another's by the time of the signal. False when
 * it is not.
 */
function endHelper(pid: number, folder: string): boolean {
  const opened = sys(NR.pidfd_open, pid, 0);
  if (opened === -ESRCH) return false;
  using helper = new Fd(check(opened, `open the process ${pid}`));
  if (!isHelper(commandLine(pid), folder)) return false;
  const sent = sys(NR.pidfd_send_signal, helper.number, SIGTERM, 0, 0);
  // It has ended, or is another user's, who gave it such a name.
  if (sent !== -ESRCH && sent !== -EPERM) check(sent, `end the process ${pid}`);
  return true;
}

const allProcesses = (): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid);

/** True for the command lines that `rootlessCommand` makes for this folder. pasta goes on as `pasta.avx2` where it can. */
function isHelper([name = "", ...words]: readonly string[], folder: string): boolean {
  if (name === slirpTitle(folder)) return true;
  return /^pasta(\.|$)/.test(basename(name)) && words.some((word, at) => word === "--pid" && words[at + 1] === join(folder, PID_FILE));
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // ended
  }
}
