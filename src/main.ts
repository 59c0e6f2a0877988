/** argv[0] and argv[1] → a role or a command. Everything is loaded when it is needed. */

import { hideVariables, programName } from "./spec/caller.ts";
import { leave } from "./spec/leave.ts";

/** Roles that hoy executes itself in. */
const ROLES: Record<string, () => Promise<{ default: (words: readonly string[]) => number | Promise<number> }>> = {
  __followup: () => import("./cli/role/followup.ts"),
  __complete: () => import("./cli/role/complete.ts"),
};

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  // as dockerd: a container's users have to see its files and volumes, whatever the caller's umask
  process.umask(0o022);
  hideVariables();
  const role = ROLES[words[0] ?? ""];
  if (role) return await (await role()).default(words.slice(1));
  const name = process.argv0.slice(process.argv0.lastIndexOf("/") + 1);
  if (name === "runc" || name === "hoy-runtime") {
    const { dispatchRuntime } = await import("./cli/runtime/dispatch.ts");
    return await dispatchRuntime(words, name);
  }
  const { dispatch } = await import("./cli/dispatch.ts");
  return await dispatch(words, programName());
}

/** One line for what people can act on; anything else is a defect, and says so. */
async function report(error: unknown): Promise<number> {
  const { printable } = await import("./cli/output/printable.ts");
  const { asExpected } = await import("./cli/expected.ts");
  const known = asExpected(error);
  const message = known?.message ?? (error instanceof Error ? error.message : String(error));
  const hint = known?.hint ? `\n${known.hint}` : "";
  const told = (stack = "") => Buffer.from(printable(`${programName()}: ${known ? "" : "internal error: "}${message}${hint}${stack}\n`));
  try {
    const { writeStream } = await import("./cli/output/write.ts");
    const { asksForDebugging } = await import("./cli/dispatch.ts");
    writeStream(2, told(asksForDebugging(process.argv.slice(2)) && error instanceof Error ? `\n${error.stack}` : ""));
  } catch {
    // without a C library nothing of ours can write
    const { writeSync } = await import("node:fs");
    writeSync(2, told());
  }
  return known?.exitCode ?? 1;
}

leave(await main().catch(report));
