/** `--userns auto` and `keep-id` on the compiled binary, as root and as ordinary users. */
import { beforeAll, expect } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { busyboxLayer, dockerArchive, type TestImage } from "../harness/images.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { containersRange } from "../harness/user.ts";
import { failure, fileBeside } from "./image-store.ts";
import { runProbe } from "./run-probe.ts";

const people = each([ROOT, ROOTLESS], "busybox", "overlay");
const root = each([ROOT], "busybox", "overlay");
const rootless = each([ROOTLESS], "busybox", "overlay");
const users = each([ROOTLESS, PLAIN], "busybox", "overlay");

beforeAll(() => {
  if (process.getuid?.() === 0) containersRange();
});

const PASSWD = "root:x:0:0::/root:/bin/sh\nweb:x:5:6::/srv:/bin/sh\nlast:x:1500:1600::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n";

/** Files of two users in two layers, one of them with a set-uid bit. */
const image = (): TestImage => ({
  layers: [
    [
      ...busyboxLayer(),
      { name: "etc/passwd", data: PASSWD },
      { name: "srv/", uid: 5, gid: 6, mode: 0o750 },
      { name: "srv/page", uid: 5, gid: 6, mode: 0o4640, data: "hello" },
      { name: "gone", data: "x" },
    ],
    [
      { name: "srv/more", uid: 5, gid: 0, data: "more" },
      { name: "srv/lower/", uid: 6, gid: 6 },
    ],
  ],
});

const load = async (store: TestStore): Promise<void> =>
  void (await store.ok(["load", "-q", "-i", fileBeside(store, "image.tar", dockerArchive(image(), "users:1"))]));

const run = (store: TestStore, flags: readonly string[], ...command: string[]): Promise<string> =>
  store.ok(["run", "--rm", "--network", "none", ...flags, "users:1", ...command]);

const OWNERS = "stat -c '%u:%g:%a %n' / /srv /srv/page /srv/more /srv/lower /bin/busybox";

/** [first id inside, first id outside, count] as the container sees them. */
const mapOf = (text: string): number[][] =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));

people("--userns auto: files have the owners that the image gave them, and what is written has them too", async (store) => {
  await load(store);
  const expected = await run(store, [], "sh", "-c", OWNERS);
  expect(await run(store, ["--userns", "auto"], "sh", "-c", OWNERS)).toBe(expected);
  const script =
    "id -u; touch /new; chown web /new; stat -c %u:%g /new; rm /gone; ls /gone 2>&1; echo x >> /srv/page; cat /srv/page; stat -c %u /srv/page";
  expect(await run(store, ["--userns", "auto"], "sh", "-c", script)).toBe("0\n5:0\nls: /gone: No such file or directory\nhellox\n5");
  expect(await run(store, ["--userns", "auto", "-u", "web"], "sh", "-c", "id -u; cat /srv/page; echo y > /dev/stdout")).toBe("5\nhelloy");
});

people("--userns auto: no two containers share an id, until one is removed", async (store) => {
  await load(store);
  const start = async (name: string): Promise<number[]> => {
    await store.ok(["run", "-d", "--name", name, "--network", "none", "--userns", "auto", "users:1", "sleep", "1000"]);
    return mapOf(await store.ok(["exec", name, "cat", "/proc/self/uid_map"]))[0] as number[];
  };
  const [first, second] = [await start("one"), await start("two")];
  // as many as the image's last group (staff) takes, nobody left aside
  expect([first?.[0], first?.[2]]).toEqual([0, 2001]);
  expect(second?.[1]).toBe((first?.[1] ?? 0) + 2001);
  await store.ok(["stop", "-t", "0", "one"]);
  expect((await start("three"))[1]).toBe((second?.[1] ?? 0) + 2001);
  // it keeps its own over a restart
  await store.ok(["start", "one"]);
  expect(mapOf(await store.ok(["exec", "one", "cat", "/proc/self/uid_map"]))[0]).toEqual(first as number[]);
  await store.ok(["rm", "-f", "one"]);
  expect((await start("four"))[1]).toBe(first?.[1] as number);
  expect(await store.ok(["inspect", "-f", "{{.HostConfig.UsernsMode}}", "four"])).toBe("auto");
});

people("--userns auto with options", async (store) => {
  expect(
    mapOf(
      (await runProbe(store, ["--userns", "auto:size=3000"], { cat: ["/proc/self/gid_map"], calls: [] })).texts[
        "/proc/self/gid_map"
      ] as string,
    ),
  ).toEqual([[0, expect.any(Number), 3000]]);
  const chosen = await runProbe(store, ["--userns", "auto:size=10,uidmapping=4:3:2"], { cat: ["/proc/self/uid_map"], calls: [] });
  const maps = mapOf(chosen.texts["/proc/self/uid_map"] as string);
  expect(maps).toContainEqual([4, 3, 2]);
  expect(maps.reduce((sum, [, , count = 0]) => sum + count, 0)).toBe(10);
  const refused = async (flags: string[]) =>
    failure(await store.hoy(["run", "--rm", "--network", "none", ...flags, "--rootfs", store.rootfs, "true"]));
  expect(await refused(["--userns", "auto:size=100", "-u", "50:70000"])).toEqual([
    125,
    expect.stringContaining("has no gid 70000, only 0-99"),
  ]);
  expect(await refused(["--userns", "auto:size=100000000000"])).toEqual([125, expect.stringContaining("--userns: invalid size")]);
  expect(await refused(["--userns", "auto", "-u", "70000"])).toEqual([
    125,
    expect.stringContaining("needs 70001 ids, and gets 65536 at most by itself"),
  ]);
  expect(await refused(["--userns", "auto:size=4000000000"])).toEqual([125, expect.stringContaining("4000000000")]);
  expect(await refused(["--userns", "auto", "--pid", "container:x"])).toEqual([
    125,
    expect.stringContaining("conflicting options: a user namespace of its own and the PID mode container:x"),
  ]);
});

people("exec, a terminal, --init and the streams in a user namespace of its own", async (store) => {
  await load(store);
  const flags = ["--network", "none", "--userns", "auto"];
  await store.ok(["run", "-d", "--name", "main", ...flags, "users:1", "sleep", "1000"]);
  const report = await store.ok(["exec", "main", "sh", "-c", "readlink /proc/self/ns/user; cat /proc/self/uid_map; id -u"]);
  expect(report).toBe(await store.ok(["exec", "main", "sh", "-c", "readlink /proc/1/ns/user; cat /proc/1/uid_map; echo 0"]));
  expect(await store.ok(["exec", "-u", "web", "main", "sh", "-c", "id -u; cat /srv/page"])).toBe("5\nhello");
  expect(failure(await store.hoy(["exec", "-u", "5000", "main", "id"]))).toEqual([126, expect.stringContaining("has no uid 5000")]);
  expect((await store.ok(["exec", "-t", "main", "tty"])).trim()).toBe("/dev/pts/0");
  await store.ok(["exec", "-d", "-u", "web", "main", "sh", "-c", "echo done > /dev/stdout && touch /srv/done"]);
  for (let tries = 0; tries < 100 && !(await store.ok(["exec", "main", "ls", "/srv"])).includes("done"); tries++) await Bun.sleep(20);
  expect(await store.ok(["exec", "main", "ls", "/srv"])).toContain("done");
  expect((await store.ok(["run", "--rm", "-t", ...flags, "users:1", "tty"])).trim()).toBe("/dev/pts/0");
  expect(await store.ok(["run", "--rm", "--init", ...flags, "users:1", "sh", "-c", "echo $$ > /dev/stdout"])).not.toBe("1");
  expect(await store.ok(["run", "--rm", "--privileged", ...flags, "users:1", "id", "-u"])).toBe("0");
});

root("volumes show their files with the ids that containers have, whichever they are", async (store) => {
  await load(store);
  const volume = ["-v", "data:/srv", "--userns", "auto"];
  expect(await run(store, volume, "stat", "-c", "%u:%g", "/srv", "/srv/page")).toBe("5:6\n5:6");
  await store.ok(["run", "-d", "--name", "other", "--network", "none", "--userns", "auto", "users:1", "sleep", "1000"]);
  expect(await run(store, [...volume, "-u", "web"], "sh", "-c", "touch /srv/new; stat -c %u:%g /srv/new /srv/more")).toBe("5:6\n5:0");
  expect(await run(store, ["-v", "data:/srv:ro"], "stat", "-c", "%u:%g", "/srv/new")).toBe("5:6");
  expect(
    failure(await store.hoy(["run", "--rm", "--network", "none", "-v", "data:/srv:ro", "--userns", "auto", "users:1", "touch", "/srv/x"])),
  ).toEqual([1, "touch: /srv/x: Read-only file system"]);
  const { uid } = statSync(join(store.root, "volumes/data/_data/new"));
  expect(uid).toBe(5);
});

people("a new volume is the container's root's", async (store) => {
  await load(store);
  expect(await run(store, ["-v", "/data", "--userns", "auto"], "sh", "-c", "touch /data/x && stat -c %u /data /data/x")).toBe("0\n0");
});

people("images as mounts, binds and the engine's files", async (store) => {
  await load(store);
  const flags = ["--userns", "auto", "--mount", "type=image,src=users:1,dst=/m", "-v", `${store.dir}:/host:ro`];
  const report = await run(
    store,
    flags,
    "sh",
    "-c",
    "cat /m/srv/page; echo; stat -c %u /etc/hosts /etc/resolv.conf; echo >> /etc/hosts; stat -c %u /host",
  );
  expect(report.split("\n")).toEqual(["hello", "0", "0", "65534"]);
});

people("--userns auto with the networks there are", async (store) => {
  const { namespaces } = await runProbe(store, ["--userns", "auto", "--network", "host"], { calls: [] });
  expect(namespaces.net).toBe((await runProbe(store, ["--network", "host"], { calls: [] })).namespaces.net as string);
  await store.ok(["run", "-d", "--name", "giver", "--network", "none", "--userns", "auto", "--rootfs", store.rootfs, "sleep", "1000"]);
  const joined = await runProbe(store, ["--userns", "auto", "--network", "container:giver"], { calls: [] });
  expect(joined.namespaces.net).toBe(await store.ok(["exec", "giver", "readlink", "/proc/self/ns/net"]));
  expect(joined.namespaces.user).not.toBe(await store.ok(["exec", "giver", "readlink", "/proc/self/ns/user"]));
});

each(
  [ROOT],
  "busybox",
  "overlay",
  "nf_tables",
)("--userns auto on the default bridge", async (store) => {
  const script = "ls /sys/class/net; cat /proc/sys/net/ipv4/ip_unprivileged_port_start";
  expect(await store.ok(["run", "--rm", "--userns", "auto", "--rootfs", store.rootfs, "sh", "-c", script])).toBe("eth0\nlo\n0");
});

each(
  [ROOTLESS],
  "busybox",
  "overlay",
  "user-tun",
  "slirp4netns",
)("--userns keep-id on the user's default network", async (store) => {
  expect(await store.ok(["run", "--rm", "--userns", "keep-id", "--rootfs", store.rootfs, "ls", "/sys/class/net"])).toBe("eth0\nlo");
});

users("--userns keep-id: the caller is the same user inside", async (store, { title }) => {
  const { uid, gid } = store.user ?? { uid: 0, gid: 0 };
  await load(store);
  expect(await run(store, ["--userns", "keep-id"], "sh", "-c", "id -u; id -g; touch /tmp 2>/dev/null || true")).toBe(`${uid}\n${gid}`);
  // what a bind shows as the user's is the user's, and what is written there, too
  expect(await run(store, ["--userns", "keep-id", "-v", `${store.dir}:/host`], "sh", "-c", "stat -c %u:%g /host; touch /host/made")).toBe(
    `${uid}:${gid}`,
  );
  expect([statSync(join(store.dir, "made")).uid, statSync(join(store.dir, "made")).gid]).toEqual([uid, gid]);
  expect(await run(store, ["--userns", "keep-id:uid=7,gid=8"], "sh", "-c", "id -u; id -g")).toBe("7\n8");
  if (title === "rootless") {
    expect(await run(store, ["--userns", "keep-id", "-u", "0"], "sh", "-c", OWNERS)).toBe(await run(store, [], "sh", "-c", OWNERS));
    expect(await run(store, ["--userns", "keep-id", "-u", "0"], "sh", "-c", "touch /x; stat -c %u /x")).toBe("0");
  }
});

rootless("--userns keep-id over the host's own files", async (store) => {
  const output = await store.ok(["run", "--rm", "--network", "none", "--userns", "keep-id", "--rootfs", "/", "id", "-u"]);
  expect(output).toBe(String(store.user?.uid));
  const result = await store.hoy(["run", "--rm", "--network", "none", "--userns", "auto", "--rootfs", "/", "true"]);
  expect(failure(result)).toEqual([125, expect.stringContaining("--userns auto with --rootfs / is for root alone")]);
});

root("--userns keep-id as root is a namespace of its own with the ids that there are", async (store) => {
  const { namespaces, texts } = await runProbe(store, ["--userns", "keep-id"], { cat: ["/proc/self/uid_map"], calls: [] });
  expect(mapOf(texts["/proc/self/uid_map"] as string)).toEqual([[0, 0, 4294967295]]);
  expect(namespaces.user).not.toBe((await runProbe(store, [], { calls: [] })).namespaces.user as string);
});

each([PLAIN], "busybox")("--userns auto takes more than one id", async (store) => {
  const result = await store.hoy(["run", "--rm", "--network", "none", "--userns", "auto", "--rootfs", store.rootfs, "true"]);
  expect(failure(result)).toEqual([125, expect.stringContaining("--userns auto: your user namespace has not 2001 uids left")]);
});

root("without mapped ids of the kernel's, the layers are copied once", async (store) => {
  await load(store);
  // a file system without such mounts: the way of an older kernel
  const env = { HOY_MOUNT_API: "unmapped" };
  const id = await store.ok(["create", "--network", "none", "--userns", "auto", "users:1", "sh", "-c", OWNERS]);
  const shown = await store.ok(["start", "-a", id], { env });
  expect(shown).toBe(await run(store, [], "sh", "-c", OWNERS));
  expect(statSync(join(store.root, "containers", id, "mapped/srv")).uid).toBeGreaterThan(100_000);
  expect(await store.ok(["start", "-a", id], { env })).toBe(shown);
});
