/** `system df`. */
import { imageNames } from "../../engine/containers/image-name.ts";
import { openStore, type Store } from "../../engine/store.ts";
import { type StoreUsage, storeUsage } from "../../engine/system/usage.ts";
import { containerKind } from "../container/ls-fields.ts";
import { type Body, text, truth } from "../define.ts";
import { CREATED, imageKind, linesOf } from "../image/ls-fields.ts";
import { formatList, type ListKind, listObjects, printList } from "../output/list.ts";
import { printLine } from "../output/write.ts";
import { volumeKind } from "../volume/ls-fields.ts";
import { usageKind, usageLines } from "./df-lines.ts";

/** The lists of `-v`, each with its fields. */
function detail(store: Store, usage: StoreUsage) {
  const now = Date.now();
  const names = imageNames(store);
  const images = new Map(usage.images.map((image) => [image.listed, image]));
  const containers = new Map(usage.containers.map((container) => [container.listed, container]));
  const volumes = new Map(usage.volumes.map((volume) => [volume.volume, volume]));
  // each is asked for what is in the list alone
  const known = <K, V>(map: ReadonlyMap<K, V>, key: K): V => map.get(key) as V;
  return {
    images: {
      // of several tags the first
      items: usage.images.flatMap(({ listed }) => linesOf(listed, false).slice(0, 1)),
      kind: imageKind(now, true, (listed) => known(images, listed)),
    },
    containers: {
      items: usage.containers.map(({ listed }) => listed),
      kind: containerKind({
        now,
        truncate: true,
        image: ({ row }) => row.options.rootfs ?? names(row),
        // as Docker: without the image, which has its own line
        size: (listed) => ({ SizeRw: known(containers, listed).written, SizeRootFs: 0 }),
      }),
    },
    volumes: { items: usage.volumes.map(({ volume }) => volume), kind: volumeKind((volume) => known(volumes, volume)) },
  };
}

type Detail = ReturnType<typeof detail>;

const TABLES = {
  images: ["Repository", "Tag", "ID", CREATED, "Size", "SharedSize", "UniqueSize", "Containers"],
  containers: ["ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names"],
  volumes: ["Name", "Links", "Size"],
};

async function printDetail({ images, containers, volumes }: Detail): Promise<void> {
  printLine(`Images space usage:\n\n${await formatList({ ...images, table: TABLES.images, format: undefined })}`);
  printLine(`Containers space usage:\n\n${await formatList({ ...containers, table: TABLES.containers, format: undefined })}`);
  printLine(`Local Volumes space usage:\n\n${await formatList({ ...volumes, table: TABLES.volumes, format: undefined })}`);
  printLine("Build cache usage: 0B");
}

async function printTemplate({ images, containers, volumes }: Detail, format: string): Promise<void> {
  const { compileTemplate } = await import("../output/template.ts");
  const objects = <T>({ items, kind }: { items: readonly T[]; kind: ListKind<T> }) => listObjects(items, kind);
  const data = { Images: objects(images), Containers: objects(containers), Volumes: objects(volumes), BuildCache: [] };
  printLine(compileTemplate(format === "json" ? "{{json .}}" : format)(data));
}

const body: Body = async ({ flags }) => {
  const store = openStore();
  const usage = storeUsage(store);
  const format = text(flags, "format");
  if (!truth(flags, "verbose"))
    return void (await printList({
      items: usageLines(usage),
      kind: usageKind,
      table: ["Type", "TotalCount", "Active", "Size", "Reclaimable"],
      format,
    }));
  const lists = detail(store, usage);
  if (format && format !== "table") await printTemplate(lists, format);
  else await printDetail(lists);
};

export default body;
