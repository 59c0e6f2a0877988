/** `-a`, and how the streams follow from it, `-i` and `-d` (docker/cli container/opts.go, run.go). */
import { invalid } from "./invalid.ts";

export interface Streams {
  AttachStdin: boolean;
  AttachStdout: boolean;
  AttachStderr: boolean;
  OpenStdin: boolean;
  StdinOnce: boolean;
}

export function parseAttach(text: string): string {
  const stream = text.toLowerCase();
  if (stream !== "stdin" && stream !== "stdout" && stream !== "stderr") throw invalid("valid streams are STDIN, STDOUT and STDERR");
  return stream;
}

/** Which streams the caller gets; `attach` holds parsed values. A detached container has none, but its stdin stays open with -i. */
export function streams(attach: readonly string[], interactive: boolean, detach: boolean): Streams {
  if (detach && attach.length > 0) throw invalid("conflicting options: cannot specify both --attach and --detach");
  if (detach) return { AttachStdin: false, AttachStdout: false, AttachStderr: false, OpenStdin: interactive, StdinOnce: false };
  const all = attach.length === 0;
  const stdin = interactive || attach.includes("stdin");
  return {
    AttachStdin: stdin,
    AttachStdout: all || attach.includes("stdout"),
    AttachStderr: all || attach.includes("stderr"),
    OpenStdin: interactive,
    StdinOnce: interactive && stdin,
  };
}
