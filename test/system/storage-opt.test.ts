/** `--storage-opt size=…` on the compiled binary: over ext4 with project quotas on a loop device, and where there are none. */
import { expect } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { requires } from "../harness/requires.ts";
import { type TestStore, testStore } from "../harness/store.ts";
import { failure } from "./image-store.ts";

const MIB = 1 << 20;

const command = (...words: string[]): string => {
  const { exitCode, stdout, stderr } = Bun.spawnSync(words, { stdin: "ignore" });
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
  return stdout.toString();
};

/** An ext4 that enforces project quotas, or does not, mounted until it is disposed of. */
function fileSystem(options: readonly string[]): { path: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "hoy-quota-"));
  const [image, path] = [join(folder, "image"), join(folder, "mount")];
  mkdirSync(path);
  writeFileSync(image, "");
  command("truncate", "-s", "128M", image);
  command("mkfs.ext4", "-q", ...(options.length > 0 ? ["-O", "project,quota", "-E", "quotatype=prjquota"] : []), image);
  command("mount", "-o", ["loop", ...options].join(","), image, path);
  return {
    path,
    [Symbol.dispose]() {
      command("umount", path);
      rmSync(folder, { recursive: true });
    },
  };
}

const run = (store: TestStore, size: string, ...words: string[]): string[] => [
  "run",
  "--rm",
  "--network",
  "none",
  "--storage-opt",
  `size=${size}`,
  "--rootfs",
  store.rootfs,
  ...words,
];
const write = (mib: number): string => `dd if=/dev/zero of=/file bs=1M count=${mib} 2>&1; stat -c %s /file`;

const quota = requires("root", "namespaces", "busybox", "overlay", "mkfs.ext4", "project-quota");

quota("a container can write as much as it was given, and others as before", async () => {
  using disk = fileSystem(["prjquota"]);
  await using store = await testStore();
  const on = { root: join(disk.path, "store") };
  const written = (output: string): number => Number(output.trim().split("\n").at(-1));
  try {
    const limited = await store.ok(run(store, "8m", "sh", "-c", write(16)), on);
    expect(limited).toMatch(/No space left on device|Disk quota exceeded/);
    expect(written(limited)).toBeGreaterThan(6 * MIB);
    expect(written(limited)).toBeLessThanOrEqual(8 * MIB);
    // what is removed is free again; copies of the image's files count
    const script = `${write(6)}; rm /file; ${write(6)}; chmod 755 /bin/busybox; rm /file; ${write(16)}`;
    expect(written(await store.ok(run(store, "8m", "sh", "-c", script), on))).toBeLessThan(8 * MIB);
    expect(await store.ok(run(store, "20m", "df", "-m", "/"), on)).toMatch(/\s20\s/);
    await store.ok(
      ["create", "--network", "none", "--name", "kept", "--storage-opt", "size=8m", "--rootfs", store.rootfs, "sh", "-c", write(16)],
      on,
    );
    expect(await store.ok(["inspect", "-f", "{{json .HostConfig.StorageOpt}}", "kept"], on)).toBe('{"size":"8m"}');
    for (let start = 0; start < 2; start++) expect(written(await store.ok(["start", "-a", "kept"], on))).toBeLessThanOrEqual(8 * MIB);
    const free = ["run", "--rm", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", write(16)];
    expect(written(await store.ok(free, on))).toBe(16 * MIB);
    expect(
      failure(await store.hoy(["create", "--name", "kept", "--storage-opt", "size=8m", "--rootfs", store.rootfs, "true"], on))[1],
    ).toContain("is already in use");
    await store.ok(["rm", "kept"], on);
    // nothing is left of the limits: no id but the file system's own has one
    if (Bun.which("repquota"))
      expect(
        command("repquota", "-P", "-n", disk.path)
          .split("\n")
          .filter((line) => /^#[1-9]/.test(line)),
      ).toEqual([]);
  } finally {
    const ids = (await store.ok(["ps", "-aq"], on)).split("\n").filter(Boolean);
    if (ids.length > 0) await store.ok(["rm", "-f", ...ids], on);
  }
});

requires(
  "root",
  "namespaces",
  "busybox",
  "overlay",
  "mkfs.ext4",
  "loop",
)("a file system without project quotas is said to have none", async () => {
  using disk = fileSystem([]);
  await using store = await testStore();
  const root = join(disk.path, "store");
  expect(failure(await store.hoy(run(store, "8m", "true"), { root }))).toEqual([
    125,
    `hoy: --storage-opt size: needs xfs or ext4 with project quotas (mount option prjquota): ${root} is on ext4 without it`,
  ]);
  expect(await store.ok(["ps", "-aq"], { root })).toBe("");
});

each(
  [ROOTLESS, PLAIN],
  "busybox",
  "overlay",
)("an ordinary user can set no limit", async (store) => {
  expect(failure(await store.hoy(run(store, "8m", "true")))).toEqual([125, expect.stringContaining("--storage-opt size: needs root")]);
  expect(failure(await store.hoy(run(store, "none", "true")))).toEqual([125, expect.stringContaining("invalid size: 'none'")]);
});

each(
  [ROOT],
  "busybox",
  "overlay",
)("over the host's root the container's layer is a tmpfs of that size", async (store) => {
  // on another file system than the root's, the layer is the store's
  if (statSync("/").dev !== statSync(store.root).dev) return;
  const flags = ["run", "--rm", "--network", "none", "--storage-opt", "size=4m", "--rootfs", "/", "sh", "-c"];
  expect(await store.ok([...flags, "df -m / | tail -n 1"])).toMatch(/\s4\s/);
  expect((await store.ok([...flags, "head -c 9000000 /dev/zero > /file; stat -c %s /file; true"])).trim()).toMatch(/^[34]\d{6}$/);
});
