/** Ids of containers of `hoy runtime`, for completion. */
import { containerIds } from "../../runtime/oci/record.ts";
import { defaultRoot } from "./root.ts";

export const runtimeContainers = (root = defaultRoot()): string[] => containerIds(root);
