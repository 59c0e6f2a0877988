/** `system boot`. */
import { openStore } from "../../engine/store.ts";
import { boot } from "../../engine/system/boot.ts";
import type { Body } from "../define.ts";
import { forEachName } from "../each.ts";

const body: Body = async () => {
  const booted = new Map((await boot(openStore())).map((container) => [container.id, container.error]));
  return await forEachName([...booted.keys()], (id) => {
    const error = booted.get(id);
    if (error !== undefined) throw error;
  });
};

export default body;
