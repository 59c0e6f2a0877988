/** `top`. */
import { findContainer } from "../../engine/containers/find.ts";
import { topContainer } from "../../engine/containers/top.ts";
import { openStore } from "../../engine/store.ts";
import type { Body } from "../define.ts";
import { alignColumns } from "../output/table.ts";
import { writeStream } from "../output/write.ts";

const MIN_WIDTH = 20;

const body: Body = ({ args }) => {
  const [name = "", ...options] = args;
  const store = openStore();
  const { titles, processes } = topContainer(store, findContainer(store, name), options);
  const lines = [titles, ...processes].map((cells) => `${cells.join("\t")}\n`);
  writeStream(1, Buffer.from(alignColumns(lines.join(""), MIN_WIDTH)));
  return 0;
};

export default body;
