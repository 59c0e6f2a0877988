/** The commands of `hoy runtime`, with runc's names and flags: plain data, as in the other tables. */
import { type Command, command, type FlagDefs } from "../define.ts";

const bundle = { type: "string", alias: "b", description: "Path of the bundle; the working directory when absent" } as const;
const consoleSocket = {
  type: "string",
  valueHint: "path",
  description: "Socket that gets the master of the container's terminal",
} as const;
const pidFile = { type: "string", valueHint: "path", description: "File to write the process id to" } as const;
const preserveFds = { type: "int", description: "Pass that many file descriptors on, besides standard input, output and error" } as const;

const creating = {
  bundle,
  "console-socket": consoleSocket,
  "pid-file": pidFile,
  "no-new-keyring": { type: "boolean", description: "Keep the caller's session keyring" },
  "preserve-fds": preserveFds,
} as const satisfies FlagDefs;

export const runtimeCommands: readonly Command[] = [
  command({
    meta: { name: "create", description: "Create a container from a bundle" },
    usage: "[OPTIONS] CONTAINER",
    positionals: [1, 1],
    args: creating,
    load: () => import("../runtime/create.ts"),
  }),
  command({
    meta: { name: "start", description: "Run the program of a created container" },
    usage: "CONTAINER",
    positionals: [1, 1],
    args: {},
    load: () => import("../runtime/start.ts"),
  }),
  command({
    meta: { name: "run", description: "Create and start a container" },
    usage: "[OPTIONS] CONTAINER",
    positionals: [1, 1],
    args: {
      ...creating,
      detach: { type: "boolean", alias: "d", description: "Do not wait for the container's end" },
      keep: { type: "boolean", description: "Do not delete the container at its end" },
    },
    load: () => import("../runtime/run.ts"),
  }),
  command({
    meta: { name: "exec", description: "Run a program in a container" },
    usage: "[OPTIONS] CONTAINER [COMMAND] [ARG...]",
    positionals: [1, Number.POSITIVE_INFINITY],
    stopAtFirst: true,
    args: {
      "additional-gids": { type: "list", alias: "g", description: "Additional group ids" },
      cap: { type: "list", alias: "c", description: "Add a capability to the process" },
      cgroup: { type: "string", valueHint: "path", description: "Cgroup below the container's own to run in" },
      "console-socket": consoleSocket,
      cwd: { type: "string", description: "Working directory in the container" },
      detach: { type: "boolean", alias: "d", description: "Do not wait for the process's end" },
      env: { type: "list", alias: "e", description: "Set an environment variable" },
      "ignore-paused": { type: "boolean", description: "Allow it in a paused container" },
      "process-label": { type: "string", valueHint: "label", description: "SELinux label of the process" },
      apparmor: { type: "string", valueHint: "profile", description: "AppArmor profile of the process" },
      "no-new-privs": { type: "boolean", description: "Set no_new_privs" },
      "pid-file": pidFile,
      "preserve-fds": preserveFds,
      process: { type: "string", alias: "p", valueHint: "path", description: "File with the process as in config.json" },
      tty: { type: "boolean", alias: "t", description: "Allocate a terminal" },
      user: { type: "string", alias: "u", valueHint: "uid[:gid]", description: "User and group ids" },
    },
    load: () => import("../runtime/exec.ts"),
  }),
  command({
    meta: { name: "state", description: "Show the state of a container" },
    usage: "CONTAINER",
    positionals: [1, 1],
    args: {},
    load: () => import("../runtime/state.ts"),
  }),
  command({
    meta: { name: "list", description: "List containers" },
    usage: "[OPTIONS]",
    positionals: [0, 0],
    args: {
      format: { type: "string", alias: "f", description: '"table" or "json"' },
      quiet: { type: "boolean", alias: "q", description: "Show ids only" },
    },
    load: () => import("../runtime/list.ts"),
  }),
  command({
    meta: { name: "kill", description: "Send a signal to a container" },
    usage: "[OPTIONS] CONTAINER [SIGNAL]",
    positionals: [1, 2],
    args: { all: { type: "boolean", alias: "a", description: "Send it to all processes of the container" } },
    load: () => import("../runtime/kill.ts"),
  }),
  command({
    meta: { name: "delete", description: "Delete a container that does not run" },
    usage: "[OPTIONS] CONTAINER",
    positionals: [1, 1],
    args: { force: { type: "boolean", alias: "f", description: "Kill it first if it runs" } },
    load: () => import("../runtime/delete.ts"),
  }),
  command({
    meta: { name: "ps", description: "Show the processes of a container" },
    usage: "[OPTIONS] CONTAINER [PS OPTION...]",
    positionals: [1, Number.POSITIVE_INFINITY],
    stopAtFirst: true,
    args: { format: { type: "string", alias: "f", description: '"table" or "json"' } },
    load: () => import("../runtime/ps.ts"),
  }),
  command({
    meta: { name: "pause", description: "Suspend all processes of a container" },
    usage: "CONTAINER",
    positionals: [1, 1],
    args: {},
    load: () => import("../runtime/pause.ts"),
  }),
  command({
    meta: { name: "resume", description: "Resume all processes of a container" },
    usage: "CONTAINER",
    positionals: [1, 1],
    args: {},
    load: () => import("../runtime/resume.ts"),
  }),
  command({
    meta: { name: "events", description: "Show what a container uses, and when it runs out of memory" },
    usage: "[OPTIONS] CONTAINER",
    positionals: [1, 1],
    args: {
      interval: { type: "string", valueHint: "duration", description: 'Time between two reports (default "5s")' },
      stats: { type: "boolean", description: "Show one report and quit" },
    },
    load: () => import("../runtime/events.ts"),
  }),
  command({
    meta: { name: "update", description: "Change the limits of a container" },
    usage: "[OPTIONS] CONTAINER",
    positionals: [1, 1],
    args: {
      resources: {
        type: "string",
        alias: "r",
        valueHint: "path",
        description: 'File with linux.resources as in config.json, "-" for standard input; other options count for nothing then',
      },
      "blkio-weight": { type: "int", description: "Weight of block I/O, 10 to 1000" },
      "cpu-period": { type: "int", description: "Period of the limit on CPU time, in microseconds" },
      "cpu-quota": { type: "int", description: "CPU time in a period, in microseconds; -1 for no limit" },
      "cpu-burst": { type: "int", description: "CPU time that may be saved up for later, in microseconds" },
      "cpu-rt-period": { type: "int", description: "Period of the limit on realtime CPU time, in microseconds" },
      "cpu-rt-runtime": { type: "int", description: "Realtime CPU time in a period, in microseconds" },
      "cpu-share": { type: "int", description: "CPU shares, relative to other containers" },
      "cpuset-cpus": { type: "string", description: "CPUs to use (0-3, 0,1)" },
      "cpuset-mems": { type: "string", description: "Memory nodes to use" },
      memory: { type: "bytes", description: "Memory limit; -1 for none" },
      "memory-reservation": { type: "bytes", description: "Memory that is left when memory is short" },
      "memory-swap": { type: "bytes", description: "Limit on memory and swap together; -1 for none" },
      "pids-limit": { type: "int", description: "Limit on processes; -1 for none" },
      "cpu-idle": { type: "int", description: "1 runs it only when nothing else does" },
      "l3-cache-schema": { type: "string", valueHint: "lines", description: "L3 cache of its class of service (L3:0=ff;1=f)" },
      "mem-bw-schema": { type: "string", valueHint: "line", description: "Memory bandwidth of its class of service (MB:0=20;1=70)" },
    },
    load: () => import("../runtime/update.ts"),
  }),
  command({
    meta: { name: "spec", description: "Write a new config.json" },
    usage: "[OPTIONS]",
    positionals: [0, 0],
    args: { bundle, rootless: { type: "boolean", description: "For an ordinary user" } },
    load: () => import("../runtime/spec.ts"),
  }),
  command({
    meta: { name: "features", description: "Show what the runtime and this kernel can do" },
    usage: "",
    positionals: [0, 0],
    args: {},
    load: () => import("../runtime/features.ts"),
  }),
];

export const runtimeFlags = {
  debug: { type: "boolean", description: "Log more" },
  log: { type: "string", valueHint: "path", description: "File for messages; standard error when absent" },
  "log-format": { type: "string", description: '"text" or "json" (default "text")' },
  root: { type: "string", valueHint: "dir", description: "Folder for the state of containers" },
  rootless: { type: "string", valueHint: "bool", description: '"true", "false" or "auto": it is always found out', hidden: true },
  "systemd-cgroup": { type: "boolean", description: "Let systemd make the cgroup: cgroupsPath is slice:prefix:name" },
  version: { type: "boolean", alias: "v", description: "Print version information and quit" },
} as const satisfies FlagDefs;
