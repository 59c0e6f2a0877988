/** Unpacks argv[2] into argv[3] as a user's layer: run by tests as another user. */
import { createReadStream } from "node:fs";
import { unpackLayer } from "../../src/storage/unpack.ts";

const [, , archive, root] = process.argv as [string, string, string, string];
await unpackLayer(createReadStream(archive), { root, rootless: true });
