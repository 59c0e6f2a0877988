/** A store of its own for one test, gone at the end with all that it put on the machine; what it should have put away itself is an error. */
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOTLESS_VARIABLE, type StorePaths, storePaths } from "../../src/state/store.ts";
import { hoy, type Outcome, type RunOptions, spawnHoy } from "./hoy.ts";
import { clear, leftovers } from "./leftovers.ts";
import { busyboxRootfs } from "./rootfs.ts";
import type { TestUser } from "./user.ts";

export interface TestStore extends AsyncDisposable {
  /** HOY_ROOT. */
  readonly root: string;
  /** A folder beside the store for the test's own files; the store's user owns it. */
  readonly dir: string;
  /** The store's paths and the name of its bridge, table and cgroup, as hoy computes them. */
  readonly paths: StorePaths;
  /** A root file system with busybox and the probe, owned by the store's user; see rootfs.ts. */
  readonly rootfs: string;
  readonly env: Record<string, string>;
  readonly user: TestUser | undefined;
  /** Runs `hoy ARGS…` on this store to its end. */
  hoy(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** The same, and throws with its standard error unless it ends with 0. Returns standard output without its last newline. */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts `hoy ARGS…` and leaves it running. */
  spawn(args: readonly string[], options?: RunOptions): ReturnType<typeof spawnHoy>;
}

export interface StoreOptions {
  /** Whose store it is; default: who runs the tests. Another user takes root. */
  user?: TestUser;
}

/** hoy's own answer for that user and environment: asked in this process, whose environment is put back. */
function pathsFor(root: string, runtimeDir: string, uid: number): StorePaths {
  const names = [ROOTLESS_VARIABLE, "XDG_RUNTIME_DIR"];
  const before = names.map((name) => process.env[name]);
  try {
    process.env[ROOTLESS_VARIABLE] = String(uid);
    process.env.XDG_RUNTIME_DIR = runtimeDir;
    return storePaths(root);
  } finally {
    names.forEach((name, index) => {
      if (before[index] === undefined) delete process.env[name];
      else process.env[name] = before[index];
    });
  }
}

/** Files of a user's containers may belong to the user's subordinate ids: only inside such a namespace can the user remove them. */
function removeStore(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch {
    Bun.spawnSync(["unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf", dir], { stdin: "ignore" });
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Makes an empty store: `await using store = await testStore()`. At the end of the scope its containers are removed with
 * `hoy rm -f -v`, then nothing of it may be left but the folders: no mount, process, network interface or cgroup; what is left is
 * removed by force, and the test fails with the list.
 */
export async function testStore({ user }: StoreOptions = {}): Promise<TestStore> {
  // Short, because the paths of sockets below it end at 107 bytes.
  const dir = mkdtempSync(join(tmpdir(), "hoyt-"));
  const [root, home, runtimeDir] = [join(dir, "root"), join(dir, "home"), join(dir, "run")];
  for (const path of [root, home, runtimeDir]) mkdirSync(path, { mode: 0o700 });
  chmodSync(dir, 0o755);
  if (user) for (const path of [dir, root, home, runtimeDir]) chownSync(path, user.uid, user.gid);
  const uid = user?.uid ?? process.getuid?.() ?? 0;
  const paths = pathsFor(root, runtimeDir, uid);
  const env = { HOME: home, XDG_RUNTIME_DIR: runtimeDir, DOCKER_CONFIG: join(home, ".docker"), XDG_CONFIG_HOME: join(home, ".config") };
  const mine = (options: RunOptions = {}): RunOptions => ({ root, user, ...options, env: { ...env, ...options.env } });

  const store: TestStore = {
    root,
    dir,
    paths,
    get rootfs() {
      return busyboxRootfs(user);
    },
    env,
    user,
    hoy: (args, options) => hoy(args, mine(options)),
    spawn: (args, options) => spawnHoy(args, mine(options)),
    async ok(args, options) {
      const { code, stdout, stderr } = await hoy(args, mine(options));
      if (code !== 0) throw new Error(`hoy ${args.join(" ")} ended with ${code}: ${stderr}`);
      return stdout.replace(/\n$/, "");
    },
    async [Symbol.asyncDispose]() {
      const problems: string[] = [];
      try {
        // From the folder, not from `ps`: a container that lost its row is to be seen as left behind.
        const folder = join(root, "containers");
        const ids = existsSync(folder) ? readdirSync(folder) : [];
        if (ids.length > 0) await store.ok(["rm", "-f", "-v", ...ids]);
      } catch (error) {
        problems.push((error as Error).message);
      }
      problems.push(...(await leftovers(paths, dir)));
      clear(paths, dir);
      removeStore(dir);
      if (uid === 0) rmSync(paths.run, { recursive: true, force: true });
      if (problems.length > 0) throw new Error(`the store left behind:\n  ${problems.join("\n  ")}`);
    },
  };
  return store;
}
