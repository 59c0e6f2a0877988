/** What `create` and `run` ask for, from their flags. */
import type { CreateRequest } from "../../runtime/oci/create.ts";
import { type Invocation, text, truth } from "../define.ts";
import { usageError } from "../parse.ts";

export function preservedCount(value: string | undefined): number {
  const count = Number(value ?? 0);
  if (count < 0 || count > 1000) throw usageError(`invalid value ${value} for --preserve-fds`, 1);
  return count;
}

export function creation({
  flags,
  args,
  root,
  systemdCgroup,
}: Invocation): Omit<CreateRequest, "separateStart" | "foreground" | "console"> {
  return {
    root: root as string,
    id: args[0] as string,
    bundle: text(flags, "bundle") ?? process.cwd(),
    consoleSocket: text(flags, "console-socket"),
    pidFile: text(flags, "pid-file"),
    preserved: preservedCount(text(flags, "preserve-fds")),
    keepsKeyring: truth(flags, "no-new-keyring"),
    systemd: systemdCgroup ?? false,
  };
}

/** Where warnings go. */
export const warnOf = ({ warn }: Invocation): ((text: string) => void) => warn ?? (() => {});
