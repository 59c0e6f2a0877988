/**
 * Makes the executable: the player's ELF for the embedded C, then `dist/hoy` with `bun build --compile`.
 *
 *   bun build.ts              dist/hoy for this machine
 *   bun build.ts --player     only the player (what running from source and the tests need)
 *   bun build.ts --all        dist/hoy-linux-{x64,arm64}[-musl] too, as far as npm carries Bun for them
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeElf } from "./ffi/elf.ts";
import manifest from "./package.json" with { type: "json" };

const here = import.meta.dir;
const player = join(here, "ffi/player.elf.txt");

function buildPlayer(): void {
  const text = Buffer.from(makeElf(readFileSync(join(here, "ffi/player.c"), "utf8"))).toString("base64");
  if (existsSync(player) && readFileSync(player, "utf8") === text) return;
  writeFileSync(`${player}.tmp`, text);
  renameSync(`${player}.tmp`, player);
}

function commit(): string {
  const { stdout, exitCode } = Bun.spawnSync(["git", "rev-parse", "--short=12", "HEAD"], { cwd: here, stderr: "ignore" });
  return exitCode === 0 ? stdout.toString().trim() : "unknown";
}

/** Flags that keep the executable from reading files of the folder it is called in (a bunfig.toml there could run code). */
const SAFE = [
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
];

/**
 * How many times later than usual a function counts as worth compiling: most commands are over before machine code pays, and the
 * compilers' threads take a fifth of their time. What runs for long (a pull) gets there all the same.
 */
const JIT_POLICY = 10;

function buildExecutable(outfile: string, target?: string): boolean {
  const build = Bun.spawnSync(
    [
      process.execPath,
      "build",
      "--compile",
      "--minify",
      "--bytecode",
      "--format=esm",
      "--splitting",
      `--compile-jit-policy=${JIT_POLICY}`,
      ...SAFE,
      ...(target ? [`--target=bun-${target}`] : []),
      "--define",
      `HOY_VERSION=${JSON.stringify(manifest.version)}`,
      "--define",
      `HOY_COMMIT=${JSON.stringify(commit())}`,
      "--outfile",
      `${outfile}.new`,
      "src/main.ts",
    ],
    { cwd: here, stdout: "pipe", stderr: "pipe" },
  );
  if (build.exitCode !== 0) {
    console.error(`${outfile}: ${build.stderr.toString().trim() || build.stdout.toString().trim()}`);
    return false;
  }
  renameSync(join(here, `${outfile}.new`), join(here, outfile));
  console.log(outfile);
  return true;
}

buildPlayer();
if (!process.argv.includes("--player")) {
  mkdirSync(join(here, "dist"), { recursive: true });
  let fine = buildExecutable("dist/hoy");
  if (process.argv.includes("--all"))
    for (const target of ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"])
      fine = buildExecutable(`dist/hoy-${target}`, target) && fine;
  process.exit(fine ? 0 : 1);
}
