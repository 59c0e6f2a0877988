/** The verbs on one container: exec, start, stop, kill, rm; and what only reads: ps, inspect, --version, --help, completion. */
import type { Budget, Case } from "../case.ts";
import { type Engine, engines, IMAGE } from "../engines.ts";
import { type Contender, run } from "../measure.ts";

const NAME = "hoy-bench-one";
const OTHERS = ["docker", "podman"];
const FLAGS = ["--network", "none", "--stop-signal", "KILL", "--name", NAME];

const forget = (engine: Engine): Promise<unknown> => engine.call("rm", "-f", NAME).catch(() => undefined);

type Sample = (engine: Engine) => Promise<number>;

/** A case of one verb; `sample` brings the container into the state before, measures, and leaves none behind. */
const verb = (name: string, budgets: readonly Budget[], sample: Sample): Case => ({
  name,
  unit: "ms",
  rounds: 15,
  budgets,
  prepare: async (field) => ({
    contenders: engines(field).map(
      (engine): Contender => ({
        name: engine.name,
        sample: async () => {
          await forget(engine);
          const ms = await sample(engine);
          await forget(engine);
          return ms;
        },
      }),
    ),
  }),
});

const create = (engine: Engine) => engine.call("create", ...FLAGS, IMAGE, "sleep", "600");
const start = (engine: Engine) => engine.call("run", "-d", ...FLAGS, IMAGE, "sleep", "600");
const faster: Budget[] = [{ ratio: 0.3, fasterOf: OTHERS }];

/** Like `verb`, over one container that runs all the time. */
const onRunning = (name: string, budgets: readonly Budget[], args: readonly string[]): Case => ({
  name,
  unit: "ms",
  rounds: 20,
  budgets,
  async prepare(field) {
    const all = engines(field);
    for (const engine of all) {
      await forget(engine);
      await start(engine);
    }
    return {
      contenders: all.map((engine) => ({ name: engine.name, sample: async () => (await engine.call(...args)).ms })),
      end: async () => {
        for (const engine of all) await forget(engine);
      },
    };
  },
});

const cpu = (name: string, args: readonly string[], others: readonly string[]): Case => ({
  name,
  unit: "ms CPU",
  rounds: 20,
  budgets: [{ atMost: 20 }],
  prepare: async (field) => ({
    contenders: engines(field)
      .filter((engine) => engine.name === "hoy" || others.includes(engine.name))
      .map((engine) => ({ name: engine.name, sample: async () => (await engine.call(...args)).cpuMs })),
  }),
});

export const lifecycleCases: readonly Case[] = [
  onRunning("exec", [{ ratio: 0.22, to: "docker" }], ["exec", NAME, "true"]),
  verb("start", faster, async (engine) => {
    await create(engine);
    return (await engine.call("start", NAME)).ms;
  }),
  verb("stop", faster, async (engine) => {
    await start(engine);
    return (await engine.call("stop", NAME)).ms;
  }),
  verb("kill", faster, async (engine) => {
    await start(engine);
    return (await engine.call("kill", NAME)).ms;
  }),
  verb("rm", [{ ratio: 1, fasterOf: OTHERS }], async (engine) => {
    await create(engine);
    return (await engine.call("rm", NAME)).ms;
  }),
  onRunning("ps", [{ ratio: 1, to: "docker" }], ["ps"]),
  onRunning("inspect", [{ ratio: 1, to: "docker" }], ["inspect", NAME]),
  cpu("version", ["--version"], OTHERS),
  cpu("help", ["--help"], OTHERS),
  {
    name: "completion",
    unit: "ms CPU",
    rounds: 20,
    budgets: [{ atMost: 20 }],
    prepare: async ({ hoy, docker }) => ({
      contenders: [
        { name: "hoy", sample: async () => (await hoy.call("__complete", "run", "--net")).cpuMs },
        ...(docker ? [{ name: "docker", sample: async () => (await run(["docker", "__complete", "run", "--net"])).cpuMs }] : []),
      ],
    }),
  },
];
