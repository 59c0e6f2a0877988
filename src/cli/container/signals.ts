/** Signals to us that are meant for the container (--sig-proxy): caught before it starts, kept until it can be told. */

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
  const listeners = PROXIED.map((name) => [name, () => receive(name)] as const);
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
