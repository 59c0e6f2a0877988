/** `stop` and `kill`. */
import type { Fd } from "../../../ffi/fd.ts";
import { parseSignal } from "../../runtime/signals.ts";
import { HoyError } from "../../spec/error.ts";
import { forGood, forThisBoot, type Store } from "../../state/store.ts";
import { recordContainer } from "./events.ts";
import { finishContainer, isAlive, readExit } from "./finish.ts";
import { thaw } from "./freeze.ts";
import { guardContainer } from "./guard.ts";
import { type ContainerRow, rowById } from "./row.ts";
import { notRunning, openProcess, sendSignal, waitEnd } from "./signal.ts";
import { containerState } from "./state.ts";
import { sweepSometimes } from "./sweep-sometimes.ts";

const SIGKILL = 9;
const DEFAULT_TIMEOUT_S = 10;
/** How long a killed container may take to be gone: its processes may hang in the kernel. */
const KILL_TIMEOUT_MS = 10_000;
/** How long a monitor may take to leave after its container's end: a second for listeners that do not read, and some more. */
const LEAVING_MS = 3_000;

export interface StopRequest {
  /** Name or number; the container's own (`--stop-signal`, STOPSIGNAL) when absent. */
  signal?: string | undefined;
  /** Seconds until SIGKILL; -1 for ever. */
  timeout?: number | undefined;
}

/** Stops the container and waits for its end; nothing to do when it does not run. Throws HoyError. */
export async function stopContainer(store: Store, id: string, request: StopRequest): Promise<void> {
  await stopGuarded(store, id, request);
  await sweepSometimes(store);
}

async function stopGuarded(store: Store, id: string, request: StopRequest): Promise<void> {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  if (row) await stopRow(store, row, request);
}

/** The same for a caller that holds the container's lock, and sweeps itself. */
export async function stopRow(store: Store, row: ContainerRow, request: StopRequest): Promise<void> {
  forThisBoot(store);
  const waited = cancelRestart(store, row);
  // also when it has just ended, and nobody has done what follows yet
  if (row.state === "running") markStopped(store, row);
  using process = openProcess(store, row);
  if (process) {
    const signal = parseSignal(request.signal ?? row.options.config.StopSignal ?? "SIGTERM");
    const seconds = request.timeout ?? row.options.config.StopTimeout ?? DEFAULT_TIMEOUT_S;
    await signalProcess(store, row, { process, signal });
    thaw(store, row);
    if (!waitEnd(process, seconds < 0 ? -1 : seconds * 1000)) await killNow(store, row, process);
  }
  await settle(store, row);
  if (process || waited) store.db.transaction(() => recordContainer(store, row, "stop")).immediate();
}

/** From here on no policy starts it again, not after a reboot either. Before the signal is sent: whoever sees the end has to know. */
function markStopped(store: Store, row: ContainerRow): void {
  row.stopped = true;
  if (row.options.hostConfig.RestartPolicy.Name === "no") return;
  forGood(store);
  store.db.query("UPDATE containers SET stopped = 1 WHERE id = ?").run(row.id);
  forThisBoot(store);
}

/** Ends the wait for a restart; false when it does not wait. The caller holds the container's lock. */
function cancelRestart(store: Store, row: ContainerRow): boolean {
  if (row.state !== "restarting") return false;
  forGood(store);
  store.db.query("UPDATE containers SET state = 'exited', stopped = 1 WHERE id = ? AND state = 'restarting'").run(row.id);
  row.state = "exited";
  forThisBoot(store);
  return true;
}

/** Kills every process of the container and waits. The caller holds its lock. */
export async function killAndSettle(store: Store, row: ContainerRow): Promise<void> {
  row.stopped = true;
  using process = openProcess(store, row);
  if (process) await killNow(store, row, process);
  await settle(store, row);
}

async function killNow(store: Store, row: ContainerRow, process: Fd): Promise<void> {
  await signalProcess(store, row, { process, signal: SIGKILL });
  // what v1's freezer holds dies only when it is let go
  thaw(store, row);
  waitEnd(process, KILL_TIMEOUT_MS);
}

/** Through the runtime that made it: what it shows as the first process may be more than one. False when it has just ended. */
async function signalProcess(store: Store, row: ContainerRow, { process, signal }: { process: Fd; signal: number }): Promise<boolean> {
  if (!row.options.runtime) return sendSignal(process, signal);
  const { callRuntime } = await import("./other-runtime.ts");
  try {
    callRuntime(store, row, "kill", row.id, String(signal));
    return true;
  } catch (error) {
    // a runtime that is not there any more can keep nobody from ending its containers
    if (waitEnd(process, 0)) return false;
    if (signal === SIGKILL) return sendSignal(process, signal);
    throw error;
  }
}

/** Once the process has ended: waits until the monitor has written its record and the last output, then brings everything in order. */
async function settle(store: Store, row: ContainerRow): Promise<void> {
  if (row.state !== "running") return;
  await monitorLeaves(store, row);
  if (!readExit(store, row.id) && isAlive(store, row.id))
    throw new HoyError(`container ${row.name} did not end after SIGKILL`, {
      hint: "a process of it hangs in the kernel: see its state with ps",
    });
  await finishContainer(store, row);
}

async function monitorLeaves(store: Store, row: ContainerRow): Promise<void> {
  for (const deadline = Date.now() + LEAVING_MS; isAlive(store, row.id) && Date.now() < deadline; ) await Bun.sleep(1);
}

/** Sends a signal to a running container. Throws HoyError when it does not run. */
export async function signalContainer(store: Store, row: ContainerRow, signal: string): Promise<void> {
  using _process = await sendToContainer(store, row, parseSignal(signal)); // none where a restart was called off
}

/** The same; after SIGKILL it waits for the end, so that the container can be removed next. */
export async function killContainer(store: Store, row: ContainerRow, signal: string): Promise<void> {
  const number = parseSignal(signal);
  using process = await sendToContainer(store, row, number);
  if (number !== SIGKILL || !process) return;
  waitEnd(process, KILL_TIMEOUT_MS);
  // without the lock: a `stop` that has it waits for the same end, and an attached `run` needs it to let its monitor go
  await monitorLeaves(store, row);
  using _guard = guardContainer(store, row.id);
  const now = rowById(store, row.id);
  if (now?.pid === row.pid) await settle(store, now);
}

/** Signals that ask a container to end, besides its own: after them it stays ended. SIGINT and SIGQUIT are typed at a terminal. */
const ENDING: ReadonlySet<number> = new Set([2, 3, SIGKILL, 15]);

const asksToEnd = ({ options }: ContainerRow, signal: number): boolean =>
  ENDING.has(signal) || (options.config.StopSignal !== undefined && signal === parseSignal(options.config.StopSignal));

/** The process; undefined when the container waited for its restart, which is called off. */
async function sendToContainer(store: Store, found: ContainerRow, signal: number): Promise<Fd | undefined> {
  using held = new DisposableStack();
  const isEnd = asksToEnd(found, signal);
  const row = isEnd && found.state === "restarting" ? callOffRestart(store, found) : found;
  if (!row) return undefined;
  // its end may not have been recorded yet
  if (isEnd && isDueForRestart(store, row)) {
    markStopped(store, row);
    return undefined;
  }
  if (isEnd && row.state === "running") markStopped(store, row);
  const process = openProcess(store, row);
  if (process) held.use(process);
  if (!process || !(await signalProcess(store, row, { process, signal }))) throw notRunning(row);
  forThisBoot(store);
  // as dockerd: a paused container goes on for a signal that may end it
  const { StopSignal } = row.options.config;
  if (!StopSignal || signal === SIGKILL || signal === parseSignal(StopSignal)) thaw(store, row);
  store.db.transaction(() => recordContainer(store, row, "kill", { signal: String(signal) })).immediate();
  held.move();
  return process;
}

/** Calls the restart off; when it has just happened, the row as it is now. A start that is under way is waited for. */
function callOffRestart(store: Store, { id }: ContainerRow): ContainerRow | undefined {
  using _guard = guardContainer(store, id);
  const row = rowById(store, id);
  return !row || cancelRestart(store, row) ? undefined : row;
}

const isDueForRestart = (store: Store, row: ContainerRow): boolean =>
  row.options.hostConfig.RestartPolicy.Name !== "no" && containerState(store, row).status === "restarting";
