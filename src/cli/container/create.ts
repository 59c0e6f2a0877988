/** `create`. */
import { create } from "../../engine/containers/run.ts";
import { openStore } from "../../engine/store.ts";
import type { Body } from "../define.ts";
import { pullTalk } from "../image/talk.ts";
import { printLine } from "../output/write.ts";
import { warnOfOom } from "./oom-warning.ts";
import { type RunFlags, readRunFlags } from "./options.ts";

const body: Body = async ({ flags, args }) => {
  const request = readRunFlags(flags as RunFlags, { words: args, cwd: process.cwd(), env: process.env });
  warnOfOom(request.options.hostConfig);
  const row = await create(openStore(), { ...request, onPull: pullTalk(flags.quiet === true) });
  printLine(row.id);
};

export default body;
