/** `inspect`: whatever has the name, looked for among containers, images, networks and volumes in Docker's order, or of `--type`. */
import { findContainer } from "../../engine/containers/find.ts";
import { inspectContainer } from "../../engine/containers/inspect.ts";
import { CONTAINER_FIELDS } from "../../engine/containers/inspect-fields.ts";
import { openStore, type Store } from "../../engine/store.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, text, truth } from "../define.ts";
import { type Inspected, inspectAll } from "../output/inspect.ts";

type Find = (store: Store, name: string) => Promise<Inspected>;

/** What is not a container is loaded when it is looked for. */
const finders = (size: boolean): Record<string, Find> => ({
  container: async (store, name) => {
    const row = findContainer(store, name);
    const bytes = size ? (await import("../../engine/containers/size.ts")).containerSize(store, row) : undefined;
    return { document: inspectContainer(store, row, bytes), fields: CONTAINER_FIELDS };
  },
  image: async (store, name) => {
    const document = (await import("../../engine/images/inspect.ts")).inspectImage(store, name);
    return { document, fields: (await import("../../engine/images/inspect-fields.ts")).IMAGE_FIELDS };
  },
  network: async (store, name) => {
    const document = await (await import("../../engine/networks/inspect.ts")).inspectNetwork(store, name);
    return { document, fields: (await import("../../engine/networks/inspect-fields.ts")).NETWORK_FIELDS };
  },
  volume: async (store, name) => {
    const document = (await import("../../engine/volumes/inspect.ts")).inspectVolume(store, name);
    return { document, fields: (await import("../../engine/volumes/inspect-fields.ts")).VOLUME_FIELDS };
  },
});

const body: Body = ({ flags, args }) => {
  const all = finders(truth(flags, "size"));
  const type = text(flags, "type");
  if (type !== undefined && !Object.hasOwn(all, type))
    throw new HoyError(
      `unknown type: ${JSON.stringify(type)}: must be one of ${Object.keys(all)
        .map((name) => `"${name}"`)
        .join(", ")}`,
      {
        status: 400,
      },
    );
  const store = openStore();
  const chosen = type === undefined ? Object.values(all) : [all[type] as Find];
  return inspectAll({ names: args, format: text(flags, "format"), find: (name) => firstOf(chosen, store, name) });
};

/** The first that has something of the name; the error of a single kind is its own, that of all of them names none. */
async function firstOf(finders: readonly Find[], store: Store, name: string): Promise<Inspected> {
  for (const find of finders) {
    try {
      return await find(store, name);
    } catch (error) {
      if (finders.length === 1 || !(error instanceof HoyError) || error.status !== 404) throw error;
    }
  }
  throw new HoyError(`No such object: ${name}`, { status: 404 });
}

export default body;
