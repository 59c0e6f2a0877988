/** `__followup ID`: executed by a monitor at its container's end, when nobody else is there for what follows, a restart among it. */
import { finishById } from "../../engine/containers/finish-by-id.ts";
import { openStore } from "../../engine/store.ts";

export default async (words: readonly string[]): Promise<number> => {
  const [id] = words;
  if (id === undefined) return 0;
  const store = openStore();
  if (!(await finishById(store, id))) return 0;
  const { restartWhenDue } = await import("../../engine/containers/restart-wait.ts");
  await restartWhenDue(store, id, { attached: false });
  return 0;
};
