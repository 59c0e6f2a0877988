/** `attach`. */
import { connectContainer } from "../../engine/containers/connect.ts";
import { findContainer } from "../../engine/containers/find.ts";
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from "../../engine/containers/parse/detach-keys.ts";
import { openStore } from "../../engine/store.ts";
import { isTerminal, terminalSize } from "../../engine/terminal.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, text, truth } from "../define.ts";
import { forward } from "./attached.ts";
import { catchSignals } from "./signals.ts";
import { carryStreams, Input } from "./streams.ts";

const body: Body = async ({ flags, args }) => {
  const store = openStore();
  const row = findContainer(store, args[0] as string);
  const { config } = row.options;
  const stdin = !truth(flags, "no-stdin") && config.OpenStdin;
  if (config.Tty && stdin && !isTerminal(0)) throw new HoyError("the input device is not a TTY", { exitCode: 1 });
  const session = connectContainer(store, row);
  const size = config.Tty ? terminalSize(1) : undefined;
  if (size) session.resize(size.rows, size.columns);
  const end = await carryStreams({
    session,
    tty: config.Tty,
    input: stdin ? new Input(config.Tty, parseDetachKeys(text(flags, "detach-keys") || DEFAULT_DETACH_KEYS)) : undefined,
    stdout: true,
    stderr: true,
    signals:
      flags["sig-proxy"] === false || config.Tty ? undefined : { caught: catchSignals(), act: (name) => forward(store, row.id, name) },
  });
  return end.kind === "exit" ? end.code : 0;
};

export default body;
