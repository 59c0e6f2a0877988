/** `--restart no|on-failure[:n]|always|unless-stopped` (docker/cli opts/opts.go, moby api/types/container ValidateRestartPolicy). */
import type { HostConfig } from "../options.ts";
import { invalid } from "./invalid.ts";

type Policy = HostConfig["RestartPolicy"];

const NAMES = ["no", "always", "on-failure", "unless-stopped"];

/** "" is "no". Throws HoyError in Docker's words. */
export function parseRestart(text: string): Policy {
  const [name = "", retries] = text.split(/:(.*)/s);
  if (retries !== undefined && name === "") throw invalid("invalid restart policy format: no policy provided before colon");
  if (retries !== undefined && !/^[+-]?\d+$/.test(retries))
    throw invalid("invalid restart policy format: maximum retry count must be an integer");
  return checked({ Name: name || "no", MaximumRetryCount: Number(retries ?? 0) });
}

function checked(policy: Policy): Policy {
  const { Name, MaximumRetryCount } = policy;
  if (!NAMES.includes(Name))
    throw invalid(`invalid restart policy: unknown policy '${Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`);
  const negative = MaximumRetryCount < 0;
  if (Name === "on-failure" && negative) throw invalid("invalid restart policy: maximum retry count cannot be negative");
  if (Name !== "on-failure" && MaximumRetryCount !== 0)
    throw invalid(
      `invalid restart policy: maximum retry count can only be used with 'on-failure'${negative ? " and cannot be negative" : ""}`,
    );
  return policy;
}
