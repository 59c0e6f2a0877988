/** Docker's client warns of one combination of flags. */
import type { HostConfig } from "../../engine/containers/options.ts";
import { tellLine } from "../output/write.ts";

export function warnOfOom({ OomKillDisable, Memory }: Pick<HostConfig, "OomKillDisable" | "Memory">): void {
  if (OomKillDisable && Memory === 0)
    tellLine("WARNING: Disabling the OOM killer on containers without setting a '-m/--memory' limit may be dangerous.");
}
