/**
 * `npm run bench [-- NAME… --rounds N]`: hoy beside the engines that are installed, interleaved run by run; medians, ratios and the
 * budgets of the design. A name may be the beginning of one: `run` measures run-none, run-bridge and run-rootless.
 */
import { parseArgs } from "node:util";
import { dist } from "../test/harness/build.ts";
import type { Budget, Case } from "./case.ts";
import { fileCases } from "./cases/files.ts";
import { imageCases } from "./cases/images.ts";
import { lifecycleCases } from "./cases/lifecycle.ts";
import { lineCases } from "./cases/lines.ts";
import { memoryCases } from "./cases/memory.ts";
import { runCases } from "./cases/run.ts";
import { runtimeCases } from "./cases/runtime.ts";
import { gather } from "./engines.ts";
import { interleave, median, type Series } from "./measure.ts";

const CASES: readonly Case[] = [...runCases, ...runtimeCases, ...lifecycleCases, ...memoryCases, ...fileCases, ...imageCases, ...lineCases];

const show = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** `≤ 0.75 × runc run: 0.58 ok`; undefined when there is nobody to compare with. */
function judge(budget: Budget, series: readonly Series[]): string | undefined {
  const medianOf = (name: string): number | undefined => {
    const values = series.find((one) => one.name === name)?.values ?? [];
    return values.length > 0 ? median(values) : undefined;
  };
  const own = medianOf(series[0]?.name ?? "");
  if (own === undefined) return undefined;
  if ("atMost" in budget) return `≤ ${budget.atMost}: ${own <= budget.atMost ? "ok" : "MISSED"}`;
  const names = "to" in budget ? [budget.to] : budget.fasterOf;
  const others = names.map(medianOf).filter((value) => value !== undefined);
  if (others.length === 0) return undefined;
  const ratio = own / Math.min(...others);
  return `≤ ${budget.ratio} × ${names.join("|")}: ${ratio.toFixed(2)} ${ratio <= budget.ratio ? "ok" : "MISSED"}`;
}

function report({ name, unit, budgets }: Case, series: readonly Series[]): void {
  const own = median(series[0]?.values ?? []);
  console.log(`\n${name}`);
  for (const { name: who, values, failure } of series) {
    if (failure !== undefined) console.log(`  ${who.padEnd(16)} failed: ${failure}`);
    else {
      const middle = median(values);
      const range = `${show(Math.min(...values))} … ${show(Math.max(...values))}`;
      console.log(
        `  ${who.padEnd(16)} ${show(middle).padStart(7)} ${unit.padEnd(7)} ${(own / middle).toFixed(2).padStart(6)} ×   ${range}`,
      );
    }
  }
  for (const budget of budgets) {
    const verdict = judge(budget, series);
    if (verdict) console.log(`  budget ${verdict}`);
  }
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string" }, list: { type: "boolean" } },
});
if (flags.list) {
  console.log(CASES.map(({ name }) => name).join("\n"));
  process.exit(0);
}
const chosen = CASES.filter(({ name }) => positionals.length === 0 || positionals.some((prefix) => name.startsWith(prefix)));
if (chosen.length === 0) {
  console.error(`bench: no case is called ${positionals.join(" ")}; --list prints them`);
  process.exit(2);
}

await using field = await gather(dist());
for (const line of field.absent) console.log(`absent: ${line}`);
console.log("median, hoy's ratio to it, range");
for (const one of chosen) {
  const { contenders, end } = await one.prepare(field);
  try {
    if (contenders.length === 0) console.log(`\n${one.name}\n  nobody to measure, see bench/README.md`);
    else report(one, await interleave(contenders, flags.rounds ? Number(flags.rounds) : one.rounds));
  } finally {
    await end?.();
  }
}
