/** A bundle over the busybox root file system, with containers that end with the test. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { defaultSpec } from "../../src/runtime/oci/default-spec.ts";
import type { Spec } from "../../src/spec/runtime.ts";
import { dist } from "./build.ts";
import { cleanEnv, hoy, type Outcome, type RunOptions } from "./hoy.ts";
import { busyboxRootfs } from "./rootfs.ts";

export type FullSpec = Spec & {
  process: NonNullable<Spec["process"]>;
  linux: NonNullable<Spec["linux"]>;
  mounts: NonNullable<Spec["mounts"]>;
};

export class OciBundle implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), "hoyx-"));
  readonly state = join(this.dir, "state");
  readonly rootfs = join(this.dir, "rootfs");
  /** The folder of its cgroups, in each hierarchy. */
  readonly group = basename(this.dir);

  constructor() {
    // root of a user namespace walks here too
    chmodSync(this.dir, 0o755);
    Bun.spawnSync(["cp", "-a", busyboxRootfs(), this.rootfs]);
  }

  /** Writes config.json: this program without a terminal, changed by `edit`. */
  configure(args: readonly string[], edit: (spec: FullSpec) => void = () => {}): void {
    const spec = structuredClone(defaultSpec()) as FullSpec;
    spec.root = { path: "rootfs" };
    spec.process = { ...spec.process, args: [...args], terminal: false };
    spec.linux.cgroupsPath = `/${this.group}/c`;
    edit(spec);
    writeFileSync(join(this.dir, "config.json"), JSON.stringify(spec));
  }

  /** Runs `hoy runtime ARGS…` in the bundle. */
  async runtime(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return await hoy(["runtime", "--root", this.state, ...args], { cwd: this.dir, ...options });
  }

  /** The same; returns what it printed, and throws unless it ended well. */
  async ok(args: readonly string[], options?: RunOptions): Promise<string> {
    const { code, stdout, stderr } = await this.runtime(args, options);
    if (code !== 0) throw new Error(`hoy runtime ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** `run -d`: the program keeps the streams, which are /dev/null. */
  start(id: string): void {
    this.#leave("run", "-d", id);
  }

  /** `create`, in the same way. */
  create(id: string): void {
    this.#leave("create", id);
  }

  #leave(...args: string[]): void {
    const { exitCode } = Bun.spawnSync([dist(), "runtime", "--root", this.state, "--log", join(this.dir, "log"), ...args], {
      cwd: this.dir,
      env: cleanEnv(),
      stdio: ["ignore", "ignore", "ignore"],
    });
    if (exitCode !== 0) throw new Error(readFileSync(join(this.dir, "log"), "utf8"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of readdirSync(this.dir).includes("state") ? readdirSync(this.state) : []) await this.ok(["delete", "--force", id]);
    for (const hierarchy of readdirSync("/sys/fs/cgroup", { withFileTypes: true }))
      if (hierarchy.isDirectory() && readdirSync(`/sys/fs/cgroup/${hierarchy.name}`).includes(this.group))
        rmdirSync(`/sys/fs/cgroup/${hierarchy.name}/${this.group}`);
    rmSync(this.dir, { recursive: true, force: true });
  }
}
