/** A repository at one address of its registry: requests of the distribution API with authorization and a few retries. */
import { programName } from "../spec/caller.ts";
import { HoyError } from "../spec/error.ts";
import { authorization, newSession, renew, type Session } from "./auth.ts";
import { parseChallenges } from "./challenge.ts";
import { readComplaint } from "./complaint.ts";
import { type Account, findAccount } from "./credentials.ts";
import { Fault, faultError, faultOf } from "./fault.ts";
import type { Endpoint } from "./hosts.ts";
import { type Answer, exchange, type Network, trustIn } from "./transport.ts";

export interface Repository {
  readonly network: Network;
  readonly endpoint: Endpoint;
  /** `library/busybox` */
  readonly path: string;
  readonly session: Session;
  /** Where the API is, known after the first answer: an insecure host may speak plain HTTP only. */
  base?: URL;
  /** Why the user's account for this registry could not be read; said only if the registry then wants one. */
  trouble?: HoyError;
}

export function openRepository(network: Network, endpoint: Endpoint, path: string): Repository {
  const repository: Repository = {
    network,
    endpoint,
    path,
    session: newSession({
      network,
      domain: endpoint.domain,
      scope: `repository:${path}:pull`,
      account: once(() => accountFor(repository)),
    }),
  };
  return repository;
}

/** A public image needs no account, so a broken credential helper must not be in its way. */
async function accountFor(repository: Repository): Promise<Account | undefined> {
  try {
    return await findAccount(repository.endpoint.domain);
  } catch (error) {
    if (!(error instanceof HoyError)) throw error;
    repository.trouble = error;
    return undefined;
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

export interface ApiRequest {
  /** Below the repository: `manifests/latest`. */
  readonly path: string;
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
}

/** The host of the registry as users write it. */
export const hostName = (repository: Repository): string => new URL(repository.endpoint.url).host;

/**
 * Sends a request, with a new token after a 401. Any status but 401 and 429 may come back, 5xx after some retries. Throws HoyError:
 * `cannot reach registry X: …`, `unauthorized: …`, `toomanyrequests: …`.
 */
export async function request(repository: Repository, wanted: ApiRequest): Promise<Answer> {
  try {
    return await authorized(repository, wanted);
  } catch (error) {
    if (error instanceof Fault) throw faultError(hostName(repository), error);
    throw repository.trouble && error instanceof HoyError && error.status === 401 ? repository.trouble : error;
  }
}

/** The same, with a Fault for what a later try may mend. */
export async function authorized(repository: Repository, wanted: ApiRequest): Promise<Answer> {
  const { session } = repository;
  for (let tries = 0; ; tries++) {
    const header = authorization(session);
    const answer = await patient(repository, wanted, header);
    if (answer.status !== 401) return answer;
    const challenges = parseChallenges(answer.headers.get("www-authenticate") ?? "");
    // A token may have expired on the way: one more is asked for, then the registry means it.
    if (tries === 2 || challenges.length === 0) {
      const { words } = await readComplaint(answer);
      throw new HoyError(words.startsWith("unauthorized") ? words : `unauthorized: ${words}`, {
        status: 401,
        hint: `log in with: ${programName()} login ${repository.endpoint.domain}`,
      });
    }
    answer.discard();
    await renew(session, challenges, header);
  }
}

const MOST_TRIES = 5;
/** A registry that wants us to wait longer than this has its error shown instead. */
const LONGEST_WAIT = 60_000;

/** Retries what passes: 429, 5xx, a broken connection. */
async function patient(repository: Repository, wanted: ApiRequest, header: string | undefined): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    let answer: Answer;
    try {
      answer = await reach(repository, wanted, header);
    } catch (error) {
      const fault = faultOf(error);
      if (fault.kind !== "broken" || tries === MOST_TRIES) throw fault;
      await Bun.sleep(backOff(repository.network, tries));
      continue;
    }
    if (answer.status !== 429 && answer.status < 500) return answer;
    const wait = retryAfter(answer) ?? backOff(repository.network, tries);
    if (tries === MOST_TRIES || wait > LONGEST_WAIT) {
      if (answer.status !== 429) return answer;
      const { words } = await readComplaint(answer);
      throw new HoyError(words.startsWith("toomanyrequests") ? words : `toomanyrequests: ${words}`, {
        status: 429,
        hint: `try later, or log in for a higher limit: ${programName()} login ${repository.endpoint.domain}`,
      });
    }
    answer.discard();
    await Bun.sleep(wait);
  }
}

/** 0.5 s, doubled with each try, with some chance in it; in tests, which shorten the timeout, as much shorter. */
export const backOff = (network: Network, tries: number): number => (network.timeout / 60) * 2 ** (tries - 1) * (0.75 + Math.random() / 2);

/** Retry-After (RFC 9110, 10.2.3), seconds or a date, in ms. */
function retryAfter(answer: Answer): number | undefined {
  const value = answer.headers.get("retry-after");
  if (!value) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

async function reach(repository: Repository, wanted: ApiRequest, header: string | undefined): Promise<Answer> {
  const { network, endpoint, path } = repository;
  const to = (base: URL): Promise<Answer> => {
    const url = new URL(`${base.href.replace(/\/$/, "")}/v2/${path === "" ? "" : `${path}/`}${wanted.path}`);
    const headers = { ...wanted.headers, ...(header !== undefined && { authorization: header }) };
    return exchange(network, { url, headers, method: wanted.method ?? "GET" });
  };
  if (repository.base) return to(repository.base);
  const base = new URL(endpoint.url);
  try {
    const answer = await to(base);
    repository.base = base;
    return answer;
  } catch (error) {
    const fault = faultOf(error);
    const mayBePlain = base.protocol === "https:" && fault.kind !== "unknown-host" && (await trustIn(network, base)).insecure;
    if (!mayBePlain) throw fault;
    const plain = new URL(endpoint.url.replace(/^https/, "http"));
    const answer = await to(plain);
    repository.base = plain;
    return answer;
  }
}
