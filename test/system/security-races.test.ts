/** Known races of other runtimes: somebody swaps a folder with a link while containers start. Titles carry the advisories; docs/security.md. */
import { expect } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { eachBundle, type TestBundle } from "../harness/bundle.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { swapping } from "../harness/swapper.ts";
import type { TestUser } from "../harness/user.ts";

const two = each([ROOT, ROOTLESS], "busybox");
const bundles = eachBundle([ROOT, ROOTLESS]);
const ROUNDS = 25;
const LIMIT_MS = 120_000;

const give = (path: string, user: TestUser | undefined): void => user && lchownSync(path, user.uid, user.gid);

/** A folder of the host's with a secret in it, which the user could write to, and which must stay as it is. */
function outside(dir: string, user: TestUser | undefined): { path: string; check(): void } {
  const path = join(dir, "outside");
  mkdirSync(path);
  writeFileSync(join(path, "secret"), "of the host\n");
  for (const each of [path, join(path, "secret")]) give(each, user);
  return {
    path,
    check() {
      expect(readdirSync(path)).toEqual(["secret"]);
      expect(readFileSync(join(path, "secret"), "utf8")).toBe("of the host\n");
    },
  };
}

/** A shared folder with `a`, which is a folder with `inside` in it, and `b`, a link. */
function volume(dir: string, user: TestUser | undefined, target: string): { path: string; a: string; b: string } {
  const path = join(dir, "shared");
  rmSync(path, { recursive: true, force: true });
  mkdirSync(join(path, "a"), { recursive: true });
  writeFileSync(join(path, "a/inside"), "mine\n");
  symlinkSync(target, join(path, "b"));
  for (const name of [".", "a", "b", "a/inside"]) give(join(path, name), user);
  return { path, a: join(path, "a"), b: join(path, "b") };
}

const flags = (store: TestStore, ...more: string[]): string[] => ["--network", "none", ...more, "--rootfs", store.rootfs];

/** Ends of a start under attack: it worked, or was refused in one line; at least some of them have to work. */
class Tally {
  worked = 0;
  add(code: number, stderr: string): void {
    if (code === 0) this.worked++;
    else expect(stderr).toMatch(/^hoy: [^\n]+\n([^\n]+\n)?$/);
  }
}

two(
  "CVE-2021-30465, CVE-2024-45310: mounts below a name in a shared volume that turns into a link",
  async (store) => {
    const host = outside(store.dir, store.user);
    const source = join(store.dir, "source");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "mine\n");
    for (const path of [source, join(source, "file")]) give(path, store.user);
    for (const target of [host.path, `../../../../../../../../..${host.path}`, "/"]) {
      const shared = volume(store.dir, store.user, target);
      const mounts = ["-v", `${shared.path}:/vol`, "-v", `${source}:/vol/a/deep/folder`, "-v", `${source}/file:/vol/a/file`];
      const tally = new Tally();
      {
        await using _swapper = await swapping(shared.a, shared.b);
        for (let round = 0; round < ROUNDS; round++) {
          const look = "grep -c outside /proc/self/mountinfo; ls /vol/a/secret /vol/b/secret; mount | grep -c ' on /vol/'";
          const { code, stdout, stderr } = await store.hoy([
            "run",
            "--rm",
            ...flags(store, ...mounts, "--tmpfs", "/vol/a/tmp"),
            "sh",
            "-c",
            `${look}; true`,
          ]);
          tally.add(code, stderr.replaceAll(/^ls: .*\n/gm, ""));
          expect(stdout).not.toContain("secret");
          host.check();
        }
      }
      expect([target, tally.worked > 0]).toEqual([target, true]);
    }
  },
  LIMIT_MS,
);

two(
  "CVE-2024-23651: the folder of a volume that is mounted turns into a link",
  async (store) => {
    const host = outside(store.dir, store.user);
    await store.ok(["volume", "create", "vol"]);
    const folder = join(store.root, "volumes/vol/_data");
    mkdirSync(join(folder, "a"));
    writeFileSync(join(folder, "a/inside"), "mine\n");
    symlinkSync(host.path, join(folder, "b"));
    for (const name of ["a", "a/inside", "b"]) give(join(folder, name), store.user);
    const mount = ["--mount", "type=volume,src=vol,dst=/data,volume-subpath=a"];
    const tally = new Tally();
    {
      await using _swapper = await swapping(join(folder, "a"), join(folder, "b"));
      for (let round = 0; round < ROUNDS; round++) {
        const { code, stdout, stderr } = await store.hoy(["run", "--rm", ...flags(store, ...mount), "ls", "/data"]);
        tally.add(code, stderr);
        if (code === 0) expect(stdout).toBe("inside\n");
      }
    }
    expect(tally.worked).toBeGreaterThan(0);
    host.check();
  },
  LIMIT_MS,
);

two(
  "CVE-2024-21626: the working directory of exec turns into a link to a descriptor, or out",
  async (store) => {
    const host = outside(store.dir, store.user);
    for (const target of ["/proc/self/fd/3", "/proc/1/cwd", host.path, "/proc/self/fd"]) {
      const shared = volume(store.dir, store.user, target);
      const id = await store.ok(["run", "-d", ...flags(store, "-v", `${shared.path}:/vol`), "sleep", "60"]);
      {
        await using _swapper = await swapping(shared.a, shared.b);
        for (let round = 0; round < 10; round++) {
          const { stdout } = await store.hoy(["exec", "-w", "/vol/a", id, "sh", "-c", "ls; ls .. ../..; cat secret"]);
          expect(stdout).not.toMatch(/secret|of the host/);
        }
      }
      await store.ok(["rm", "-f", id]);
    }
    host.check();
  },
  LIMIT_MS,
);

bundles(
  "CVE-2025-52565: hoy runtime: /dev/console turns into a link",
  async (bundle) => {
    const host = outside(bundle.dir, bundle.user);
    const [real, link] = [join(bundle.rootfs, "dev/console"), join(bundle.rootfs, "dev/link")];
    rmSync(real, { force: true });
    writeFileSync(real, "");
    give(real, bundle.user);
    let worked = 0;
    for (const target of [join(host.path, "secret"), join(host.path, "made"), "/proc/sysrq-trigger", "/proc/timer_list"]) {
      rmSync(link, { force: true });
      symlinkSync(target, link);
      give(link, bundle.user);
      await using _swapper = await swapping(real, link);
      for (let round = 0; round < 10; round++) {
        bundle.configure(["sh", "-c", "grep -E ' /(proc|sys)/[^ ]* ' /proc/self/mountinfo | grep devpts; echo ran"], (spec) => {
          spec.process.terminal = true;
          spec.mounts = spec.mounts?.filter(({ destination }) => destination !== "/dev");
        });
        const { code, stdout, stderr } = await bundle.runtime(["run", "c"]);
        expect(stdout.trim()).toBe(code === 0 ? "ran" : "");
        if (code === 0) worked++;
        else expect(stderr).toMatch(/level=error msg=/);
        host.check();
      }
    }
    expect(worked).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

/** What a container shows that was made under attack, once the attack is over: its /proc, and how the masks and read-only paths are. */
const look = (proc: string): string =>
  [
    `cd ${proc}; [ $(stat -f -c %T .) = proc ] && echo proc`,
    "for f in timer_list keys; do [ ! -e $f ] || [ -c $f ] || echo $f is not masked; cat $f; done",
    "[ -z $(ls -A acpi ../sys/firmware | grep -v ':$' | head -n 1) ] || echo folders are open",
    "(echo x > sys/kernel/domainname) 2>/dev/null && echo sysctls are open",
    "cat sys/kernel/shm_rmid_forced self/oom_score_adj",
  ].join("\n");

type Edit = Parameters<TestBundle["configure"]>[1];

/** Creates containers while the names are swapped; each that was made is looked at in peace. Returns how many were. */
async function attack(bundle: TestBundle, names: [string, string], edit: Edit, script = look("/proc")): Promise<number> {
  let made = 0;
  bundle.configure(["sh", "-c", `(${script}) > /tmp/seen 2>&1; echo end >> /tmp/seen`], edit);
  const seen = join(bundle.rootfs, "tmp/seen");
  for (let round = 0; round < ROUNDS; round++) {
    rmSync(seen, { force: true });
    const swapper = await swapping(...names);
    const { code, stderr } = await bundle.runtime(["create", "c"]);
    await swapper.stop();
    if (code !== 0) {
      expect(stderr).toMatch(/level=error msg=/);
      continue;
    }
    made++;
    await bundle.ok(["start", "c"]);
    for (const end = Date.now() + 10_000; !existsSync(seen) || !readFileSync(seen, "utf8").endsWith("end\n"); await Bun.sleep(5))
      if (Date.now() > end) throw new Error("the container has written nothing in 10 s");
    expect(readFileSync(seen, "utf8")).toBe("proc\n1\n321\nend\n");
    await bundle.ok(["delete", "--force", "c"]);
  }
  return made;
}

const settings: NonNullable<Edit> = (spec) => {
  spec.linux.sysctl = { "kernel.shm_rmid_forced": "1" };
  spec.process.oomScoreAdj = 321;
};

/** A folder that looks like a procfs, with files that must not be written. */
function fakeProc(path: string, user: TestUser | undefined): () => void {
  const files = ["sys/kernel/shm_rmid_forced", "self/oom_score_adj", "self/attr/exec"].map((name) => join(path, name));
  for (const folder of ["sys/kernel", "self/attr", "self/fd"]) mkdirSync(join(path, folder), { recursive: true });
  for (const file of files) {
    writeFileSync(file, "fake\n", { mode: 0o666 });
    give(file, user);
  }
  return () => {
    for (const file of files) expect([file, readFileSync(file, "utf8")]).toEqual([file, "fake\n"]);
  };
}

for (const name of ["proc", "sys"])
  bundles(
    `CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-52881: hoy runtime: /${name} turns into a link`,
    async (bundle) => {
      const host = outside(bundle.dir, bundle.user);
      const check = fakeProc(join(bundle.rootfs, "fake"), bundle.user);
      let made = 0;
      for (const target of ["fake", host.path]) {
        const link = join(bundle.rootfs, `${name}.link`);
        symlinkSync(target, link);
        give(link, bundle.user);
        made += await attack(bundle, [join(bundle.rootfs, name), link], settings);
        rmSync(link);
        check();
        host.check();
      }
      expect(made).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

bundles(
  "CVE-2025-31133, CVE-2025-52881: hoy runtime: /proc turns into another folder, and takes no mask with it",
  async (bundle) => {
    const fake = join(bundle.rootfs, "fake");
    const check = fakeProc(fake, bundle.user);
    chmodSync(fake, 0o755);
    // whichever of the two folders it was mounted on
    const script = `if [ $(stat -f -c %T /fake) = proc ]; then ${look("/fake")}; else ${look("/proc")}; fi`;
    await attack(bundle, [join(bundle.rootfs, "proc"), fake], settings, script);
    check();
  },
  LIMIT_MS,
);

bundles(
  "CVE-2025-31133: hoy runtime: /dev/null turns into a link while masks are made",
  async (bundle) => {
    const host = outside(bundle.dir, bundle.user);
    const [node, link] = [join(bundle.rootfs, "dev/null"), join(bundle.rootfs, "dev/link")];
    rmSync(node, { force: true });
    writeFileSync(node, "not null\n", { mode: 0o666 });
    if (bundle.user) chownSync(node, bundle.user.uid, bundle.user.gid);
    symlinkSync(join(host.path, "secret"), link);
    give(link, bundle.user);
    const made = await attack(bundle, [node, link], (spec) => {
      settings(spec);
      spec.mounts = spec.mounts?.filter(({ destination }) => !destination.startsWith("/dev"));
    });
    expect(made).toBeGreaterThan(0);
    host.check();
  },
  LIMIT_MS,
);
