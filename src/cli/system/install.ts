/** `system install`. */
import { installUnit, removeUnit } from "../../engine/system/install.ts";
import { type Body, truth } from "../define.ts";
import { notice } from "../output/notice.ts";
import { printLine } from "../output/write.ts";

const body: Body = async ({ flags, logLevel }) => {
  if (truth(flags, "remove")) {
    printLine(removeUnit());
    return 0;
  }
  printLine(installUnit());
  if (process.getuid?.() !== 0)
    await notice(
      "info",
      `it is started when you log in; at the start of the machine after: loginctl enable-linger ${process.env.USER ?? ""}`.trim(),
      logLevel,
    );
  return 0;
};

export default body;
