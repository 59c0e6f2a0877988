/** What the engine keeps in memory per idle container: the growth of all PSS but the containers' own. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Case } from "../case.ts";
import { type Engine, engines, IMAGE } from "../engines.ts";

const IDLE = 200;
/** Others cost seconds per container: fewer are enough for a mean. */
const IDLE_OTHERS = 20;

/** Command names of the processes that make up each engine. */
const PROCESSES: Record<string, RegExp> = {
  docker: /^(dockerd|containerd|containerd-shim|docker-proxy)/,
  podman: /^(conmon|podman|netavark|aardvark)/,
};

/** kB of PSS of all processes that `mine` says are the engine's. */
function pss(mine: (pid: string) => boolean): number {
  let sum = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (mine(pid)) sum += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // ended while we read
    }
  }
  return sum;
}

/** A monitor is the player's ELF in a memfd, or hoy itself. */
const isHoys = (pid: string): boolean => /\/memfd:|\/hoy( \(deleted\))?$/.test(readlinkSync(`/proc/${pid}/exe`));

const isOf = (engine: Engine): ((pid: string) => boolean) => {
  const pattern = PROCESSES[engine.name];
  return pattern ? (pid) => pattern.test(readFileSync(`/proc/${pid}/comm`, "utf8")) : isHoys;
};

async function perContainer(engine: Engine): Promise<number> {
  const count = engine.name === "hoy" ? IDLE : IDLE_OTHERS;
  const before = pss(isOf(engine));
  const ids: string[] = [];
  try {
    for (let n = 0; n < count; n++) ids.push((await engine.call("run", "-d", "--network", "none", IMAGE, "sleep", "3600")).stdout.trim());
    await Bun.sleep(500);
    return (pss(isOf(engine)) - before) / 1024 / count;
  } finally {
    await engine.call("rm", "-f", ...ids);
  }
}

export const memoryCases: readonly Case[] = [
  {
    name: "memory",
    unit: "MB",
    rounds: 1,
    budgets: [{ atMost: 0.1 }],
    prepare: async (field) => ({
      contenders: engines(field).map((engine) => ({
        name: engine.name,
        // The first round only warms up others: one is enough.
        sample: (round) => (round === 0 ? 0 : perContainer(engine)),
      })),
    }),
  },
];
