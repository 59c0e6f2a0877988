/** `--filter` of container lists, by Docker's rules (moby daemon/list.go): values of one name are alternatives, names add up. */
import { HoyError } from "../../spec/error.ts";
import { canonical, parseTagged } from "../../spec/reference.ts";
import type { Store } from "../../state/store.ts";
import { findImage } from "../../storage/images.ts";
import { booleanFilter, checkFilterNames, type Filters, matchesLabel, matchesPattern } from "../filters.ts";
import { findContainer } from "./find.ts";
import { parsePorts, portName } from "./ports.ts";
import type { ContainerRow } from "./row.ts";
import type { ContainerState } from "./state.ts";

export interface Listed {
  row: ContainerRow;
  state: ContainerState;
}

export type ContainerTest = (listed: Listed) => boolean;

const STATES = new Set(["created", "running", "paused", "restarting", "removing", "exited", "dead"]);

const HEALTH = new Set(["none", "starting", "healthy", "unhealthy"]);

const invalidValue = (name: string, value: string): HoyError => new HoyError(`invalid filter '${name}=${value}'`, { status: 400 });

/** `80`, `80/udp`, `8000-8010/tcp`. */
function portsOf(name: string, value: string): string[] {
  const ports = parsePorts(value);
  if (ports.length === 0) throw invalidValue(name, value);
  return ports.map(portName);
}

type Maker = (store: Store, values: readonly string[]) => ContainerTest;

const MAKERS: Readonly<Record<string, Maker>> = {
  id:
    (_, values) =>
    ({ row }) =>
      values.some((value) => row.id.startsWith(value) || matchesPattern(value, row.id)),
  name:
    (_, values) =>
    ({ row }) =>
      values.some((value) => matchesPattern(value, row.name) || matchesPattern(value, `/${row.name}`)),
  label:
    (_, values) =>
    ({ row }) =>
      values.every((value) => matchesLabel(value, row.options.config.Labels)),
  status: (_, values) => {
    for (const value of values) if (!STATES.has(value)) throw invalidValue("status", value);
    return ({ state }) => values.includes(state.status);
  },
  exited: (_, values) => {
    for (const value of values) if (!/^-?\d+$/.test(value)) throw invalidValue("exited", value);
    return ({ state }) => state.status === "exited" && values.some((value) => Number(value) === state.exitCode);
  },
  ancestor: (store, values) => {
    const ids = new Set(values.map((value) => imageId(store, value)));
    return ({ row }) => (row.imageId !== null && ids.has(row.imageId)) || values.includes(row.image);
  },
  volume:
    (_, values) =>
    ({ row }) =>
      row.options.mounts.some(
        ({ type, source, target }) => type !== "tmpfs" && values.some((value) => value === source || value === target),
      ),
  network: (store, values) => {
    const names = new Set(values.map((value) => networkName(store, value)));
    return ({ row }) => names.has(row.options.hostConfig.NetworkMode);
  },
  // hoy runs no health checks: every container is one without
  health: (_, values) => {
    for (const value of values) if (!HEALTH.has(value)) throw invalidValue("health", value);
    return () => values.includes("none");
  },
  expose: (_, values) => {
    const wanted = new Set(values.flatMap((value) => portsOf("expose", value)));
    return ({ row }) =>
      Object.keys(row.options.config.ExposedPorts ?? {}).some((text) => parsePorts(text).some((port) => wanted.has(portName(port))));
  },
  // hoy publishes no ports yet
  publish: (_, values) => {
    for (const value of values) portsOf("publish", value);
    return () => false;
  },
  // tasks are Swarm's
  "is-task": (_, values) => {
    const wanted = booleanFilter(new Map([["is-task", values]]), "is-task");
    return () => wanted === false;
  },
  before: (store, values) => {
    const { created } = findContainer(store, values.at(-1) as string);
    return ({ row }) => row.created < created;
  },
  since: (store, values) => {
    const { created } = findContainer(store, values.at(-1) as string);
    return ({ row }) => row.created > created;
  },
};

export const CONTAINER_FILTERS: readonly string[] = Object.keys(MAKERS);

/** Undefined for what names no image: nothing descends from it. */
function imageId(store: Store, name: string): string | undefined {
  try {
    return findImage(store, { name, reference: canonical(parseTagged(name)) })?.id;
  } catch (error) {
    // an id in full is no reference, and half a name fits no image
    if (error instanceof HoyError) return findImage(store, { name })?.id;
    throw error;
  }
}

/** Networks may be named by a beginning of their id. */
function networkName(store: Store, name: string): string {
  const row = store.db.query("SELECT name FROM networks WHERE name = ?1 OR id = ?1 ORDER BY name = ?1 DESC").get(name);
  if (row) return (row as { name: string }).name;
  const byId = store.db.query("SELECT name FROM networks WHERE substr(id, 1, length(?1)) = ?1").all(name) as { name: string }[];
  return byId.length === 1 ? (byId[0] as { name: string }).name : name;
}

/** One test for all filters. Throws HoyError `invalid filter 'x'`. */
export function containerTest(store: Store, filters: Filters): ContainerTest {
  checkFilterNames(filters, CONTAINER_FILTERS);
  const tests = [...filters].map(([name, values]) => (MAKERS[name] as Maker)(store, values));
  return (listed) => tests.every((test) => test(listed));
}
