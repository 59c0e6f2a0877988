/** `--network`: none, host, the default bridge, and the network of another container. */
import { invalid } from "./invalid.ts";

const NETWORKS = "networks are none, host, bridge and container:NAME";

/** The network of all `--network` together. Throws HoyError for a second one. */
export function parseNetworks(texts: readonly string[]): string {
  const names = texts.map(parseNetwork);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw invalid(`network ${JSON.stringify(twice)} is specified multiple times`);
  if (names.length > 1)
    throw invalid(`--network ${texts.join(", --network ")}: a container in several networks is not supported by this version of hoy`);
  return names[0] ?? "bridge";
}

/** Docker's NetworkMode: `default` is `bridge`. The long form `name=host` is read too; its other keys belong to user networks. */
function parseNetwork(text: string): string {
  const name = text.startsWith("name=") && !text.includes(",") ? text.slice(5) : text;
  if (name === "") throw invalid("no name set for network");
  if (name === "default" || name === "bridge") return "bridge";
  if (name === "host" || name === "none") return name;
  if (name.includes(",")) throw invalid(`--network ${text}: options of an endpoint are not supported`, NETWORKS);
  if (name === "container:") throw invalid("invalid network mode: invalid container format container:<name|id>");
  if (name.startsWith("container:")) return name;
  throw invalid(`network ${name} not found`, NETWORKS);
}
