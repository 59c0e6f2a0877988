/** `--network`: none, host, and the default bridge. */
import { invalid } from "./invalid.ts";

/** Docker's NetworkMode: `default` is `bridge`. The long form `name=host` is read too; its other keys belong to user networks. */
export function parseNetwork(text: string): string {
  const name = /^name=([^,]*)$/.exec(text)?.[1] ?? text;
  if (name === "") throw invalid("no name set for network");
  if (name === "default" || name === "bridge") return "bridge";
  if (name === "host" || name === "none") return name;
  if (name.includes(","))
    throw invalid(`--network ${text}: options of an endpoint are not supported`, "networks are none, host and bridge");
  if (name.startsWith("container:") || name.startsWith("ns:"))
    throw invalid(`--network ${name}: joining another namespace is not supported`, "networks are none, host and bridge");
  throw invalid(`network ${name} not found`, "networks are none, host and bridge");
}
