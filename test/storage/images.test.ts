import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pruneImages } from "../../src/engine/images/prune.ts";
import type { Store } from "../../src/state/store.ts";
import { collectGarbage } from "../../src/storage/collect.ts";
import { blobPath } from "../../src/storage/content.ts";
import { removeImage } from "../../src/storage/image-remove.ts";
import { addRepoDigest, findImage, type ImageRecord, listImages, repoDigestsOf, tagImage, tagsOf } from "../../src/storage/images.ts";
import { imageLayers, layerFolder } from "../../src/storage/layers.ts";
import { takeLease } from "../../src/storage/lease.ts";
import { addContainer, addImage, smallImage } from "./images.ts";
import { scratchStore } from "./scratch.ts";

const TAG = "docker.io/library/app:latest";
const DIGEST = `sha256:${"ab".repeat(32)}`;
const onDisk = (store: Store): string[] =>
  ["blobs/sha256", "layers", "layers/l", "tmp"].flatMap((name) => readdirSync(join(store.root, name)));
const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

describe("finding", () => {
  test("by tag, by digest, by id and its prefixes; the tag goes first", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"), TAG);
    addRepoDigest(store, image.id, { repository: "docker.io/library/app", digest: DIGEST });
    const hex = image.id.slice(7);
    const found = (name: string, reference?: string): string | undefined => findImage(store, { name, reference })?.id;
    expect(found("app", TAG)).toBe(image.id);
    expect(found(`app@${DIGEST}`, `docker.io/library/app@${DIGEST}`)).toBe(image.id);
    expect(found(`app:other@${DIGEST}`, `docker.io/library/app:other@${DIGEST}`)).toBe(image.id);
    for (const name of [image.id, hex, hex.slice(0, 12), hex.slice(0, 2), `sha256:${hex.slice(0, 5)}`]) expect(found(name)).toBe(image.id);
    expect([found("app:other", "docker.io/library/app:other"), found("sha256:"), found("zz"), found(`${hex}0`), found("%")]).toEqual(
      Array(5).fill(undefined),
    );
    const other = await addImage(store, smallImage("y"), `docker.io/library/${hex.slice(0, 6)}:latest`);
    expect(found(hex.slice(0, 6), `docker.io/library/${hex.slice(0, 6)}:latest`)).toBe(other.id);
  });

  test("a prefix of several images is an error", async () => {
    using scope = scratchStore();
    const images: ImageRecord[] = [];
    for (let at = 0; at < 17; at++) images.push(await addImage(scope.store, { layers: [], config: { Labels: { at: String(at) } } }));
    const firsts = images.map(({ id }) => id.slice(7, 8));
    const twice = firsts.find((first, at) => firsts.indexOf(first) !== at) as string;
    expect(messageOf(() => findImage(scope.store, { name: twice }))).toContain("ambiguous");
  });

  test("a tag moves to another image; both are listed", async () => {
    using scope = scratchStore();
    const first = await addImage(scope.store, smallImage("x"), TAG);
    const second = await addImage(scope.store, smallImage("y"), TAG);
    expect([tagsOf(scope.store, first.id), tagsOf(scope.store, second.id)]).toEqual([[], [TAG]]);
    expect(
      listImages(scope.store)
        .map(({ id }) => id)
        .sort(),
    ).toEqual([first.id, second.id].sort());
  });
});

describe("removing, with Docker's words", () => {
  test("one of two tags: untagged alone; the last: deleted, with its own layers from the top down", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"), TAG, "docker.io/library/app:2");
    const other = await addImage(store, smallImage("y"));
    addRepoDigest(store, image.id, { repository: "docker.io/library/app", digest: DIGEST });
    const [, top] = imageLayers(store, image.id);
    expect(removeImage(store, { image, reference: TAG, name: "app" })).toEqual([{ untagged: "app:latest" }]);
    expect(removeImage(store, { image, reference: "docker.io/library/app:2", name: "app:2" })).toEqual([
      { untagged: "app:2" },
      { untagged: `app@${DIGEST}` },
      { deleted: image.id },
      { deleted: top?.chainId as string },
    ]);
    expect(listImages(store).map(({ id }) => id)).toEqual([other.id]);
    expect(existsSync(layerFolder(store, imageLayers(store, other.id)[1]?.chainId as string))).toBe(true);
    removeImage(store, { image: other, name: other.id });
    expect(onDisk(store)).toEqual(["l"]);
  });

  test("by id: the names of several repositories want force", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"), TAG, "docker.io/user/other:1");
    const short = image.id.slice(7, 19);
    expect(messageOf(() => removeImage(store, { image, name: short }))).toBe(
      `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    );
    const removals = removeImage(store, { image, name: short, force: true });
    expect(removals.slice(0, 3)).toEqual([{ untagged: "app:latest" }, { untagged: "user/other:1" }, { deleted: image.id }]);
    expect(onDisk(store)).toEqual(["l"]);
  });

  test("an image that containers use", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"), TAG);
    const short = image.id.slice(7, 19);
    addContainer(store, "c0ffee", { image: image.id, state: "exited" });
    expect(messageOf(() => removeImage(store, { image, reference: TAG, name: "app" }))).toBe(
      `conflict: unable to remove repository reference "app" (must force) - container c0ffee000000 is using its referenced image ${short}`,
    );
    expect(messageOf(() => removeImage(store, { image, name: short }))).toBe(
      `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container c0ffee000000`,
    );
    store.db.query("UPDATE containers SET state = 'running'").run();
    expect(messageOf(() => removeImage(store, { image, name: short, force: true }))).toBe(
      `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container c0ffee000000`,
    );
    expect(tagsOf(store, image.id)).toEqual([TAG]);
    expect(removeImage(store, { image, reference: TAG, name: "app", force: true })).toEqual([{ untagged: "app:latest" }]);
    collectGarbage(store);
    expect(imageLayers(store, image.id).every(({ chainId }) => existsSync(layerFolder(store, chainId)))).toBe(true);
  });

  test("by force from under a stopped container: gone for all but the container, which keeps its layers to its end", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"), TAG);
    addContainer(store, "c0ffee", { image: image.id, state: "exited" });
    expect(removeImage(store, { image, reference: TAG, name: "app", force: true })).toEqual([
      { untagged: "app:latest" },
      { deleted: image.id },
    ]);
    expect([listImages(store), findImage(store, { name: image.id }), findImage(store, { name: "app", reference: TAG })]).toEqual([
      [],
      undefined,
      undefined,
    ]);
    collectGarbage(store);
    expect(imageLayers(store, image.id).every(({ chainId }) => existsSync(layerFolder(store, chainId)))).toBe(true);
    // Pulled again, it is there again.
    const again = await addImage(store, smallImage("x"), TAG);
    expect([again.id, listImages(store).length]).toEqual([image.id, 1]);
    expect(removeImage(store, { image, name: image.id, force: true })).toEqual([{ untagged: "app:latest" }, { deleted: image.id }]);
    store.db.query("DELETE FROM containers").run();
    collectGarbage(store);
    expect(onDisk(store)).toEqual(["l"]);
  });

  test("an image that a container mounts is used as well, to the container's end", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"), TAG);
    const short = image.id.slice(7, 19);
    addContainer(store, "c0ffee", { image: null, mounts: [image.id], state: "exited" });
    expect(messageOf(() => removeImage(store, { image, name: short }))).toBe(
      `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container c0ffee000000`,
    );
    expect(pruneImages(store, { all: true }).removals).toEqual([]);
    expect(removeImage(store, { image, name: short, force: true })).toEqual([{ untagged: "app:latest" }, { deleted: image.id }]);
    collectGarbage(store);
    expect(imageLayers(store, image.id).every(({ chainId }) => existsSync(layerFolder(store, chainId)))).toBe(true);
    store.db.query("DELETE FROM containers").run();
    collectGarbage(store);
    expect(onDisk(store)).toEqual(["l"]);
  });

  test("by id: two tags of one repository want force", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"), TAG, "docker.io/library/app:2");
    expect(messageOf(() => removeImage(store, { image, name: "x" }))).toContain(
      "(must be forced) - image is referenced in multiple repositories",
    );
    expect(removeImage(store, { image, name: "x", force: true }).filter((each) => "untagged" in each)).toHaveLength(2);
  });

  test("events are written with the change", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"), TAG);
    removeImage(store, { image, reference: TAG, name: "app" });
    const rows = store.db.query("SELECT action, actor FROM events ORDER BY seq").all() as { action: string; actor: string }[];
    expect(rows.map(({ action }) => action)).toEqual(["tag", "untag", "delete"]);
    expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set([image.id]));
  });
});

describe("garbage", () => {
  test("what dead processes left goes: blobs, layers and links without rows, working folders", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"), TAG);
    const before = onDisk(store).sort();
    writeFileSync(blobPath(store, DIGEST), "x");
    mkdirSync(join(store.root, "layers", "cd".repeat(32), "diff"), { recursive: true });
    mkdirSync(join(store.root, "tmp", "dead"));
    expect(collectGarbage(store)).toEqual({ layers: [], blobs: [], bytes: 0 });
    expect(onDisk(store).sort()).toEqual(before);
    expect(findImage(store, { name: image.id })).toBeDefined();
  });

  test("a lease keeps blobs and layers, with or without rows", async () => {
    using scope = scratchStore();
    const { store } = scope;
    const image = await addImage(store, smallImage("x"));
    const layers = imageLayers(store, image.id);
    {
      using _lease = takeLease(store, [DIGEST, layers[1]?.chainId as string]);
      writeFileSync(blobPath(store, DIGEST), "x");
      removeImage(store, { image, name: image.id });
      expect(existsSync(blobPath(store, DIGEST))).toBe(true);
      expect(layers.map(({ chainId }) => existsSync(layerFolder(store, chainId)))).toEqual([true, true]);
    }
    const collected = collectGarbage(store);
    expect(collected.layers.sort()).toEqual(layers.map(({ chainId }) => chainId).sort());
    expect(onDisk(store)).toEqual(["l"]);
  });

  test("pulls and removals of the same image at once leave a whole image or none", async () => {
    using scope = scratchStore();
    const { store } = scope;
    for (let round = 0; round < 5; round++) {
      const [image] = await Promise.all([
        addImage(store, smallImage("x"), TAG),
        (async () => {
          for (let at = 0; at < 10; at++) {
            collectGarbage(store);
            await Bun.sleep(1);
          }
        })(),
      ]);
      expect(imageLayers(store, image.id).map(({ chainId }) => existsSync(layerFolder(store, chainId)))).toEqual([true, true]);
      removeImage(store, { image, name: image.id });
    }
    expect(onDisk(store)).toEqual(["l"]);
  });
});

test("a tag for an image that is gone is refused", () => {
  using scope = scratchStore();
  expect(() => tagImage(scope.store, DIGEST, TAG)).toThrow();
  expect(repoDigestsOf(scope.store, DIGEST)).toEqual([]);
});
