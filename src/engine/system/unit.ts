/** The systemd unit that runs `system boot` at each start of the machine. Pure. */
import { HoyError } from "../../spec/error.ts";

export interface UnitRequest {
  /** Absolute path of hoy, and what stands before its arguments. */
  program: readonly string[];
  /** The store's folder; undefined for the default one, which needs no mention. */
  root: string | undefined;
  /** Of an ordinary user: the user's own manager starts it. */
  rootless: boolean;
}

/** What has it started. */
export const bootTarget = (rootless: boolean): string => (rootless ? "default.target" : "multi-user.target");

/** systemd.unit(5): quotes, and `%` and `$` doubled. */
function quoted(word: string): string {
  if (/[\n\r\0]/.test(word)) throw new HoyError(`a unit of systemd cannot name ${JSON.stringify(word)}`, { status: 400 });
  return `"${word.replace(/[\\"]/g, "\\$&").replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;
}

/** The text of the unit. What it starts lives on when the command has ended, and stops as the machine does. */
export function bootUnit({ program, root, rootless }: UnitRequest): string {
  const words = [...program, ...(root === undefined ? [] : ["--root", root]), "system", "boot"];
  return `${[
    "[Unit]",
    "Description=Start the containers of hoy that their restart policies want",
    ...(rootless ? [] : ["Wants=network-online.target", "After=network-online.target"]),
    "",
    "[Service]",
    "Type=oneshot",
    "RemainAfterExit=yes",
    `ExecStart=${words.map(quoted).join(" ")}`,
    // what it started is not the service's to end
    "KillMode=process",
    "",
    "[Install]",
    `WantedBy=${bootTarget(rootless)}`,
  ].join("\n")}\n`;
}
