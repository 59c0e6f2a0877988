/** systemd's manager over D-Bus (org.freedesktop.systemd1(5)): scopes are started, changed and stopped. */
import { EACCES, EPERM, SysError } from "../../../ffi/errno.ts";
import { HoyError } from "../../spec/error.ts";
import { type Address, systemAddresses, userAddresses } from "./address.ts";
import { BUS, Bus, BusError, type Call } from "./bus.ts";
import type { Property } from "./properties.ts";

const SYSTEMD = {
  path: "/org/freedesktop/systemd1",
  interface: "org.freedesktop.systemd1.Manager",
  destination: "org.freedesktop.systemd1",
} as const;

const UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists";
const NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit";
/** Some of systemd's versions say it with this one. */
const NOT_LOADED = "org.freedesktop.systemd1.UnitNotLoaded";

/** The longest path of a socket (unix(7)). */
const LONGEST_PATH = 107;
/** How long a unit of the same name, whose processes are gone, may take to go. */
const PATIENCE_MS = 5000;

/** A job that systemd has been asked for. */
export interface Job {
  /** Waits until it is done. Throws HoyError when systemd refuses or it fails. */
  wait(): void;
}

export class Manager implements Disposable {
  #version: number | undefined;

  private constructor(readonly bus: Bus) {}

  /** The machine's manager, or that of the user with this id on the host; undefined where none can be reached. */
  static open(user: number | undefined): Manager | undefined {
    const addresses = user === undefined ? systemAddresses(process.env) : userAddresses(process.env, user);
    for (const address of addresses) {
      const bus = openBus(address);
      if (bus) return new Manager(bus);
    }
    return undefined;
  }

  #call(member: string, signature = "", body: Call["body"] = []): readonly unknown[] {
    return this.bus.call({ ...SYSTEMD, member, signature, body });
  }

  /** The number before all dots and suffixes: 252 of "252.38-1~deb12u1". */
  get version(): number {
    if (this.#version === undefined) {
      const call = { ...SYSTEMD, interface: "org.freedesktop.DBus.Properties", member: "Get", signature: "ss" };
      const [value] = this.bus.call({ ...call, body: [SYSTEMD.interface, "Version"] }) as unknown as [{ value: string }];
      this.#version = Number(/\d+/.exec(value.value)?.[0] ?? 0);
    }
    return this.#version;
  }

  /** Asks for a transient scope and returns at once. */
  startScope(unit: string, properties: readonly Property[]): Job {
    const call: Call = { ...SYSTEMD, member: "StartTransientUnit", signature: "ssa(sv)a(sa(sv))" };
    const request: Call = { ...call, body: [unit, "fail", properties.map(([name, value]) => [name, value]), []] };
    const first = this.bus.send(request);
    return { wait: () => this.#finish(unit, request, first) };
  }

  #finish(unit: string, request: Call, first: number): void {
    const deadline = Date.now() + PATIENCE_MS;
    for (let serial = first; ; serial = this.bus.send(request)) {
      try {
        this.#expectDone(this.bus.answer(serial)[0] as string, `start ${unit}`);
        return;
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        // an earlier one, whose end systemd has not looked at yet, or that failed
        if (error.errorName !== UNIT_EXISTS || Date.now() > deadline) throw refused(`start ${unit}`, error);
        this.resetFailed(unit);
        Bun.sleepSync(10);
      }
    }
  }

  /** Signals of jobs that others asked for may come between. */
  #expectDone(job: string, step: string): void {
    const { body } = this.bus.signal(({ member, body: [, path] }) => member === "JobRemoved" && path === job);
    const result = body[3];
    if (result !== "done") throw new HoyError(`systemd could not ${step}: ${result}`, { hint: "journalctl may tell why" });
  }

  /** Changes properties until the next boot. Throws HoyError: none has changed then. */
  setProperties(unit: string, properties: readonly Property[]): void {
    if (properties.length === 0) return;
    try {
      this.#call("SetUnitProperties", "sba(sv)", [unit, true, properties.map(([name, value]) => [name, value])]);
      // the answer comes before the cgroup's files are written, that to the next call after
      this.#call("GetUnit", "s", [unit]);
    } catch (error) {
      throw error instanceof BusError ? refused(`change ${unit}`, error) : error;
    }
  }

  /** Stops the unit, which kills what is left in it, and forgets that it failed. One that is not there is no error. */
  stop(unit: string): void {
    try {
      const [job] = this.#call("StopUnit", "ss", [unit, "replace"]);
      this.bus.signal(({ member, body: [, path] }) => member === "JobRemoved" && path === job);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      if (error.errorName !== NO_SUCH_UNIT && error.errorName !== NOT_LOADED) throw refused(`stop ${unit}`, error);
    }
    this.resetFailed(unit);
  }

  resetFailed(unit: string): void {
    try {
      this.#call("ResetFailedUnit", "s", [unit]);
    } catch (error) {
      if (!(error instanceof BusError)) throw error; // it did not fail, or is gone
    }
  }

  [Symbol.dispose](): void {
    this.bus[Symbol.dispose]();
  }
}

function refused(step: string, error: BusError): HoyError {
  return new HoyError(`systemd refuses to ${step}: ${error.message}`, { cause: error });
}

/** Undefined for one that nobody serves, that we may not use, or behind which there is no systemd. */
function openBus(address: Address): Bus | undefined {
  if (Buffer.byteLength(address.path) > LONGEST_PATH) return undefined;
  let bus: Bus | undefined;
  try {
    bus = Bus.open(address.path, address);
    if (!bus || address.direct) return bus;
    const rule = `type='signal',interface='${SYSTEMD.interface}',member='JobRemoved',path='${SYSTEMD.path}'`;
    bus.call({ ...BUS, member: "AddMatch", signature: "s", body: [rule] });
    // without a subscriber systemd is silent on a bus; to its private socket it always tells
    bus.call({ ...SYSTEMD, member: "Subscribe" });
    return bus;
  } catch (error) {
    bus?.[Symbol.dispose]();
    if (error instanceof BusError) return undefined;
    if (error instanceof SysError && (error.errno === EACCES || error.errno === EPERM)) return undefined;
    throw error;
  }
}
