/** `hoy runtime` on the compiled binary: what config.json can ask for beyond the usual. */
import { expect } from "bun:test";
import { chmodSync, chownSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OciBundle } from "../harness/oci.ts";
import { requires } from "../harness/requires.ts";

const root = requires("root", "namespaces", "busybox");

/** A folder with a bit of everything at `path` of the root file system. */
function fill(bundle: OciBundle, path: string): void {
  const folder = join(bundle.rootfs, path);
  mkdirSync(join(folder, "below"), { recursive: true });
  writeFileSync(join(folder, "file"), "content\n");
  writeFileSync(join(folder, "below/deep"), "deeper\n");
  symlinkSync("/etc/passwd", join(folder, "link"));
  Bun.spawnSync(["mknod", join(folder, "null"), "c", "1", "3"]);
  chownSync(join(folder, "file"), 1000, 2000);
  chmodSync(join(folder, "file"), 0o4755);
  utimesSync(join(folder, "file"), 1_000_000, 1_000_000);
  chownSync(folder, 3, 4);
  chmodSync(folder, 0o2755);
}

const LIST =
  "cd /data; stat -c '%n %F %a %u:%g' . * below/*; stat -c %Y file; cat file below/deep; readlink link; grep ' /data ' /proc/mounts";

root("tmpcopyup: the tmpfs begins with the content, links, modes, owners, times and devices of what it hides", async () => {
  await using bundle = new OciBundle();
  fill(bundle, "data");
  const run = (...options: string[]) => {
    bundle.configure(["sh", "-c", LIST], ({ mounts, process }) => {
      mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "nodev", ...options] });
      process.user = { uid: 0, gid: 0 };
    });
    return bundle.ok(["run", "c"]);
  };
  const lines = (await run("ro", "size=1m")).split("\n");
  expect(lines.slice(0, -1)).toEqual([
    ". directory 2755 3:4",
    "below directory 755 0:0",
    "file regular file 4755 1000:2000",
    "link symbolic link 777 0:0",
    "null character special file 644 0:0",
    "below/deep regular file 644 0:0",
    "1000000",
    "content",
    "deeper",
    "/etc/passwd",
  ]);
  expect(lines.at(-1)).toMatch(/^tmpfs \/data tmpfs ro,nodev,.*size=1024k/);
  expect((await run("mode=1777", "uid=7")).split("\n")[0]).toBe(". directory 1777 7:4");
});

root("tmpcopyup: in a user namespace the owners stay, an option's id counts inside", async () => {
  await using bundle = new OciBundle();
  fill(bundle, "data");
  for (const path of ["data", "data/below", "data/below/deep", "data/file"]) chownSync(join(bundle.rootfs, path), 200_001, 200_002);
  bundle.configure(["sh", "-c", "stat -c '%n %u:%g' /data /data/file; cat /data/below/deep; echo new > /data/new"], ({ mounts, linux }) => {
    mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "gid=5", "mode=777"] });
    linux.namespaces?.push({ type: "user" });
    linux.uidMappings = [{ containerID: 0, hostID: 200_000, size: 1000 }];
    linux.gidMappings = [{ containerID: 0, hostID: 200_000, size: 1000 }];
  });
  Bun.spawnSync(["chown", "-R", "--no-dereference", "200000:200000", ...["dev", "proc", "sys"].map((name) => join(bundle.rootfs, name))]);
  expect(await bundle.ok(["run", "c"])).toBe("/data 1:5\n/data/file 1:2\ndeeper");
});

root("tmpcopyup: no link leads out of the root file system; what is not there is empty; nothing but a tmpfs takes it", async () => {
  await using bundle = new OciBundle();
  symlinkSync("../../../../../../../etc", join(bundle.rootfs, "out"));
  const run = (destination: string, type: string, ...args: string[]) => {
    bundle.configure(args, ({ mounts }) => mounts.push({ destination, type, source: type, options: ["tmpcopyup"] }));
    return bundle.runtime(["run", "c"]);
  };
  const names = await run("/out", "tmpfs", "sh", "-c", "cat /etc/passwd | wc -l; ls /etc/hostname");
  expect(names.stdout).toBe("3\n");
  expect(await run("/new/place", "tmpfs", "ls", "-A", "/new/place")).toEqual({ code: 0, stdout: "", stderr: "" });
  const wrong = await run("/sys2", "sysfs", "true");
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("the mount on /sys2 is no tmpfs")]);
});
