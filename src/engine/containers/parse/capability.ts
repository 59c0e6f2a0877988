/** `--cap-add`, `--cap-drop`. */

/** `CAP_NET_ADMIN` for `net_admin`, `ALL` for `all`; whether there is such a one is decided at create. */
export function normalizeCapability(text: string): string {
  const name = text.toUpperCase();
  return name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;
}
