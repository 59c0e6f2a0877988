/**
 * Showing an account to a registry: Basic, or a token from the registry's authorization service (distribution,
 * "Token Authentication Specification" and "OAuth2 Token Authentication"), without an account an anonymous token.
 */
import { programName } from "../spec/caller.ts";
import { HoyError } from "../spec/error.ts";
import type { Challenge } from "./challenge.ts";
import { readComplaint } from "./complaint.ts";
import type { Account } from "./credentials.ts";
import { type Answer, exchange, type Network, readAll } from "./transport.ts";

export interface Session {
  readonly network: Network;
  /** The registry, for messages. */
  readonly domain: string;
  /** `repository:library/busybox:pull`; "" for a login. */
  readonly scope: string;
  /** Asked once, when a registry wants an account. */
  readonly account: () => Promise<Account | undefined>;
  /** The Authorization header that was last accepted or got. */
  header?: string;
  /** ms since the epoch, after which the header is known to be refused. */
  expires: number;
  /** Several layers ask at once: one asks for the token. */
  renewing?: Promise<void>;
  /** The refresh token of a login that asked for one. */
  refreshToken?: string;
}

export const newSession = (session: Pick<Session, "network" | "domain" | "scope" | "account">): Session => ({
  ...session,
  expires: Infinity,
});

/** The header to send, or undefined while none is known to be needed. */
export function authorization(session: Session): string | undefined {
  if (session.expires < Date.now()) delete session.header;
  return session.header;
}

/**
 * Gets a header that answers the challenges of a 401 to a request that was sent with `refused`. Throws HoyError
 * `unauthorized: …` when the account is refused, or when there is nothing more to show.
 */
export async function renew(session: Session, challenges: readonly Challenge[], refused: string | undefined): Promise<void> {
  if (session.header !== undefined && session.header !== refused) return;
  session.renewing ??= answer(session, challenges).finally(() => {
    delete session.renewing;
  });
  return session.renewing;
}

const basic = ({ username, password = "" }: Account): string => `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

/** To whom is just logging in, `hoy login` is no advice. */
const unauthorized = ({ domain, scope }: Session, words: string): HoyError =>
  new HoyError(`unauthorized: ${words}`, { status: 401, ...(scope !== "" && { hint: `log in with: ${programName()} login ${domain}` }) });

async function answer(session: Session, challenges: readonly Challenge[]): Promise<void> {
  const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"));
  if (bearer) return fetchToken(session, bearer);
  if (!challenges.some(({ scheme }) => scheme === "basic")) throw unauthorized(session, "authentication required");
  const account = await session.account();
  if (account?.password === undefined) throw unauthorized(session, "authentication required");
  const header = basic(account);
  if (session.header === header) throw unauthorized(session, "incorrect username or password");
  session.header = header;
  session.expires = Infinity;
}

/** Tokens without `expires_in` live this long, by the specification. */
const SHORTEST_LIFE = 60;
const LARGEST_ANSWER = 1 << 20;

async function fetchToken(session: Session, { parameters }: Challenge): Promise<void> {
  const realm = URL.parse(parameters.get("realm") ?? "");
  if (!realm || !/^https?:$/.test(realm.protocol))
    throw new HoyError(`registry ${session.domain} asks for a token from ${JSON.stringify(parameters.get("realm"))}`);
  const account = await session.account();
  const service = parameters.get("service");
  const scopes = new Set([session.scope, parameters.get("scope") ?? ""].filter((scope) => scope !== ""));
  const reply = account?.identityToken
    ? await exchange(session.network, {
        url: realm,
        method: "POST",
        body: new URLSearchParams({
          grant_type: "refresh_token",
          service: service ?? "",
          client_id: "hoy",
          scope: [...scopes].join(" "),
          refresh_token: account.identityToken,
        }),
      })
    : await exchange(session.network, tokenQuery({ realm, service, scopes, account, login: session.scope === "" }));
  if (reply.status !== 200) throw await refusal(session, reply, account);
  await keepToken(session, reply);
}

interface TokenQuery {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: ReadonlySet<string>;
  readonly account: Account | undefined;
  readonly login: boolean;
}

function tokenQuery({ realm, service, scopes, account, login }: TokenQuery): { url: URL; headers: Record<string, string> } {
  const url = new URL(realm);
  if (service) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (account) url.searchParams.set("account", account.username);
  if (login) {
    url.searchParams.set("offline_token", "true");
    url.searchParams.set("client_id", "hoy");
  }
  return { url, headers: account ? { authorization: basic(account) } : {} };
}

async function refusal(session: Session, reply: Answer, account: Account | undefined): Promise<HoyError> {
  const { status, words } = await readComplaint(reply);
  if (status === 401 || status === 403)
    return unauthorized(session, account ? "incorrect username or password" : "authentication required");
  return new HoyError(`the token service of ${session.domain} refuses: ${words}`, { status: status >= 500 ? 502 : status });
}

interface TokenReply {
  token?: unknown;
  access_token?: unknown;
  expires_in?: unknown;
  refresh_token?: unknown;
}

async function keepToken(session: Session, reply: Answer): Promise<void> {
  const bytes = await readAll(reply, LARGEST_ANSWER);
  let document: TokenReply | null = null;
  try {
    if (bytes) document = JSON.parse(new TextDecoder().decode(bytes)) as TokenReply | null;
  } catch {
    // Falls through: what is not JSON holds no token.
  }
  const token = document?.token || document?.access_token;
  // A line break in a token would be a header of its own.
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token))
    throw new HoyError(`the token service of ${session.domain} answers without a token`, { status: 502 });
  const life = typeof document?.expires_in === "number" ? Math.max(document.expires_in, SHORTEST_LIFE) : SHORTEST_LIFE;
  session.header = `Bearer ${token}`;
  session.expires = Date.now() + life * 900;
  if (typeof document?.refresh_token === "string") session.refreshToken = document.refresh_token;
}
