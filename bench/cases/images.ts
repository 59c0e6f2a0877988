/** pull, load and save of generated images; pull's peak memory. */
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerArchive, type TestImage, writeOciLayout } from "../../test/harness/images.ts";
import { skopeoCopy, startRegistry } from "../../test/harness/registry.ts";
import type { TarEntry } from "../../test/harness/tar.ts";
import type { Case } from "../case.ts";
import { type Engine, engines } from "../engines.ts";
import type { Contender } from "../measure.ts";

const MB = 1 << 20;
const OTHERS = ["docker", "podman"];

/** Random bytes do not compress: the layer's size is the download's. */
const bigLayer = (size: number): TestImage => ({
  layers: [[{ name: "data", data: new Uint8Array(randomBytes(size)) }]],
  config: { Cmd: ["/data"] },
});

const FILES = 20_000;
const FILE_BYTES = 6_000;

/** Many small files of text that compresses to about a third. */
function manyFiles(): TestImage {
  const layers: TarEntry[][] = [[], [], []];
  for (let n = 0; n < FILES; n++) {
    const layer = layers[n % 3]!;
    if (n < 3 * 200) layer.push({ name: `m${Math.floor(n / 3)}-${n % 3}/` });
    layer.push({
      name: `m${Math.floor(n / 3) % 200}-${n % 3}/f${n}.js`,
      data: randomBytes(FILE_BYTES / 3)
        .toString("hex")
        .slice(0, FILE_BYTES),
    });
  }
  return { layers, config: { Cmd: ["/f"] } };
}

const remove = (engine: Engine, name: string): Promise<unknown> => engine.call("rmi", "-f", name).catch(() => undefined);

/** `measure` says which number of a pull counts. */
const pull = (name: string, image: () => TestImage, what: "ms" | "peak"): Case => ({
  name,
  unit: what === "ms" ? "ms" : "MB",
  rounds: 5,
  budgets: what === "ms" ? [{ ratio: 0.5, fasterOf: OTHERS }] : [{ atMost: 100 }],
  async prepare(field) {
    const registry = await startRegistry();
    const layout = join(field.dir, name);
    const reference = `${registry.address}/bench/${name}:latest`;
    writeOciLayout(layout, image());
    await skopeoCopy(`oci:${layout}:latest`, `docker://${reference}`);
    rmSync(layout, { recursive: true });
    // A daemon pulls in a process of its own: its memory is not its client's.
    const all = what === "ms" ? engines(field) : [field.hoy];
    return {
      contenders: all.map(
        (engine): Contender => ({
          name: engine.name,
          sample: async () => {
            await remove(engine, reference);
            const args = ["pull", "-q", ...engine.pullFlags, reference];
            return what === "peak" ? await engine.peak(...args) : (await engine.call(...args)).ms;
          },
        }),
      ),
      end: async () => {
        for (const engine of all) await remove(engine, reference);
        await registry[Symbol.asyncDispose]();
      },
    };
  },
});

const ARCHIVE_MB = 123;
const ARCHIVED = "localhost/bench/archive:latest";

const archive = (name: "load" | "save"): Case => ({
  name,
  unit: "ms",
  rounds: 5,
  budgets: [{ ratio: 0.6, fasterOf: OTHERS }],
  async prepare(field) {
    const file = join(field.dir, "archive.tar");
    writeFileSync(file, dockerArchive(bigLayer(ARCHIVE_MB * MB), ARCHIVED));
    const all = engines(field);
    if (name === "save") for (const engine of all) await engine.call("load", "-q", "-i", file);
    return {
      contenders: all.map((engine) => ({
        name: engine.name,
        sample: async () => {
          if (name === "load") {
            await remove(engine, ARCHIVED);
            return (await engine.call("load", "-q", "-i", file)).ms;
          }
          const out = join(field.dir, `saved-${engine.name}.tar`);
          rmSync(out, { force: true });
          return (await engine.call("save", "-o", out, ARCHIVED)).ms;
        },
      })),
      end: async () => {
        for (const engine of all) await remove(engine, ARCHIVED);
        rmSync(file, { force: true });
      },
    };
  },
});

export const imageCases: readonly Case[] = [
  pull("pull-51mb", () => bigLayer(51 * MB), "ms"),
  pull("pull-20000-files", manyFiles, "ms"),
  pull("pull-51mb-peak", () => bigLayer(51 * MB), "peak"),
  pull("pull-20000-files-peak", manyFiles, "peak"),
  archive("load"),
  archive("save"),
];
