/**
 * SELinux labels. `security=selinux` on the kernel's command line is not enough: labels mean something only once a policy is loaded.
 * In a virtual machine of its own, .ci/run loads test/harness/selinux/labels.policy, which knows them and forbids nothing.
 */
import { expect } from "bun:test";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getXattr } from "../../ffi/xattr.ts";
import { testBundle } from "../harness/bundle.ts";
import { busyboxImage, dockerArchive, type TestImage } from "../harness/images.ts";
import { OciBundle } from "../harness/oci.ts";
import { each, ROOT } from "../harness/people.ts";
import { requires } from "../harness/requires.ts";
import type { TestStore } from "../harness/store.ts";
import { containersRange } from "../harness/user.ts";
import { fileBeside } from "./image-store.ts";

const root = each([ROOT], "busybox", "selinux");
const bundles = requires("root", "namespaces", "busybox", "selinux");
const without = requires("root", "namespaces", "busybox", "no-selinux");

const CURRENT = ["cat", "/proc/self/attr/current"];
const ENGINE = "system_u:system_r:engine_t:s0";
const PROCESS = "system_u:system_r:container_t:s0:c1,c2";
const FILES = "system_u:object_r:container_file_t:s0:c1,c2";
const clean = (text: string): string => text.replace(/[\0\n]+$/, "");
const labelOf = (path: string): string => clean(getXattr(path, "security.selinux")?.toString() ?? "");

bundles("hoy runtime: process.selinuxLabel and linux.mountLabel", async () => {
  await using bundle = await testBundle();
  const labelled = (...args: string[]) =>
    bundle.configure(args, ({ process, linux }) => {
      process.selinuxLabel = PROCESS;
      // the policy lets nobody change domain under it
      process.noNewPrivileges = false;
      linux.mountLabel = FILES;
    });
  labelled("sh", "-c", "cat /proc/self/attr/current; echo; grep -E ' /dev(/shm|/pts)? ' /proc/mounts");
  const [process, ...mounts] = (await bundle.ok(["run", "c"])).split("\n");
  expect(clean(process ?? "")).toBe(PROCESS);
  expect(
    mounts.filter((line) => line.includes(`context="${FILES}"`) || line.includes(`context=${FILES}`)).map((line) => line.split(" ")[1]),
  ).toEqual(expect.arrayContaining(["/dev", "/dev/pts", "/dev/shm"]));
  labelled("sleep", "60");
  await bundle.ok(["run", "-d", "c"]);
  expect(clean(await bundle.ok(["exec", "c", ...CURRENT]))).toBe(PROCESS);
  const other = "system_u:system_r:other_t:s0";
  expect(clean(await bundle.ok(["exec", "--process-label", other, "c", ...CURRENT]))).toBe(other);
  await bundle.ok(["delete", "--force", "c"]);
});

bundles("hoy runtime: a label that the policy does not know", async () => {
  await using bundle = new OciBundle();
  bundle.configure(["true"], ({ process }) => void (process.selinuxLabel = "system_u:system_r:nobody_t:s0"));
  const { code, stderr } = await bundle.runtime(["run", "c"]);
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining("the SELinux label system_u:system_r:nobody_t:s0 is not valid in the loaded policy"),
  ]);
  expect(await bundle.ok(["list", "-q"])).toBe("");
});

without("hoy runtime: labels where SELinux is disabled", async () => {
  await using bundle = new OciBundle();
  for (const [property, label] of [
    ["process.selinuxLabel", PROCESS],
    ["linux.mountLabel", FILES],
  ] as const) {
    bundle.configure(["true"], ({ process, linux }) => {
      if (property === "linux.mountLabel") linux.mountLabel = label;
      else process.selinuxLabel = label;
    });
    const { code, stderr } = await bundle.runtime(["run", "c"]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`${property}: the SELinux label ${label} cannot be applied: SELinux is disabled`),
    ]);
  }
});

each(
  [ROOT],
  "busybox",
  "no-selinux",
)("--security-opt label: where SELinux is disabled, it asks for nothing", async (store) => {
  enable(store);
  const { code, stderr } = await store.hoy(
    ["run", "--rm", "--network", "none", ...option("type:other_t"), "--rootfs", store.rootfs, "true"],
    settings(store),
  );
  expect([code, stderr]).toEqual([0, ""]);
  expect((await store.hoy(["run", "--rm", ...option("typo:x"), "--rootfs", store.rootfs, "true"])).code).toBe(125);
});

const option = (label: string): string[] => ["--security-opt", `label=${label}`];
const settings = (store: TestStore) => ({ env: { XDG_CONFIG_HOME: join(store.dir, "config") } });

/** Settings under which containers are labelled. */
function enable(store: TestStore): void {
  mkdirSync(join(store.dir, "config/hoy"), { recursive: true });
  writeFileSync(join(store.dir, "config/hoy/config.json"), '{"selinux-enabled": true}');
}

/** What container-selinux would bring: the contexts of containers. */
function contexts(): Disposable {
  if (existsSync("/etc/selinux/targeted")) throw new Error("this machine has a policy of its own");
  mkdirSync("/etc/selinux/targeted/contexts", { recursive: true });
  writeFileSync(
    "/etc/selinux/targeted/contexts/lxc_contexts",
    'process = "system_u:system_r:container_t:s0"\nfile = "system_u:object_r:container_file_t:s0"\n',
  );
  return { [Symbol.dispose]: () => rmSync("/etc/selinux/targeted", { recursive: true }) };
}

root("containers get a label each, their files with it, and exec the same", async (store) => {
  enable(store);
  using _ = contexts();
  const hoy = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await store.hoy(args, settings(store));
    expect([args, code, stderr]).toEqual([args, 0, ""]);
    return clean(stdout);
  };
  expect(await hoy("info", "--format", "{{.SecurityOptions}}")).toContain("name=selinux");
  const id = await hoy("run", "-d", "--network", "none", "--rootfs", store.rootfs, "sleep", "60");
  const [process, mount] = (await hoy("inspect", "--format", "{{.ProcessLabel}} {{.MountLabel}}", id)).split(" ");
  expect(process).toMatch(/^system_u:system_r:container_t:s0:c\d+,c\d+$/);
  expect(mount).toBe(process?.replace("system_r:container_t", "object_r:container_file_t"));
  expect(await hoy("exec", id, ...CURRENT)).toBe(process as string);
  expect(await hoy("exec", id, "grep", "-c", mount as string, "/proc/mounts")).toMatch(/^[3-9]$/);
  expect(await hoy("exec", id, "grep", " / ", "/proc/mounts")).toContain(mount as string);
  expect(labelOf(await hoy("inspect", "--format", "{{.HostsPath}}", id))).toBe(mount as string);
  await hoy("rm", "-f", id);
  const own = await store.hoy(
    ["run", "--rm", "--network", "none", ...option("type:other_t"), ...option("level:s0:c9"), "--rootfs", store.rootfs, ...CURRENT],
    settings(store),
  );
  expect(clean(own.stdout)).toBe("system_u:system_r:other_t:s0:c9");
});

root("z and Z label a folder that is mounted; disable labels no process", async (store) => {
  enable(store);
  using _ = contexts();
  const folder = join(store.dir, "data");
  mkdirSync(join(folder, "below"), { recursive: true });
  writeFileSync(join(folder, "below/file"), "");
  const run = async (flags: string[], ...command: string[]) => {
    const words = ["run", "--rm", "--network", "none", ...flags, "--rootfs", store.rootfs, ...command];
    const { code, stdout, stderr } = await store.hoy(words, settings(store));
    expect([words, code, stderr]).toEqual([words, 0, ""]);
    return clean(stdout);
  };
  await run([...option("level:s0:c5,c6"), "-v", `${folder}:/data:Z`], "true");
  expect(labelOf(join(folder, "below/file"))).toBe("system_u:object_r:container_file_t:s0:c5,c6");
  await run(["-v", `${folder}:/data:z`], "true");
  for (const path of ["", "below", "below/file"]) expect(labelOf(join(folder, path))).toBe("system_u:object_r:container_file_t:s0");
  await run(["-v", "named:/v"], "touch", "/v/file");
  await run(["-v", "named:/v"], "true");
  expect(labelOf(join(store.root, "volumes/named/_data/file"))).toBe("system_u:object_r:container_file_t:s0");
  for (const flags of [option("disable"), ["--privileged"], ["--pid", "host"]]) expect(await run(flags, ...CURRENT)).toBe(ENGINE);
  const refused = await store.hoy(
    ["run", "--rm", "--network", "none", "-v", "/etc:/x:Z", "--rootfs", store.rootfs, "true"],
    settings(store),
  );
  expect([refused.code, refused.stderr]).toEqual([125, expect.stringContaining("SELinux relabeling of /etc is not allowed")]);
});

root("an image that is mounted has the container's label, of however many layers it is", async (store) => {
  enable(store);
  using _ = contexts();
  const layers: TestImage["layers"] = [[{ name: "a", data: "1" }], [{ name: "b", data: "2" }]];
  for (const count of [1, 2]) {
    await store.ok(["load", "-q", "-i", fileBeside(store, "image.tar", dockerArchive({ layers: layers.slice(0, count) }, "data:1"))]);
    const words = ["run", "--rm", "--network", "none", ...option("level:s0:c5,c6"), "--mount", "type=image,src=data:1,dst=/m"];
    const { stdout } = await store.hoy(
      [...words, "--rootfs", store.rootfs, "sh", "-c", "cat /m/a; grep ' /m ' /proc/mounts"],
      settings(store),
    );
    expect(stdout).toMatch(/^1overlay \/m overlay ro,.*context="?system_u:object_r:container_file_t:s0:c5,c6"?/);
  }
});

root("a container with ids of its own has its labels, on volumes too", async (store) => {
  enable(store);
  using _ = contexts();
  containersRange();
  await store.ok(["load", "-q", "-i", fileBeside(store, "image.tar", dockerArchive(busyboxImage(), "bb:1"))]);
  const words = ["run", "--rm", "--network", "none", "--userns", "auto", ...option("level:s0:c5,c6"), "-v", "own:/v", "bb:1"];
  const { code, stdout, stderr } = await store.hoy([...words, ...CURRENT], settings(store));
  expect([code, stderr, clean(stdout)]).toEqual([0, "", "system_u:system_r:container_t:s0:c5,c6"]);
  expect(labelOf(join(store.root, "volumes/own/_data"))).toBe("system_u:object_r:container_file_t:s0");
});

root("without selinux-enabled no container is labelled, as with Docker", async (store) => {
  expect(clean(await store.ok(["run", "--rm", "--network", "none", ...option("type:other_t"), "--rootfs", store.rootfs, ...CURRENT]))).toBe(
    ENGINE,
  );
});
