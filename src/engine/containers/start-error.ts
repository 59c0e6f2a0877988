/** Why a program could not be started, as an exit code. */
import { SysError } from "../../../ffi/errno.ts";
import { FIRST_PROCESS } from "../../../ffi/tape.ts";
import { explainLabel } from "../../runtime/plan/labels.ts";
import { HoyError } from "../../spec/error.ts";

const MISSING: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);
/** Of a folder in $PATH that cannot be looked into: the program is in none of the others either. */
const MISSING_IN_PATH: ReadonlySet<string> = new Set(["ELOOP", "ENAMETOOLONG"]);

/**
 * Docker's exit codes: 127 for a program (of an exec: also a working directory) that is not there, 126 for one that cannot be run and
 * an exec whose user is not known, 125 for all else. Defects pass.
 */
export function startError(error: unknown, what: "container" | "exec" = "container"): unknown {
  if (error instanceof HoyError) {
    const { message, hint, status, exitCode = what === "exec" ? 126 : 125 } = error;
    return new HoyError(message, { ...(hint === undefined ? {} : { hint }), status, exitCode, cause: error });
  }
  if (!(error instanceof SysError)) return error;
  const why = error.message.slice(error.step.length + 2);
  const label = explainLabel(error.step, error.code);
  if (label) return new HoyError(label.message, { ...label, exitCode: 125, status: 400, cause: error });
  const program = /^exec (.*)$/.exec(error.step)?.[1];
  if (program === undefined && what === "exec") {
    const exitCode = error.step.startsWith("chdir") ? (error.code === "ENOENT" ? 127 : 126) : 125;
    return new HoyError(`cannot execute in the container: ${error.message}`, { exitCode, cause: error });
  }
  if (program === undefined && error.errno === 0 && error.step === FIRST_PROCESS)
    return new HoyError(`cannot start the container: ${error.step}: it ended without a word`, {
      hint: "a seccomp profile can refuse it every system call, even write",
      exitCode: 125,
      cause: error,
    });
  const score = /^(?:write|set oom_score_adj to) (-?\d+)(?: to \/proc\/self\/oom_score_adj)?$/.exec(error.step)?.[1];
  if (score !== undefined && error.code === "EACCES")
    return new HoyError(`--oom-score-adj ${score}: only CAP_SYS_RESOURCE may lower the score below hoy's own`, {
      exitCode: 125,
      cause: error,
    });
  if (program === undefined) return new HoyError(`cannot start the container: ${error.message}`, { exitCode: 125, cause: error });
  const searched = !program.includes("/");
  const missing = MISSING.has(error.code) || (searched && MISSING_IN_PATH.has(error.code));
  const words = missing && searched ? "executable file not found in $PATH" : why;
  return new HoyError(`exec: "${program}": ${words}`, { exitCode: missing ? 127 : 126, status: 400, cause: error });
}
