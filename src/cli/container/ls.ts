/** `ps`. */
import { type ImageNames, imageNames } from "../../engine/containers/image-name.ts";
import { type Listed, listContainers } from "../../engine/containers/list.ts";
import { parseFilters } from "../../engine/filters.ts";
import { openStore } from "../../engine/store.ts";
import { type Body, list, text, truth } from "../define.ts";
import { shortId } from "../output/ellipsis.ts";
import { printList } from "../output/list.ts";
import { containerKind } from "./ls-fields.ts";

const TABLE = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"];

const body: Body = async ({ flags }) => {
  const filters = parseFilters(list(flags, "filter"));
  const store = openStore();
  const format = text(flags, "format");
  const truncate = !truth(flags, "no-trunc");
  const withSize = truth(flags, "size");
  const last = truth(flags, "latest") ? 1 : Number(text(flags, "last") ?? 0);
  const items = listContainers(store, { all: truth(flags, "all"), last: Math.max(0, last), filters });
  const measured = withSize || /\.Size\b/.test(format ?? "");
  const sizes = measured ? await import("../../engine/containers/size.ts") : undefined;
  const names = imageNames(store);
  await printList({
    items,
    kind: containerKind({
      now: Date.now(),
      truncate,
      image: (listed) => imageText(names, listed, truncate),
      size: sizes && (({ row }) => sizes.containerSize(store, row)),
    }),
    table: withSize ? [...TABLE, "Size"] : TABLE,
    format,
    quiet: truth(flags, "quiet") ? "ID" : undefined,
  });
};

/** What the container was made from, as Docker shows it: the name without a digest, the id where the name means another image now. */
function imageText(names: ImageNames, { row }: Listed, truncate: boolean): string {
  if (row.options.rootfs !== undefined) return row.options.rootfs;
  const name = names(row);
  if (!truncate) return name;
  return /^(sha256:)?[0-9a-f]{64}$/.test(name) ? shortId(name) : name.replace(/@sha256:[0-9a-f]+$/, "");
}

export default body;
