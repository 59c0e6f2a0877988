/**
 * Hooks in the start of a container (runtime.md, "Lifecycle"), which CDI devices bring along: the runtime's, run at the same moments
 * as `hoy runtime` does. Loaded only for containers that have some.
 */
import { join } from "node:path";
import { check } from "../../../ffi/errno.ts";
import { Fd } from "../../../ffi/fd.ts";
import { mkdirSync, readFileSync } from "../../../ffi/fs.ts";
import { sys } from "../../../ffi/libc.ts";
import { NR } from "../../../ffi/syscalls.ts";
import { PlayerSlot } from "../../../ffi/tape.ts";
import { ownNamespaces } from "../../runtime/oci/create.ts";
import { type HookName, runHooks } from "../../runtime/oci/hooks.ts";
import { stateOf } from "../../runtime/oci/state.ts";
import { type Script, waitForWord } from "../../runtime/plan/init.ts";
import type { Monitor } from "../../runtime/start.ts";
import { HoyError } from "../../spec/error.ts";
import { parseExact } from "../../spec/json.ts";
import type { Spec } from "../../spec/runtime.ts";
import type { Store } from "../../state/store.ts";
import { type ContainerRow, dataFolder } from "./row.ts";

export interface ContainerHooks {
  /** Where the first process waits. */
  readonly script: Script;
  /** `root.path` of the spec, below the bundle: where hooks in the container's namespaces find its root. */
  readonly mountpoint: string;
  /** prestart, createRuntime and createContainer, once all is mounted. Throws HoyError. */
  whenMounted(monitor: Monitor, pid: number): Promise<void>;
  /** startContainer. Throws HoyError. */
  beforeStart(monitor: Monitor, pid: number): Promise<void>;
  /** poststart: what goes wrong there is only told. */
  afterStart(pid: number, warn: (text: string) => void): Promise<void>;
}

const S_MOUNTED = 5;

const script: Script = {
  begin() {},
  mounted({ tape, part }) {
    const word = tape.bytes(new Uint8Array(new Int32Array([S_MOUNTED, 0, 0]).buffer));
    part.op("tell that all is mounted", NR.write, [PlayerSlot.sync, word, 12]);
    part.op("wait for the hooks", NR.read, [PlayerSlot.sync, tape.space(8), 1], { expect: 1 });
  },
  ready: waitForWord,
};

/** Throws HoyError for a container in which hooks cannot be run. */
export function containerHooks(store: Store, row: ContainerRow, spec: Spec): ContainerHooks {
  if (row.options.idMaps)
    throw new HoyError("the hooks of a CDI device cannot be run in a user namespace of the container's own", {
      status: 400,
      hint: "leave out --userns",
    });
  const bundle = dataFolder(store, row.id);
  const mountpoint = join(bundle, spec.root?.path ?? "rootfs");
  mkdirSync(mountpoint, { recursive: true, mode: 0o700 });
  const run = (name: HookName, pid: number, status: "creating" | "created" | "running", process?: Fd): Promise<void> =>
    runHooks(spec, name, stateOf({ id: row.id, pid, bundle }, spec, status), process && { process, namespaces: ownNamespaces(spec) });
  const inside = async (name: HookName, pid: number, status: "creating" | "created"): Promise<void> => {
    using process = new Fd(check(sys(NR.pidfd_open, pid, 0), "open the container's first process"));
    await run(name, pid, status, process);
  };
  return {
    script,
    mountpoint,
    async whenMounted(monitor, pid) {
      monitor.mounted();
      await run("prestart", pid, "creating");
      await run("createRuntime", pid, "creating");
      await inside("createContainer", pid, "creating");
      monitor.word();
    },
    async beforeStart(monitor, pid) {
      monitor.ready();
      await inside("startContainer", pid, "created");
    },
    async afterStart(pid, warn) {
      try {
        await run("poststart", pid, "running");
      } catch (error) {
        warn((error as Error).message);
      }
    },
  };
}

/** poststop of a container that has ended; there is nobody left to hear of what goes wrong. */
export async function runPoststop(store: Store, row: ContainerRow): Promise<void> {
  const bundle = dataFolder(store, row.id);
  try {
    const spec = parseExact(readFileSync(join(bundle, "config.json"), "utf8")) as Spec;
    await runHooks(spec, "poststop", stateOf({ id: row.id, pid: 0, bundle }, spec, "stopped"));
  } catch {
    // see above
  }
}
