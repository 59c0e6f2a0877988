/** `__followup ID`: executed by a monitor at its container's end, when nobody else is there for what follows. */
import { finishById } from "../../engine/containers/finish-by-id.ts";
import { openStore } from "../../engine/store.ts";

export default async (words: readonly string[]): Promise<number> => {
  const [id] = words;
  if (id !== undefined) await finishById(openStore(), id);
  return 0;
};
