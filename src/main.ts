/** argv[0] and argv[1] → a role or a command. Everything is loaded when it is needed. */

/** Roles that hoy executes itself in. */
const ROLES: Record<string, () => Promise<{ default: (words: readonly string[]) => number | Promise<number> }>> = {
  __followup: () => import("./cli/role/followup.ts"),
  __complete: () => import("./cli/role/complete.ts"),
};

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  // as dockerd: a container's users have to see its files and volumes, whatever the caller's umask
  process.umask(0o022);
  for (const name of Object.keys(process.env)) if (name.startsWith("BUN_")) delete process.env[name];
  const role = ROLES[words[0] ?? ""];
  if (role) return await (await role()).default(words.slice(1));
  const { dispatch } = await import("./cli/dispatch.ts");
  return await dispatch(words, /(^|\/)docker$/.test(process.argv0) ? "docker" : "hoy");
}

/** One line for what people can act on; anything else is a defect, and says so. */
async function report(error: unknown): Promise<number> {
  const { writeStream } = await import("./cli/output/write.ts");
  const { printable } = await import("./cli/output/printable.ts");
  const { asExpected } = await import("./cli/expected.ts");
  const known = asExpected(error);
  const message = known?.message ?? (error instanceof Error ? error.message : String(error));
  const hint = known?.hint ? `\n${known.hint}` : "";
  const debug = process.argv.includes("--debug") || process.argv.includes("-D") || process.argv.includes("debug");
  const stack = debug && error instanceof Error ? `\n${error.stack}` : "";
  writeStream(2, Buffer.from(printable(`hoy: ${known ? "" : "internal error: "}${message}${hint}${stack}\n`)));
  return known?.exitCode ?? 1;
}

process.reallyExit(await main().catch(report));

export {};
