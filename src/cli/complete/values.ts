/** What may stand for an argument or a flag's value: fixed words, live names, or files, which the shell knows itself. */
import type { ContainerState } from "../../engine/containers/state.ts";
import type { Store } from "../../engine/store.ts";

export type Source =
  | readonly string[]
  | "files"
  | "images"
  | "volumes"
  | "networks"
  | "signals"
  /** Names of variables; such a flag without a value hands on the caller's own. */
  | "environment"
  | "containers"
  /** Either side of `cp`: a container with its colon, or a file. */
  | "copies"
  /** What `inspect` finds. */
  | "anything"
  | { containers: readonly ContainerState["status"][] };

const RUNNING = { containers: ["running"] } as const;
const PAUSED = { containers: ["paused"] } as const;
const UP = { containers: ["running", "paused", "restarting"] } as const;
const STARTABLE = { containers: ["created", "exited"] } as const;

/** Arguments by command: one source for all of them, or a list of the sources of the first, the second and so on. */
export const ARGUMENTS: Readonly<Record<string, Source | { each: readonly Source[] }>> = {
  "container attach": { each: [RUNNING] },
  "container commit": { each: ["containers", "images"] },
  "container cp": { each: ["copies", "copies"] },
  "container create": { each: ["images"] },
  "container diff": { each: ["containers"] },
  "container exec": { each: [RUNNING] },
  "container export": { each: ["containers"] },
  "container inspect": "containers",
  "container kill": UP,
  "container logs": { each: ["containers"] },
  "container pause": RUNNING,
  "container rename": { each: ["containers"] },
  "container restart": "containers",
  "container rm": "containers",
  "container run": { each: ["images"] },
  "container start": STARTABLE,
  "container stats": UP,
  "container stop": UP,
  "container top": { each: [UP] },
  "container unpause": PAUSED,
  "container update": "containers",
  "container wait": "containers",
  "image history": { each: ["images"] },
  "image import": { each: ["files", "images"] },
  "image inspect": "images",
  "image ls": { each: ["images"] },
  "image pull": { each: ["images"] },
  "image rm": "images",
  "image save": "images",
  "image tag": { each: ["images", "images"] },
  inspect: "anything",
  "network inspect": "networks",
  "volume inspect": "volumes",
  "volume rm": "volumes",
  "runtime exec": { each: [] },
  "runtime kill": { each: [[], "signals"] },
  completion: { each: [["bash", "zsh", "fish"]] },
};

const FORMATS = ["json", "table"];
const CONTAINER_FILTERS =
  "ancestor= before= exited= expose= health= id= is-task= label= name= network= publish= since= status= volume=".split(" ");
const CAPABILITIES =
  "ALL AUDIT_CONTROL AUDIT_WRITE BPF CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK KILL MKNOD NET_ADMIN NET_BIND_SERVICE NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PTRACE SYS_RESOURCE SYS_TIME SYSLOG WAKE_ALARM".split(
    " ",
  );

/** Values by flag, for all commands that have it; `command flag` where it differs. */
export const FLAG_VALUES: Readonly<Record<string, Source>> = {
  attach: ["stdin", "stdout", "stderr"],
  "cap-add": CAPABILITIES,
  "cap-drop": CAPABILITIES,
  cgroupns: ["host", "private"],
  cidfile: "files",
  bundle: "files",
  config: "files",
  "console-socket": "files",
  env: "environment",
  "env-file": "files",
  format: FORMATS,
  input: "files",
  ipc: ["host", "none", "private", "shareable"],
  isolation: ["default"],
  "label-file": "files",
  "log-driver": ["json-file", "none"],
  log: "files",
  "log-format": ["text", "json"],
  "log-level": ["debug", "info", "warn", "error", "fatal"],
  network: "networks",
  output: "files",
  pid: ["host"],
  "pid-file": "files",
  change: ["CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"],
  platform: ["linux/amd64", "linux/arm64"],
  process: "files",
  progress: ["auto", "plain", "tty", "json", "quiet"],
  pull: ["always", "missing", "never"],
  restart: ["no", "on-failure", "always", "unless-stopped"],
  root: "files",
  rootfs: "files",
  runtime: ["crun", "hoy", "runc"],
  "security-opt": [
    "apparmor=",
    "apparmor=unconfined",
    "label=disable",
    "label=level:",
    "label=role:",
    "label=type:",
    "label=user:",
    "no-new-privileges",
    "seccomp=",
    "seccomp=unconfined",
    "systempaths=unconfined",
    "writable-cgroups=false",
    "writable-cgroups=true",
  ],
  signal: "signals",
  "stop-signal": "signals",
  "storage-opt": ["size="],
  type: ["container", "image", "network", "volume"],
  userns: ["auto", "host", "keep-id"],
  uts: ["host"],
  volume: "volumes",
  "container ls filter": CONTAINER_FILTERS,
  "container prune filter": ["label=", "label!=", "until="],
  "image ls filter": ["before=", "dangling=", "label=", "reference=", "since=", "until="],
  "image prune filter": ["label=", "label!=", "until="],
  "network ls filter": ["dangling=", "driver=", "id=", "label=", "name=", "scope=", "type="],
  "system prune filter": ["label=", "label!=", "until="],
  "volume ls filter": ["dangling=", "driver=", "label=", "name="],
  "volume prune filter": ["all=", "label=", "label!="],
};

/** The words of a source; undefined for files. Without a store there are no names. */
export async function wordsOf(source: Source, open: () => Store | undefined): Promise<readonly string[] | undefined> {
  if (source === "files") return undefined;
  if (source === "environment") return Object.keys(process.env).sort();
  if (Array.isArray(source)) return source as readonly string[];
  const { containerNames, imageNames, networkNames, signalNames, volumeNames } = await import("../../engine/completion.ts");
  if (source === "signals") return await signalNames();
  const store = open();
  if (source === "copies") return store ? (await containerNames(store)).map((name) => `${name}:`) : [];
  if (!store) return source === "networks" ? ["bridge", "host", "none"] : [];
  if (source === "images") return imageNames(store);
  if (source === "volumes") return volumeNames(store);
  if (source === "networks") return networkNames(store);
  if (source === "anything") return [...(await containerNames(store)), ...imageNames(store), ...volumeNames(store), ...networkNames(store)];
  return await containerNames(store, source === "containers" ? undefined : statesOf(source));
}

/** What is left of the sources when all the words are dealt with. */
function statesOf(source: Source): readonly ContainerState["status"][] {
  if (typeof source === "string" || !("containers" in source)) throw new TypeError(`no such source: ${JSON.stringify(source)}`);
  return source.containers;
}
