/** The events of pulling and loading, as Docker has them. */
import { expect, test } from "bun:test";
import { loadImages } from "../../src/storage/archive/load.ts";
import { readBlob } from "../../src/storage/content.ts";
import { serveImage, startContentRegistry } from "../harness/content-registry.ts";
import { dockerArchive, sha256 } from "../harness/images.ts";
import { tar } from "../harness/tar.ts";
import { type Scene, scene } from "./scene.ts";

const events = (at: Scene): unknown[] =>
  at.store.db
    .query("SELECT type, action, actor, attributes FROM events ORDER BY seq")
    .all()
    .map((row) => ({ ...(row as object), attributes: JSON.parse((row as { attributes: string }).attributes) }));

test("each pull is an event, also one that changes nothing; an image never stands without its name", async () => {
  using at = scene();
  using registry = startContentRegistry();
  const data = tar([{ name: "x", data: "x" }]);
  const name = serveImage(registry, "events", [{ data, diffId: sha256(data) }]);
  await at.pull(name);
  expect((await at.pull(name)).upToDate).toBe(true);
  const pull = { type: "image", action: "pull", actor: name, attributes: { name: name.replace(/:1$/, "") } };
  expect(events(at)).toEqual([pull, pull]);
});

test("loading is one event an image, with its labels", async () => {
  using at = scene();
  const archive = dockerArchive({ layers: [[{ name: "x", data: "x" }]], config: { Labels: { colour: "red" } } }, "one:1", "two:2");
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield archive;
  }
  const [loaded] = await loadImages(at.store, bytes());
  const id = loaded?.image.id ?? "";
  expect(events(at)).toEqual([{ type: "image", action: "load", actor: id, attributes: { colour: "red", name: id } }]);
  // Made here, as the archive has none.
  expect(JSON.parse(readBlob(at.store, loaded?.image.manifest ?? "").toString())).toMatchObject({
    config: { digest: id },
    layers: [{ size: 2048 }],
  });
});
