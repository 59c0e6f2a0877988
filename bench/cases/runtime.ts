/** `hoy runtime` beside runc: the same bundle, the same words. */
import { dist } from "../../test/harness/build.ts";
import type { Case } from "../case.ts";
import { peakMb, run } from "../measure.ts";

const HOY = [dist(), "runtime"];

interface Side {
  readonly name: string;
  readonly command: readonly string[];
}

const sides = (bundle: string | undefined): Side[] =>
  bundle === undefined
    ? []
    : [
        { name: "hoy runtime", command: HOY },
        { name: "runc", command: ["runc"] },
      ].filter(({ name }) => name !== "runc" || Bun.which("runc") !== null);

/** The same without streams that a container would keep open. */
const quiet = (...command: readonly string[]): string[] => ["sh", "-c", 'exec "$@" > /dev/null 2>&1', "sh", ...command];

let count = 0;
const newId = (): string => `hoy-bench-${process.pid}-r${++count}`;

export const runtimeCases: readonly Case[] = [
  {
    name: "runtime-run",
    unit: "ms",
    rounds: 20,
    budgets: [{ ratio: 0.6, to: "runc" }],
    prepare: async ({ bundle }) => ({
      contenders: sides(bundle?.ends).map(({ name, command }) => ({
        name,
        sample: async () => (await run([...command, "run", "--bundle", bundle?.ends as string, newId()])).ms,
      })),
    }),
  },
  {
    name: "runtime-exec",
    unit: "ms",
    rounds: 20,
    budgets: [{ ratio: 0.7, to: "runc" }],
    prepare: async ({ bundle }) => {
      const both = sides(bundle?.stays).map((side) => ({ ...side, id: newId() }));
      for (const { command, id } of both) await run(quiet(...command, "run", "--detach", "--bundle", bundle?.stays as string, id));
      return {
        contenders: both.map(({ name, command, id }) => ({ name, sample: async () => (await run([...command, "exec", id, "true"])).ms })),
        end: async () => {
          for (const { command, id } of both) await run([...command, "delete", "--force", id]);
        },
      };
    },
  },
  {
    name: "runtime-peak",
    unit: "MB",
    rounds: 5,
    budgets: [{ atMost: 40 }],
    prepare: async ({ bundle }) => ({
      contenders: sides(bundle?.ends).map(({ name, command }) => ({
        name,
        sample: async () => {
          const id = newId();
          try {
            return Math.max(
              await peakMb(quiet(...command, "create", "--bundle", bundle?.stays as string, id)),
              await peakMb([...command, "start", id]),
            );
          } finally {
            await run([...command, "delete", "--force", id]);
          }
        },
      })),
    }),
  },
];
