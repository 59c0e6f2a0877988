/** `--mount type=image` on the compiled binary: what the container sees, and that the image stays as long as the container. */
import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { dockerArchive, type TestImage } from "../harness/images.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { failure, fileBeside } from "./image-store.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");

const dataImage = (text: string): TestImage => ({ layers: [[{ name: "data/" }, { name: "data/f", data: text }]] });

const load = async (store: TestStore, image: TestImage, ...tags: string[]): Promise<void> =>
  void (await store.ok(["load", "-q", "-i", fileBeside(store, "image.tar", dockerArchive(image, ...tags))]));

/** A container over the test's root file system with an image mounted on /m. */
const over = (store: TestStore, command: string, image: string, ...script: string[]): string[] => [
  command,
  "--network",
  "none",
  "--mount",
  `type=image,src=${image},dst=/m`,
  "--rootfs",
  store.rootfs,
  ...script,
];

all("an image that a container mounts is in use, and stays what it was", async (store) => {
  await load(store, dataImage("first"), "data:1");
  const id = await store.ok(over(store, "create", "data:1", "cat", "/m/data/f"));
  const [code, text] = failure(await store.hoy(["rmi", "data:1"]));
  expect([code, text]).toEqual([1, expect.stringContaining(`container ${id.slice(0, 12)} is using its referenced image`)]);
  await load(store, dataImage("second"), "data:1");
  await store.ok(["image", "prune", "-f"]);
  expect(await store.ok(["start", "-a", id])).toBe("first");
  await store.ok(["rmi", "data:1"]);
  expect(await store.ok(["start", "-a", id])).toBe("first");
  await store.ok(["rm", id]);
  await store.ok(["image", "prune", "-f"]);
  expect(await store.ok(["image", "ls", "-q", "-a"])).toBe("");
});

/** An opaque folder, a removed and a replaced file: what a mount that does not know the layers' marks shows wrongly. */
const layered: TestImage = {
  layers: [
    [
      { name: "opaque/" },
      { name: "opaque/hidden", data: "1" },
      { name: "data/" },
      { name: "data/removed", data: "1" },
      { name: "data/replaced", data: "1" },
    ],
    [
      { name: "opaque/" },
      { name: "opaque/.wh..wh..opq", data: "" },
      { name: "opaque/shown", data: "2" },
      { name: "data/.wh.removed", data: "" },
      { name: "data/replaced", data: "2" },
    ],
    ...Array.from({ length: 8 }, (_, at) => [{ name: `layer${at}`, data: "x" }]),
  ],
};

for (const api of [undefined, "old"])
  all(
    `an image of several layers is seen as one tree that nobody can write to${api ? ", also by the old mount call" : ""}`,
    async (store) => {
      await load(store, layered, "layered:1");
      const script = "cd /m; echo opaque/* data/* layer*; cat data/replaced; touch new 2>&1; rm -f data/replaced 2>&1; echo $?";
      const env = { HOY_MOUNT_API: api };
      expect((await store.ok(over(store, "run", "layered:1", "sh", "-c", script), { env })).split("\n")).toEqual([
        `opaque/shown data/replaced ${Array.from({ length: 8 }, (_, at) => `layer${at}`).join(" ")}`,
        "2touch: new: Read-only file system",
        "rm: can't remove 'data/replaced': Read-only file system",
        "1",
      ]);
    },
  );

all("removed by force, it goes with the container that mounts it", async (store) => {
  await load(store, dataImage("kept"), "data:1");
  const id = await store.ok(over(store, "create", "data:1", "cat", "/m/data/f"));
  await store.ok(["rmi", "-f", "data:1"]);
  expect(await store.ok(["image", "ls", "-q", "-a"])).toBe("");
  expect(await store.ok(["start", "-a", id])).toBe("kept");
  await store.ok(["rm", id]);
  expect(readdirSync(join(store.root, "layers"))).toEqual(["l"]);
});

all("an image that is not there makes no container", async (store) => {
  for (const command of ["create", "run"]) {
    const [code, text] = failure(await store.hoy(over(store, command, "nothing", "true")));
    expect([code, text.split("\n")[0]]).toEqual([command === "run" ? 125 : 1, "hoy: No such image: nothing"]);
  }
  expect(await store.ok(["ps", "-aq"])).toBe("");
});
