/** `run`. */
import { lingerNotice } from "../../engine/containers/linger.ts";
import { run } from "../../engine/containers/run.ts";
import { openStore } from "../../engine/store.ts";
import { isTerminal, terminalSize } from "../../engine/terminal.ts";
import { callerVariable } from "../../spec/caller.ts";
import { HoyError } from "../../spec/error.ts";
import type { Body } from "../define.ts";
import { asExpected } from "../expected.ts";
import { pullTalk } from "../image/talk.ts";
import { notice } from "../output/notice.ts";
import { printLine, warn } from "../output/write.ts";
import { runAttached } from "./attached.ts";
import { warnOfOom } from "./oom-warning.ts";
import { type RunFlags, readRunFlags } from "./options.ts";
import { type CaughtSignals, catchSignals } from "./signals.ts";

/** Docker's exit code for an error of `run` itself, where the error has no code of its own (126 and 127 are the command's). */
const RUN_FAILED = 125;

function asRunError(error: unknown): unknown {
  const expected = asExpected(error);
  if (expected === undefined || expected.exitCode !== undefined) return error;
  const { message, hint, status } = expected;
  return new HoyError(message, { exitCode: RUN_FAILED, status, cause: error, ...(hint === undefined ? {} : { hint }) });
}

const body: Body = async (call) => {
  try {
    return await start(call);
  } catch (error) {
    throw asRunError(error);
  }
};

async function start({ flags, args, logLevel }: Parameters<Body>[0]): Promise<number> {
  const request = readRunFlags(flags as RunFlags, { words: args, cwd: process.cwd(), lookup: callerVariable });
  const { config } = request.options;
  if (config.Tty && config.AttachStdin && !isTerminal(0))
    throw new HoyError("the input device is not a TTY", { exitCode: 1, hint: "leave out -t, or call it from a terminal" });
  warnOfOom(request.options.hostConfig);
  const store = openStore();
  const streams = { stdin: config.AttachStdin && config.OpenStdin, stdout: config.AttachStdout, stderr: config.AttachStderr };
  // A terminal in raw mode sends its signals as keys.
  const proxied = !request.detach && request.sigProxy && !(config.Tty && streams.stdin);
  let signals: CaughtSignals | undefined;
  const running = await run(
    store,
    { ...request, onPull: pullTalk(flags.quiet === true), onWarning: warn },
    {
      attached: !request.detach,
      terminalSize: config.Tty ? (terminalSize(1) ?? terminalSize(0)) : undefined,
      onStart: () => {
        if (proxied) signals = catchSignals();
      },
    },
  );
  if (request.detach) {
    printLine(running.row.id);
    const linger = lingerNotice(store);
    if (linger) await notice("info", linger, logLevel);
    return 0;
  }
  return await runAttached(store, running, { detachKeys: request.detachKeys, signals, streams });
}

export default body;
