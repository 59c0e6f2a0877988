/** What Docker has and hoy has not yet: so that the error can tell it from a typing mistake. */

const RUN: ReadonlySet<string> = new Set(
  "cpu-count cpu-percent expose health-cmd health-interval health-retries health-start-interval health-start-period health-timeout io-maxbandwidth io-maxiops ip ip6 link link-local-ip mac-address network-alias no-healthcheck publish publish-all use-api-socket volume-driver volumes-from".split(
    " ",
  ),
);

/** Flags by command: long ones, and the long one of a short one. */
const UNSUPPORTED: Readonly<Record<string, { long: ReadonlySet<string>; short: Readonly<Record<string, string>> }>> = {
  "container create": { long: RUN, short: { p: "publish", P: "publish-all" } },
  "container run": { long: RUN, short: { p: "publish", P: "publish-all" } },
  "container rm": { long: new Set(["link"]), short: { l: "link" } },
  "container start": { long: new Set(["checkpoint", "checkpoint-dir"]), short: {} },
  "image history": { long: new Set(["platform"]), short: {} },
  "image inspect": { long: new Set(["platform"]), short: {} },
  "image load": { long: new Set(["platform"]), short: {} },
  "image ls": { long: new Set(["tree"]), short: {} },
  "image rm": { long: new Set(["no-prune", "platform"]), short: {} },
  "image save": { long: new Set(["platform"]), short: {} },
  "network inspect": { long: new Set(["verbose"]), short: { v: "verbose" } },
  "volume create": {
    long: new Set(
      "availability group limit-bytes opt required-bytes scope secret sharing topology-preferred topology-required type".split(" "),
    ),
    short: { o: "opt" },
  },
  "volume ls": { long: new Set(["cluster"]), short: {} },
};

/** Top-level commands and groups, and the members of groups, of docker 28 with its usual plugins. */
const COMMANDS: Readonly<Record<string, ReadonlySet<string>>> = {
  "": new Set(
    "build builder buildx checkpoint compose config context events manifest plugin port push search secret service sbom scout stack swarm trust".split(
      " ",
    ),
  ),
  container: new Set(["port"]),
  image: new Set(["build", "push"]),
  network: new Set(["connect", "create", "disconnect", "prune", "rm", "remove"]),
  system: new Set(["events"]),
  volume: new Set(["update"]),
};

/** True for a command that Docker has and hoy has not; `group` is "" for those of the top. */
export const unsupportedCommand = (group: string, name: string): boolean => COMMANDS[group]?.has(name) ?? false;

/** The long name of a flag, written as `--long` or `-s`, that Docker has for this command; undefined for what it does not have either. */
export function unsupportedFlag(command: string, written: string): string | undefined {
  const flags = UNSUPPORTED[command];
  const long = written.startsWith("--") ? written.slice(2) : flags?.short[written.slice(1)];
  return long !== undefined && flags?.long.has(long) ? long : undefined;
}
