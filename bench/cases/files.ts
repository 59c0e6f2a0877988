/** `cp` of 200 MB into a running container and out of it, and `commit` of 200 MB changed. */
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Budget, Case } from "../case.ts";
import { type Engine, engines, type Field, IMAGE } from "../engines.ts";

const NAME = "hoy-bench-files";
const BYTES = 200_000_000;
const budgets: Budget[] = [{ ratio: 0.9, fasterOf: ["docker", "podman"] }];

const forget = (engine: Engine): Promise<unknown> => engine.call("rm", "-f", NAME).catch(() => undefined);

/** A case on one running container, with the 200 MB at `file` of the host and, after the first copy, at /big in it. */
const withBig = (name: string, sample: (engine: Engine, file: string) => Promise<number>): Case => ({
  name,
  unit: "ms",
  rounds: 5,
  budgets,
  async prepare(field: Field) {
    const all = engines(field);
    const file = join(field.dir, "big");
    writeFileSync(file, randomBytes(BYTES));
    for (const engine of all) {
      await forget(engine);
      await engine.call("run", "-d", "--network", "none", "--name", NAME, IMAGE, "sleep", "6000");
      await engine.call("cp", file, `${NAME}:/big`);
    }
    return {
      contenders: all.map((engine) => ({ name: engine.name, sample: () => sample(engine, file) })),
      end: async () => {
        for (const engine of all) await forget(engine);
        rmSync(file);
      },
    };
  },
});

export const fileCases: readonly Case[] = [
  withBig("cp-in", async (engine, file) => (await engine.call("cp", file, `${NAME}:/copy`)).ms),
  withBig("cp-out", async (engine, file) => {
    const { ms } = await engine.call("cp", `${NAME}:/big`, `${file}-${engine.name}`);
    rmSync(`${file}-${engine.name}`);
    return ms;
  }),
  withBig("commit", async (engine) => {
    const { ms, stdout } = await engine.call("commit", NAME);
    await engine.call("rmi", stdout.trim());
    return ms;
  }),
];
