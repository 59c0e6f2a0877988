/** Failed steps of a container's set-up in the words that callers of a runtime look for: they tell 126 and 127 by them. */
import { EACCES, ENOENT, ENOTDIR, errnoWords, SysError } from "../../../ffi/errno.ts";
import { HoyError } from "../../spec/error.ts";
import type { Spec } from "../../spec/runtime.ts";
import { explainLabel } from "../plan/labels.ts";

export function explain(error: unknown, { process }: Pick<Spec, "process">): unknown {
  if (!(error instanceof SysError)) return error;
  const [program = ""] = process?.args ?? [];
  if (error.step.startsWith("exec ")) {
    const missing = error.errno === ENOENT || error.errno === ENOTDIR;
    const why = missing
      ? program.includes("/")
        ? `stat ${program}: no such file or directory`
        : "executable file not found in $PATH"
      : error.errno === EACCES
        ? "permission denied"
        : errnoWords(error.errno);
    return failed(`exec: ${JSON.stringify(program)}: ${why}`, error);
  }
  return failed(explainLabel(error.step, error.code)?.message ?? error.message, error);
}

const failed = (why: string, cause: SysError): HoyError =>
  new HoyError(`unable to start container process: error during container init: ${why}`, { cause });
