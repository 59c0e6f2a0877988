/** `--dns`, `--dns-search`, `--dns-option`. */

import { ipVersion } from "../../../spec/address.ts";
import { invalid } from "./invalid.ts";

export function parseDns(text: string): string {
  const address = text.trim();
  if (ipVersion(address) === 0) throw invalid(`IP address is not correctly formatted: ${text}`);
  return address;
}

const LABEL = "[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?";
const DOMAIN = new RegExp(`^${LABEL}(\\.${LABEL})*\\.?$`);

/** A domain of the search list; `.` alone means "none". */
export function parseDnsSearch(text: string): string {
  const domain = text.trim();
  if (domain !== "." && (domain.length > 255 || !DOMAIN.test(domain))) throw invalid(`${text} is not a valid domain`);
  return domain;
}

/** An option of resolv.conf(5). Its line takes them separated by blanks, so white space inside one is refused. */
export function parseDnsOption(text: string): string {
  if (text === "" || /\s/.test(text)) throw invalid(`invalid DNS option: ${JSON.stringify(text)}`);
  return text;
}
