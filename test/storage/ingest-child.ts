/** Takes images into the store argv[2], as another process: prints how many blobs it read, or what failed. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../src/state/store.ts";
import { ingestImage } from "../../src/storage/ingest.ts";
import { buildImage } from "../harness/images.ts";
import { requestOf } from "./images.ts";
import { chunked } from "./scratch.ts";

const [, , root, mode] = process.argv as [string, string, string, string | undefined];
const store = openStore(root);
const opened: string[] = [];

if (mode === "hang") {
  const request = requestOf(buildImage({ layers: [[{ name: "f", data: "x" }]] }));
  async function* hanging() {
    yield Buffer.from([0x1f, 0x8b]);
    console.log("begun");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  await ingestImage(store, { ...request, layers: request.layers.map((layer) => ({ ...layer, open: hanging })) });
} else if (mode === "large") {
  const data = crypto.getRandomValues(new Uint8Array(60_000));
  const files = Array.from({ length: 60 }, (_, at) => ({ name: `f${at}`, data }));
  try {
    await ingestImage(store, requestOf(buildImage({ layers: [files] })));
  } catch (error) {
    console.log((error as Error).message);
    console.log(JSON.stringify(readdirSync(join(root, "tmp"))));
    process.exit(3);
  }
} else {
  const layers = Array.from({ length: 8 }, (_, at) =>
    Array.from({ length: 50 }, (_, file) => ({ name: `d${at}/f${file}`, data: "x".repeat(file * 100) })),
  );
  const request = requestOf(buildImage({ layers }), opened);
  const slow = request.layers.map((layer) => ({
    ...layer,
    async *open() {
      for await (const chunk of layer.open()) {
        await Bun.sleep(2);
        for await (const part of chunked(chunk, 500)) yield part;
      }
    },
  }));
  await ingestImage(store, { ...request, layers: slow });
  console.log(opened.length);
}
