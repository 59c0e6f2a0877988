/** The engines that are installed and answer, each with the image `bench/busybox` and its own way to say things. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storePaths } from "../src/state/store.ts";
import { busyboxImage, dockerArchive } from "../test/harness/images.ts";
import { clear } from "../test/harness/leftovers.ts";
import { busyboxRootfs } from "../test/harness/rootfs.ts";
import { type CommandOptions, peakMb, type Ran, run } from "./measure.ts";

export const IMAGE = "localhost/bench/busybox:latest";

/** An engine with docker's commands. */
export interface Engine {
  readonly name: string;
  /** Runs `docker ARGS…`, or its like. */
  readonly call: (...args: readonly string[]) => Promise<Ran>;
  /** Peak memory of such a call, in MB. */
  readonly peak: (...args: readonly string[]) => Promise<number>;
  /** Flags of `pull` for a registry on loopback without TLS. */
  readonly pullFlags: readonly string[];
}

/** A low-level runtime over a bundle that is ready. */
export interface Runtime {
  readonly name: string;
  readonly run: () => Promise<Ran>;
}

export interface Field {
  readonly hoy: Engine;
  readonly docker: Engine | undefined;
  readonly podman: Engine | undefined;
  readonly hoyRootless: Engine | undefined;
  readonly podmanRootless: Engine | undefined;
  readonly runtimes: readonly Runtime[];
  /** Bundles whose program ends at once, and one that sleeps; undefined without a runtime to write them. */
  readonly bundle: { readonly ends: string; readonly stays: string } | undefined;
  /** hoy's store, and a folder for files of the cases. */
  readonly root: string;
  readonly dir: string;
  /** Why somebody is not in the field. */
  readonly absent: readonly string[];
}

const engine = (name: string, command: readonly string[], options: CommandOptions = {}, pullFlags: readonly string[] = []): Engine => ({
  name,
  call: (...args) => run([...command, ...args], options),
  peak: (...args) => peakMb([...command, ...args], options.env),
  pullFlags,
});

async function reason(attempt: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return (error as Error).message.trim().split("\n").at(-1);
  }
}

async function writeBundle(dir: string, args: readonly string[]): Promise<string> {
  mkdirSync(dir, { recursive: true });
  const { exitCode, stderr } = Bun.spawnSync([Bun.which("runc") ? "runc" : "crun", "spec"], { cwd: dir });
  if (exitCode !== 0) throw new Error(`cannot write a bundle: ${stderr}`);
  const file = join(dir, "config.json");
  const spec = await Bun.file(file).json();
  spec.process.terminal = false;
  spec.process.args = args;
  spec.root = { path: busyboxRootfs(), readonly: true };
  writeFileSync(file, JSON.stringify(spec));
  return dir;
}

async function bundles(dir: string): Promise<Field["bundle"]> {
  if (!Bun.which("runc") && !Bun.which("crun")) return undefined;
  return { ends: await writeBundle(join(dir, "ends"), ["true"]), stays: await writeBundle(join(dir, "stays"), ["sleep", "600"]) };
}

async function runtimes(bundle: Field["bundle"], absent: string[]): Promise<Runtime[]> {
  const found: Runtime[] = [];
  if (!bundle) return found;
  let count = 0;
  for (const name of ["runc", "crun"]) {
    if (!Bun.which(name)) continue;
    const runtime = { name, run: () => run([name, "run", "--bundle", bundle.ends, `hoy-bench-${process.pid}-${++count}`]) };
    const why = await reason(runtime.run);
    if (why) absent.push(`${name}: ${why}`);
    else found.push(runtime);
  }
  return found;
}

/** `DOCKER_HOST`, `CONTAINERS_CONF` and the like come from the environment; see bench/README.md. */
export async function gather(hoyBinary: string): Promise<Field & AsyncDisposable> {
  const dir = mkdtempSync(join(tmpdir(), "hoy-bench-"));
  const [root, archive] = [join(dir, "root"), join(dir, "busybox.tar")];
  writeFileSync(archive, dockerArchive(busyboxImage(), IMAGE));
  const absent: string[] = [];
  const joins = async (candidate: Engine, program: string): Promise<Engine | undefined> => {
    if (!Bun.which(program)) {
      absent.push(`${candidate.name}: not installed`);
      return undefined;
    }
    const why = await reason(async () => {
      await candidate.call("load", "-i", archive);
      await candidate.call("run", "--rm", "--network", "none", IMAGE, "true");
    });
    if (why) absent.push(`${candidate.name}: ${why}`);
    return why ? undefined : candidate;
  };
  const bundle = await bundles(dir);
  const hoy = engine("hoy", [hoyBinary], { env: { HOY_ROOT: root } });
  const why = await reason(() => hoy.call("load", "-i", archive));
  if (why) throw new Error(`hoy load: ${why}`);
  const {
    HOY_BENCH_PODMAN: podman = "podman",
    HOY_BENCH_ROOTLESS_HOY: rootlessHoy,
    HOY_BENCH_ROOTLESS_PODMAN: rootlessPodman,
  } = process.env;
  return {
    hoy,
    docker: await joins(engine("docker", ["docker"]), "docker"),
    podman: await joins(engine("podman", podman.split(" "), {}, ["--tls-verify=false"]), "podman"),
    hoyRootless: rootlessHoy ? await joins(engine("hoy rootless", rootlessHoy.split(" ")), "sh") : undefined,
    podmanRootless: rootlessPodman ? await joins(engine("podman rootless", rootlessPodman.split(" ")), "sh") : undefined,
    runtimes: await runtimes(bundle, absent),
    bundle,
    root,
    dir,
    absent,
    async [Symbol.asyncDispose]() {
      const left = (await hoy.call("ps", "-aq")).stdout.split("\n").filter(Boolean);
      if (left.length > 0) await hoy.call("rm", "-f", "-v", ...left);
      clear(storePaths(root), dir);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The engines with docker's commands, of those that are there. */
export const engines = ({ hoy, docker, podman }: Field): Engine[] => [hoy, docker, podman].filter((one) => one !== undefined);
