/** `start`. */
import { connectContainer } from "../../engine/containers/connect.ts";
import { findContainer } from "../../engine/containers/find.ts";
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from "../../engine/containers/parse/detach-keys.ts";
import { startExisting } from "../../engine/containers/start-existing.ts";
import { openStore } from "../../engine/store.ts";
import { terminalSize } from "../../engine/terminal.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, text, truth } from "../define.ts";
import { forEachName } from "../each.ts";
import { runAttached } from "./attached.ts";
import { type CaughtSignals, catchSignals } from "./signals.ts";

const body: Body = async ({ flags, args }) => {
  const store = openStore();
  const attached = truth(flags, "attach") || truth(flags, "interactive");
  if (!attached)
    return forEachName(args, async (name) => {
      await startExisting(store, findContainer(store, name).id, { attached: false });
    });
  if (args.length > 1) throw new HoyError("you cannot start and attach multiple containers at once", { exitCode: 1, status: 400 });
  const found = findContainer(store, args[0] as string);
  const { config } = found.options;
  const stdin = truth(flags, "interactive") && config.OpenStdin;
  let signals: CaughtSignals | undefined;
  const started = await startExisting(store, found.id, {
    attached: true,
    terminalSize: config.Tty ? (terminalSize(1) ?? terminalSize(0)) : undefined,
    onStart: () => {
      if (!(config.Tty && stdin)) signals = catchSignals();
    },
  });
  const running = started ?? { row: found, session: connectContainer(store, found) };
  return await runAttached(store, running, {
    detachKeys: parseDetachKeys(text(flags, "detach-keys") || DEFAULT_DETACH_KEYS),
    signals,
    streams: { stdin, stdout: true, stderr: true },
  });
};

export default body;
