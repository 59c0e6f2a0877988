/** `runtime features`. */
import { features } from "../../runtime/oci/features.ts";
import type { Body } from "../define.ts";
import { printLine } from "../output/write.ts";
import { VERSION } from "../system/version-line.ts";

const body: Body = () => {
  printLine(JSON.stringify(features(VERSION), undefined, 2));
  return 0;
};

export default body;
