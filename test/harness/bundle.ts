/** A bundle for `hoy runtime`, with a root for the state of its containers; at the end of the scope nothing of it may be left. */
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { defaultSpec, rootlessSpec } from "../../src/runtime/oci/default-spec.ts";
import type { Spec } from "../../src/spec/runtime.ts";
import { dist, distForAll } from "./build.ts";
import { cleanEnv, type Outcome } from "./hoy.ts";
import type { Person } from "./people.ts";
import { requires } from "./requires.ts";
import { busyboxRootfs } from "./rootfs.ts";
import type { TestUser } from "./user.ts";

export interface TestBundle extends AsyncDisposable {
  readonly dir: string;
  /** The bundle, with `rootfs` in it. */
  readonly path: string;
  readonly rootfs: string;
  readonly user: TestUser | undefined;
  /** Writes config.json: the default without a terminal, with these words as the program, changed by `edit`. */
  configure(
    args: readonly string[],
    edit?: (spec: Spec & { process: NonNullable<Spec["process"]>; linux: NonNullable<Spec["linux"]> }) => void,
  ): void;
  /** Runs `hoy runtime --root … ARGS…` in the bundle. */
  runtime(args: readonly string[], options?: { input?: string; timeout?: number }): Promise<Outcome>;
  /** The same, and throws with its standard error unless it ends with 0. Returns standard output without its last newline. */
  ok(args: readonly string[]): Promise<string>;
  /** What `state` says. */
  state(id: string): Promise<{ status: string; pid: number; bundle: string; annotations?: Record<string, string> }>;
}

function cgroupsNamed(name: string): string[] {
  const found: string[] = [];
  const look = (folder: string, depth: number): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      if (entry.name === name) found.push(join(folder, entry.name));
      else if (depth > 0) look(join(folder, entry.name), depth - 1);
    }
  };
  if (existsSync("/sys/fs/cgroup")) look("/sys/fs/cgroup", 1);
  return found;
}

/** Host pids whose root, working folder or command line lies in the folder. */
const processesOf = (dir: string): string[] =>
  readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return (
        readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes(`${dir}/`) &&
        readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0] !== "Z"
      );
    } catch {
      return false; // ended
    }
  });

export async function testBundle(user?: TestUser): Promise<TestBundle> {
  const dir = mkdtempSync(join(tmpdir(), "hoyb-"));
  const [root, path] = [join(dir, "state"), join(dir, "bundle")];
  const rootfs = join(path, "rootfs");
  for (const folder of [root, path]) mkdirSync(folder);
  Bun.spawnSync(["cp", "-a", busyboxRootfs(user), rootfs]);
  for (const folder of [dir, root, path]) {
    chmodSync(folder, 0o755);
    if (user) chownSync(folder, user.uid, user.gid);
  }
  const group = basename(dir);
  let calls = 0;
  // Files take the output: a container that was created holds the streams that it was given.
  const runtime: TestBundle["runtime"] = async (args, { input, timeout = 60_000 } = {}) => {
    const [out, err] = ["out", "err"].map((name) => join(dir, `${name}.${++calls}`)) as [string, string];
    const child = Bun.spawn([user ? distForAll() : dist(), "runtime", "--root", root, ...args], {
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
      cwd: path,
      env: cleanEnv(),
      stdin: input === undefined ? "ignore" : Buffer.from(input),
      stdout: Bun.file(out),
      stderr: Bun.file(err),
      timeout,
      killSignal: "SIGKILL",
    });
    const code = await child.exited;
    const outcome = { code, stdout: readFileSync(out, "utf8"), stderr: readFileSync(err, "utf8") };
    if (child.signalCode === "SIGKILL") throw new Error(`hoy runtime ${args.join(" ")}: no end after ${timeout} ms\n${outcome.stderr}`);
    return outcome;
  };
  const bundle: TestBundle = {
    dir,
    path,
    rootfs,
    user,
    configure(args, edit) {
      const base = user ? rootlessSpec(user.uid, user.gid) : defaultSpec();
      const spec = structuredClone({
        ...base,
        process: { ...base.process, args: [...args], terminal: false },
        root: { path: "rootfs", readonly: false },
      }) as Parameters<NonNullable<typeof edit>>[0];
      spec.linux.cgroupsPath = `/${group}/c`;
      edit?.(spec);
      writeFileSync(join(path, "config.json"), JSON.stringify(spec));
    },
    runtime,
    async ok(args) {
      const { code, stdout, stderr } = await runtime(args);
      if (code !== 0) throw new Error(`hoy runtime ${args.join(" ")} ended with ${code}: ${stderr}`);
      return stdout.replace(/\n$/, "");
    },
    state: async (id) => JSON.parse(await bundle.ok(["state", id])),
    async [Symbol.asyncDispose]() {
      const problems: string[] = [];
      for (const id of readdirSync(root)) {
        const { code, stderr } = await runtime(["delete", "--force", id]);
        if (code !== 0) problems.push(stderr);
      }
      problems.push(...readdirSync(root).map((name) => `state of ${name}`));
      for (const folder of cgroupsNamed(group)) {
        if (readdirSync(folder, { withFileTypes: true }).some((entry) => entry.isDirectory())) problems.push(`cgroups in ${folder}`);
        Bun.spawnSync(["rmdir", folder]);
      }
      // a process whose end is under way has its mounts for a moment
      for (const deadline = Date.now() + 5000; processesOf(dir).length > 0 && Date.now() < deadline; ) await Bun.sleep(20);
      problems.push(...processesOf(dir).map((pid) => `process ${pid}`));
      rmSync(dir, { recursive: true, force: true });
      if (problems.length > 0) throw new Error(`the bundle left behind:\n  ${problems.join("\n  ")}`);
    },
  };
  return bundle;
}

/** `eachBundle([ROOT, ROOTLESS])("title", async (bundle) => …)`: a test per person, each on a bundle that is checked and removed afterwards. */
export const eachBundle =
  (people: readonly Person[], ...needs: readonly string[]) =>
  (title: string, body: (bundle: TestBundle) => Promise<unknown>, timeout?: number): void => {
    for (const person of people)
      requires(...person.needs, "busybox", ...needs)(
        `${title} (${person.title})`,
        async () => {
          await using bundle = await testBundle(person.user());
          await body(bundle);
        },
        timeout,
      );
  };
