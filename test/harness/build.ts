/** The compiled binary under test: built when it is missing or older than its sources, by one process at a time. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Glob } from "bun";
import { lockExclusive, unlock } from "../../ffi/fd.ts";
import { atEnd } from "./at-end.ts";

/** The checkout. */
export const ROOT = resolve(import.meta.dir, "../..");

const SOURCES = new Glob("{src,ffi,completions}/**/*");
const BUILD_FILES = ["build.ts", "package.json", "package-lock.json"];

/** Milliseconds of the newest change that a build would take in; folders count too, for a file that was deleted. */
function newestSource(): number {
  const files = [...SOURCES.scanSync({ cwd: ROOT, onlyFiles: false }), ...BUILD_FILES];
  return Math.max(...files.map((file) => statSync(join(ROOT, file), { throwIfNoEntry: false })?.mtimeMs ?? 0));
}

const isFresh = (binary: string): boolean => existsSync(binary) && statSync(binary).mtimeMs > newestSource();

let built: string | undefined;

/**
 * Absolute path of `dist/hoy`, built first if need be. HOY_TEST_BINARY names a binary that is taken as it is (the tests in the
 * virtual machine use it, where a build would cost too much). Throws with the build's output.
 */
export function dist(): string {
  if (process.env.HOY_TEST_BINARY) return resolve(process.env.HOY_TEST_BINARY);
  if (built) return built;
  const binary = join(ROOT, "dist", "hoy");
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  const lock = openSync(join(ROOT, "dist", ".build.lock"), "w");
  lockExclusive(lock);
  try {
    if (!isFresh(binary)) {
      const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "build.ts"], { cwd: ROOT, stdin: "ignore" });
      if (exitCode !== 0) throw new Error(`bun build.ts failed (${exitCode}):\n${stdout}${stderr}`);
      if (!existsSync(binary)) throw new Error(`bun build.ts made no ${binary}:\n${stdout}${stderr}`);
    }
  } finally {
    unlock(lock);
  }
  built = binary;
  return binary;
}

/** True when any user may walk to `path` and execute it. */
export function openToAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o005) === 0 || (statSync(at).mode & 0o001) === 0) return false;
    if (at === "/") return true;
  }
}

let publicCopy: string | undefined;

/** The binary where an ordinary user can execute it: the checkout may lie in a folder of mode 0700, such as /root. */
export function distForAll(): string {
  const binary = dist();
  if (openToAll(binary)) return binary;
  if (publicCopy) return publicCopy;
  const folder = mkdtempSync(join(tmpdir(), "hoy-dist-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const copy = join(folder, "hoy");
  copyFileSync(binary, copy);
  chmodSync(copy, 0o755);
  publicCopy = copy;
  return copy;
}
