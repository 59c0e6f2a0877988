/** Checking an account with a registry before it is kept. */
import { HoyError } from "../spec/error.ts";
import { DOCKER_HUB } from "../spec/reference.ts";
import type { Settings } from "../state/settings.ts";
import { newSession } from "./auth.ts";
import { type Repository, request } from "./client.ts";
import { readComplaint } from "./complaint.ts";
import { type Account, saveAccount } from "./credentials.ts";
import { endpointsOf } from "./hosts.ts";
import { openNetwork } from "./transport.ts";

/** `https://host/v1/`, `index.docker.io` and `` are written for registries, too. */
export function registryDomain(text: string): string {
  const host = text.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return host === "" || host === "index.docker.io" || host === "registry-1.docker.io" ? DOCKER_HUB : host;
}

/**
 * Logs in at a registry (`docker.io`, `localhost:5000`) and keeps the account. Returns the file in which the password now lies in
 * plain, if it does. Throws HoyError `unauthorized: incorrect username or password`, or when the registry cannot be reached.
 */
export async function login(domain: string, account: Account, settings: Settings): Promise<string | undefined> {
  const network = openNetwork(settings);
  const endpoint = endpointsOf(domain, settings).find(({ mirror }) => !mirror);
  if (!endpoint) throw new HoyError(`no address is known for registry ${domain}`);
  const session = newSession({ network, domain, scope: "", account: async () => account });
  const repository: Repository = { network, endpoint, path: "", session };
  const answer = await request(repository, { path: "" });
  if (answer.status !== 200) {
    const { status, words } = await readComplaint(answer);
    throw new HoyError(`login to ${domain} failed: ${words}`, { status, hint: `is ${domain} a registry?` });
  }
  answer.discard();
  const { refreshToken } = session;
  return saveAccount(domain, refreshToken ? { username: account.username, identityToken: refreshToken } : account);
}
