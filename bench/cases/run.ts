/** `run --rm … true`, in the foreground and detached. */
import type { Case } from "../case.ts";
import { type Engine, engines, type Field, IMAGE } from "../engines.ts";
import type { Contender } from "../measure.ts";

const runTrue = (engine: Engine, ...flags: string[]): Contender => ({
  name: engine.name,
  sample: async () => (await engine.call("run", "--rm", ...flags, IMAGE, "true")).ms,
});

const bundles = ({ runtimes }: Field): Contender[] =>
  runtimes.map(({ name, run }) => ({ name: `${name} run`, sample: async () => (await run()).ms }));

const runNone: Case = {
  name: "run-none",
  unit: "ms",
  rounds: 20,
  budgets: [
    { ratio: 0.75, to: "runc run" },
    { ratio: 0.08, to: "docker" },
  ],
  prepare: async (field) => ({ contenders: [...engines(field).map((one) => runTrue(one, "--network", "none")), ...bundles(field)] }),
};

const runBridge: Case = {
  name: "run-bridge",
  unit: "ms",
  rounds: 20,
  budgets: [
    { ratio: 0.9, to: "runc run" },
    { ratio: 0.08, to: "docker" },
  ],
  prepare: async (field) => ({ contenders: [...engines(field).map((one) => runTrue(one)), ...bundles(field)] }),
};

const runRootless: Case = {
  name: "run-rootless",
  unit: "ms",
  rounds: 20,
  budgets: [{ ratio: 0.25, to: "podman rootless" }],
  prepare: async ({ hoyRootless, podmanRootless }) => ({
    contenders: [hoyRootless, podmanRootless].filter((one) => one !== undefined).map((one) => runTrue(one, "--network", "none")),
  }),
};

/** Starts `count` containers with at most `width` starting at a time; seconds until the last id is printed. */
async function startMany(engine: Engine, count: number, width: number): Promise<number> {
  const ids: string[] = [];
  const started = performance.now();
  let next = 0;
  const worker = async () => {
    while (next++ < count) ids.push((await engine.call("run", "-d", IMAGE, "sleep", "600")).stdout.trim());
  };
  await Promise.all(Array.from({ length: width }, worker));
  const seconds = (performance.now() - started) / 1000;
  await engine.call("rm", "-f", ...ids);
  return seconds;
}

const detached = (name: string, count: number, width: number): Case => ({
  name,
  unit: "s",
  rounds: 3,
  budgets: [{ ratio: 0.2, fasterOf: ["docker", "podman"] }],
  prepare: async (field) => ({
    contenders: engines(field).map((engine) => ({ name: engine.name, sample: () => startMany(engine, count, width) })),
  }),
});

export const runCases: readonly Case[] = [
  runNone,
  runBridge,
  runRootless,
  detached("detached-10", 10, 1),
  detached("detached-8-at-once", 8, 8),
];
