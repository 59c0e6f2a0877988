/** `create`. */
import { create } from "../../engine/containers/run.ts";
import { openStore } from "../../engine/store.ts";
import { callerVariable } from "../../spec/caller.ts";
import { HoyError } from "../../spec/error.ts";
import type { Body } from "../define.ts";
import { pullTalk } from "../image/talk.ts";
import { printLine, warn } from "../output/write.ts";
import { warnOfOom } from "./oom-warning.ts";
import { type RunFlags, readRunFlags } from "./options.ts";

/** Docker's exit code for what its client finds wrong; what the engine refuses is 1. */
function clientSide<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof HoyError) || error.exitCode !== undefined) throw error;
    const { message, hint, status } = error;
    throw new HoyError(message, { exitCode: 125, status, cause: error, ...(hint === undefined ? {} : { hint }) });
  }
}

const body: Body = async ({ flags, args }) => {
  const request = clientSide(() => readRunFlags(flags as RunFlags, { words: args, cwd: process.cwd(), lookup: callerVariable }));
  warnOfOom(request.options.hostConfig);
  const row = await create(openStore(), { ...request, onPull: pullTalk(flags.quiet === true), onWarning: warn });
  printLine(row.id);
};

export default body;
