/** Signals to us that are meant for the container (--sig-proxy): caught before it starts, kept until it can be told. */
import { tellLine } from "../output/write.ts";

/** Those that tell of our own children, terminal or defects are not among them. */
const PROXIED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGTERM",
  "SIGALRM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
] as const;

/** So often Docker's client passes a request to end on; then it leaves, whatever the container does. */
const PATIENCE = 3;
const REQUESTS_TO_END: ReadonlySet<string> = new Set(["SIGINT", "SIGTERM"]);

export interface CaughtSignals {
  /** Called for each from now on, first for those that were kept. */
  deliver(act: (name: string) => void): void;
  /** Signals act on us again. */
  release(): void;
}

/** Catches them from now on: a hoy that a signal ends would leave its container running alone. */
export function catchSignals(): CaughtSignals {
  const kept: string[] = [];
  let receive = (name: string): void => void kept.push(name);
  let requests = 0;
  const caught = (name: string): void => {
    receive(name);
    if (REQUESTS_TO_END.has(name) && ++requests === PATIENCE) leaveByForce();
  };
  const listeners = PROXIED.map((name) => [name, () => caught(name)] as const);
  for (const [name, listener] of listeners) process.on(name, listener);
  return {
    deliver(act) {
      receive = act;
      for (const name of kept.splice(0)) act(name);
    },
    release() {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}

/** The container goes on; what follows its end is done by its monitor then. */
function leaveByForce(): never {
  tellLine(`\ngot ${PATIENCE} SIGTERM/SIGINTs, forcefully exiting`);
  process.exit(1);
}
