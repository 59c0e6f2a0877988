/** A million lines through the log, and read back. */
import type { Case } from "../case.ts";
import { type Engine, engines, IMAGE } from "../engines.ts";

const LINES = 1_000_000;
const NAME = "hoy-bench-lines";
const forget = (engine: Engine): Promise<unknown> => engine.call("rm", "-f", NAME).catch(() => undefined);

/** Prints and keeps the container; its output goes through the client too. */
async function print(engine: Engine): Promise<number> {
  await forget(engine);
  const { ms, stdout } = await engine.call("run", "--name", NAME, "--network", "none", IMAGE, "seq", String(LINES));
  if (!stdout.endsWith(`\n${LINES}\n`)) throw new Error(`${engine.name} lost lines`);
  return ms;
}

async function read(engine: Engine): Promise<number> {
  const { ms, stdout } = await engine.call("logs", NAME);
  if (!stdout.endsWith(`\n${LINES}\n`)) throw new Error(`${engine.name} lost lines of the log`);
  return ms;
}

export const lineCases: readonly Case[] = [
  {
    name: "lines",
    unit: "ms",
    rounds: 3,
    budgets: [{ ratio: 1, to: "podman" }],
    prepare: async (field) => ({
      contenders: engines(field).map((engine) => ({ name: engine.name, sample: () => print(engine) })),
      end: async () => {
        for (const engine of engines(field)) await forget(engine);
      },
    }),
  },
  {
    name: "logs",
    unit: "ms",
    rounds: 3,
    budgets: [{ ratio: 0.1, to: "docker" }],
    async prepare(field) {
      for (const engine of engines(field)) await print(engine);
      return {
        contenders: engines(field).map((engine) => ({ name: engine.name, sample: () => read(engine) })),
        end: async () => {
          for (const engine of engines(field)) await forget(engine);
        },
      };
    },
  },
];
