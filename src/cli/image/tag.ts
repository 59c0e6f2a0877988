/** `tag`. */
import { tagAs } from "../../engine/images/tag.ts";
import { openStore } from "../../engine/store.ts";
import type { Body } from "../define.ts";

const body: Body = ({ args: [source = "", target = ""] }) => {
  tagAs(openStore(), source, target);
  return 0;
};

export default body;
