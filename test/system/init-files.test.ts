/** /.dockerenv and /etc/mtab, which Docker makes in every container. */
import { expect } from "bun:test";
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { busyboxLayer, dockerArchive } from "../harness/images.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { fileBeside } from "./image-store.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const LOOK = "stat -c '%F %a %u' /.dockerenv; readlink /etc/mtab; grep -c ' / ' /etc/mtab";
const SEEN = "regular empty file 755 0\n/proc/mounts\n1";

all("they are there, also in a root that is read-only for the container", async (store) => {
  const flags = ["--rm", "--network", "none"];
  for (const more of [[], ["--read-only"]])
    expect(await store.ok(["run", ...flags, ...more, "--rootfs", store.rootfs, "sh", "-c", LOOK])).toBe(SEEN);
  expect(lstatSync(join(store.rootfs, ".dockerenv"), { throwIfNoEntry: false })).toBeUndefined();
});

all("what the image has is kept, a link for /etc leads nowhere else, and what the container removes stays away", async (store) => {
  const load = (name: string, layer: ReturnType<typeof busyboxLayer>) =>
    store.ok(["load", "-i", fileBeside(store, name, dockerArchive({ layers: [layer] }, `${name}:1`))]);
  await load("own", [
    ...busyboxLayer(),
    { name: "etc/mtab", data: "mine\n", mode: 0o644 },
    { name: ".dockerenv", data: "full", mode: 0o600 },
  ]);
  const run = (...args: string[]) => store.ok(["run", "--rm", "--network", "none", ...args]);
  expect(await run("own:1", "cat", "/etc/mtab", "/.dockerenv")).toBe("mine\nfull");
  await load("link", [
    ...busyboxLayer().filter(({ name }) => !name.startsWith("etc/")),
    { name: "inner/" },
    { name: "etc", type: "2", link: "/inner", mode: 0o777 },
  ]);
  expect(await run("link:1", "readlink", "/inner/mtab")).toBe("/proc/mounts");
  expect(lstatSync("/inner", { throwIfNoEntry: false })).toBeUndefined();
  await load("plain", busyboxLayer());
  const script = "rm /.dockerenv /etc/mtab 2>/dev/null || echo gone";
  await store.ok(["create", "--name", "twice", "--network", "none", "plain:1", "sh", "-c", script]);
  expect(await store.ok(["start", "-a", "twice"])).toBe("");
  expect(await store.ok(["start", "-a", "twice"])).toBe("gone");
});

all("they do not count for the size of what was written", async (store) => {
  await store.ok(["load", "-i", fileBeside(store, "plain.tar", dockerArchive({ layers: [busyboxLayer()] }, "plain:1"))]);
  await store.ok(["run", "--name", "one", "--network", "none", "plain:1", "readlink", "/etc/mtab"]);
  expect(await store.ok(["ps", "-as", "--format", "{{.Size}}"])).toStartWith("0B (");
});
