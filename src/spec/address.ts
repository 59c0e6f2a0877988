/** Whether a text is an IP address: 4, 6, or 0. node:net is loaded at the first question, as it costs every start two milliseconds. */
export function ipVersion(text: string): number {
  const { isIP } = require("node:net") as typeof import("node:net");
  return isIP(text);
}
