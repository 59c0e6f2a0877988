// Installs the npm packages, Bun among them, with nothing but Node.js and npm on the machine. A second run does nothing while
// package-lock.json is unchanged. Runs under Node.js, hence not TypeScript.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stamp = join(root, "node_modules", ".hoy-setup");
const bun = join(root, "node_modules", "bun");
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .update(`${process.platform} ${process.arch}`)
  .digest("hex");

/** Runs a command with its output shown; its failure ends this script. */
function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status === 0) return;
  console.error(`setup: ${command} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
  process.exit(1);
}

function installed() {
  try {
    return readFileSync(stamp, "utf8") === wanted;
  } catch {
    return false; // never set up, or npm removed node_modules in between
  }
}

/** The npm package is a stub until its install script has run, and npm skips that script where scripts are blocked. */
function bunWorks() {
  const { version } = JSON.parse(readFileSync(join(bun, "package.json"), "utf8"));
  const { status, stdout } = spawnSync(join(bun, "bin", "bun.exe"), ["--version"], { encoding: "utf8" });
  return status === 0 && stdout.trim() === version;
}

if (!installed()) {
  console.error("setup: installing npm packages (once per change of package-lock.json)");
  // The level is said again: this runs below `npm run --silent`, which would hide npm's errors too.
  run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error");
  if (!bunWorks()) run(process.execPath, join(bun, "install.js"));
  if (!bunWorks()) {
    console.error(`setup: the npm package bun has no working executable for ${process.platform} ${process.arch}`);
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
