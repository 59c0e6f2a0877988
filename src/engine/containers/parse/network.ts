/** `--network`: none, host, the default bridge, and the network of another container. */
import { invalid } from "./invalid.ts";

const NETWORKS = "networks are none, host, bridge and container:NAME";

/** Docker's NetworkMode: `default` is `bridge`. The long form `name=host` is read too; its other keys belong to user networks. */
export function parseNetwork(text: string): string {
  const name = /^name=([^,]*)$/.exec(text)?.[1] ?? text;
  if (name === "") throw invalid("no name set for network");
  if (name === "default" || name === "bridge") return "bridge";
  if (name === "host" || name === "none") return name;
  if (name.includes(",")) throw invalid(`--network ${text}: options of an endpoint are not supported`, NETWORKS);
  if (name === "container:") throw invalid("invalid network mode: invalid container format container:<name|id>");
  if (name.startsWith("container:")) return name;
  throw invalid(`network ${name} not found`, NETWORKS);
}
