/**
 * Writes src/runtime/seccomp/default.generated.ts: the filters of the default profile, compiled. Run it after a change to the
 * profile, the system call tables or the compiler (`bun scripts/seccomp.ts`); test/runtime/seccomp/filter.test.ts compares.
 */
import { resolve } from "node:path";
import { DEFAULT_CAPABILITIES } from "../src/runtime/capabilities.ts";
import { compileProfile } from "../src/runtime/seccomp/compile.ts";
import { defaultProfile } from "../src/runtime/seccomp/default.ts";
import type { Machine } from "../src/runtime/seccomp/profile.ts";

export const GENERATED = resolve(import.meta.dir, "../src/runtime/seccomp/default.generated.ts");

/** A kernel that meets every minKernel of the profile, and is older than any that hoy runs on. */
const KERNEL = "4.8";

const MACHINES: readonly Machine[] = ["amd64", "arm64"];

/** Docker's defaults, and `--cap-drop ALL`. */
const SETS: readonly (readonly string[])[] = [DEFAULT_CAPABILITIES, []];

/** The text of the generated module. */
export function generate(): string {
  const profile = defaultProfile();
  const conditions = (profile.syscalls ?? []).flatMap(({ includes, excludes }) => [...(includes?.caps ?? []), ...(excludes?.caps ?? [])]);
  const deciding = [...new Set(conditions)].sort();
  const entries = MACHINES.flatMap((arch) =>
    SETS.map((set) => {
      const capabilities = deciding.filter((name) => set.includes(name));
      const filter = Buffer.from(compileProfile(profile, { capabilities, arch, kernel: KERNEL })).toString("base64");
      const member = (name: string, value: string): string => `    ${name}: ${JSON.stringify(value)},\n`;
      const lines = filter.match(/.{1,120}/g) ?? [];
      const text = lines.map((line) => `      ${JSON.stringify(line)}`).join(" +\n");
      return `  {\n${member("arch", arch)}${member("capabilities", capabilities.join(" "))}    filter:\n${text},\n  },\n`;
    }),
  );
  return `/** Made by scripts/seccomp.ts from the default profile; not to be edited. */

/** The oldest kernel that the filters are for. */
export const KERNEL = ${JSON.stringify(KERNEL)};

/** Capabilities that the profile looks at. */
export const DECIDING: readonly string[] = [
${deciding.map((name) => `  ${JSON.stringify(name)},\n`).join("")}];

export interface Precompiled {
  arch: "amd64" | "arm64";
  /** Which of DECIDING the container has, separated by spaces. */
  capabilities: string;
  /** struct sock_filter[], base64. */
  filter: string;
}

export const PRECOMPILED: readonly Precompiled[] = [
${entries.join("")}];
`;
}

if (import.meta.main) await Bun.write(GENERATED, generate());
