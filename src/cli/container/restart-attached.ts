/** The wait for a restart in the foreground: signals that ask the container to end call it off. */
import { restartWhenDue } from "../../engine/containers/restart-wait.ts";
import type { ContainerRow } from "../../engine/containers/row.ts";
import type { Session } from "../../engine/containers/session.ts";
import type { Store } from "../../engine/store.ts";
import { terminalSize } from "../../engine/terminal.ts";
import type { CaughtSignals } from "./signals.ts";

interface Waiting {
  caught: CaughtSignals;
  act: (name: string) => void;
}

/** The session of the next run; undefined when there is none, or somebody else has begun it. */
export async function restartAttached(store: Store, row: ContainerRow, { caught, act }: Waiting): Promise<Session | undefined> {
  try {
    const next = await restartWhenDue(store, row.id, {
      attached: true,
      terminalSize: row.options.config.Tty ? (terminalSize(1) ?? terminalSize(0)) : undefined,
      onWait: () => caught.deliver(act),
    });
    return next?.session;
  } finally {
    caught.release();
  }
}
