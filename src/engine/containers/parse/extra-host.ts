/** `--add-host name:address`, also `name=address`; `host-gateway` stands for the host's address on the bridge. */

import { ipVersion } from "../../../spec/address.ts";
import { invalid } from "./invalid.ts";

/** Docker's ExtraHosts entry, `name:address`. */
export function parseExtraHost(text: string): string {
  const match = /^([^:=]+)[:=](.*)$/s.exec(text);
  if (!match) throw invalid(`bad format for add-host: ${JSON.stringify(text)}`);
  const name = match[1] as string;
  // The name lands in /etc/hosts, where white space would start another name or line.
  if (/[\s#]/.test(name)) throw invalid(`bad format for add-host: ${JSON.stringify(text)}`);
  const address = (match[2] as string).replace(/^\[(.*)\]$/, "$1");
  if (address !== "host-gateway" && ipVersion(address) === 0) throw invalid(`invalid IP address in add-host: ${JSON.stringify(match[2])}`);
  return `${name}:${address}`;
}
