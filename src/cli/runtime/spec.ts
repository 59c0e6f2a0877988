/** `runtime spec`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultSpec, rootlessSpec } from "../../runtime/oci/default-spec.ts";
import { HoyError, reasonOf } from "../../spec/error.ts";
import { type Body, text, truth } from "../define.ts";

const body: Body = ({ flags }) => {
  const path = join(text(flags, "bundle") ?? ".", "config.json");
  const spec = truth(flags, "rootless") ? rootlessSpec(process.geteuid?.() ?? 0, process.getegid?.() ?? 0) : defaultSpec();
  try {
    writeFileSync(path, `${JSON.stringify(spec, undefined, "\t")}\n`, { flag: "wx", mode: 0o666 });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new HoyError(exists ? `File ${path} exists. Remove it first` : `cannot write ${path}: ${reasonOf(error)}`);
  }
  return 0;
};

export default body;
