/** `export`. */
import { exportContainer } from "../../engine/containers/export.ts";
import { findContainer } from "../../engine/containers/find.ts";
import { openStore } from "../../engine/store.ts";
import { isTerminal } from "../../engine/terminal.ts";
import { HoyError } from "../../spec/error.ts";
import { type Body, text } from "../define.ts";
import { writeStream } from "../output/write.ts";

const body: Body = async ({ flags, args }) => {
  const path = text(flags, "output") || undefined;
  if (path === undefined && isTerminal(1))
    throw new HoyError("cowardly refusing to save to a terminal. Use the -o flag or redirect", { exitCode: 1 });
  const store = openStore();
  const row = findContainer(store, args[0] ?? "");
  const archive = exportContainer(store, row);
  if (path === undefined) for await (const bytes of archive) writeStream(1, bytes);
  else {
    const { writeWhole } = await import("../../engine/whole-file.ts");
    await writeWhole(archive, path, "failed to export container");
  }
  return 0;
};

export default body;
