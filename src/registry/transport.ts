/**
 * One HTTP exchange: fetch with a watch on silence, redirects followed by hand, and the body as a stream. Nothing here knows the
 * distribution API.
 */
import type { Settings } from "../state/settings.ts";
import { Fault, faultOf } from "./fault.ts";
import { type Trust, trustOf, withSystem } from "./hosts.ts";
import { exemptFromProxy } from "./proxy.ts";

export interface Network {
  readonly settings: Settings;
  /** Milliseconds of silence after which an exchange is broken off. */
  readonly timeout: number;
  /** By host with port. */
  readonly trust: Map<string, Trust>;
}

export interface Request {
  readonly url: URL;
  readonly method?: "GET" | "HEAD" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: URLSearchParams;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The bytes as sent. Throws a Fault when the connection breaks or falls silent. To be read at most once. */
  body(): AsyncIterable<Uint8Array>;
  /** Gives up the rest of the body. */
  discard(): void;
}

const UNITS = { ms: 1, s: 1000, m: 60_000 } as const;
const DEFAULT_TIMEOUT = 30_000;
const MOST_REDIRECTS = 10;

function milliseconds(text: string | undefined): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text ?? "") ?? [];
  return number === undefined ? undefined : Math.max(1, Number(number) * UNITS[unit as keyof typeof UNITS]);
}

/** HOY_REGISTRY_TIMEOUT, else the setting `registry-timeout`, else 30 s. */
export function openNetwork(settings: Settings): Network {
  const timeout = milliseconds(process.env.HOY_REGISTRY_TIMEOUT) ?? milliseconds(settings["registry-timeout"]) ?? DEFAULT_TIMEOUT;
  return { settings, timeout, trust: new Map() };
}

export async function trustIn(network: Network, url: URL): Promise<Trust> {
  const known = network.trust.get(url.host);
  if (known) return known;
  const trust = await trustOf(url, network.settings);
  network.trust.set(url.host, trust);
  return trust;
}

/**
 * Sends a request and follows its redirects; Authorization goes to the first origin only, as blob storage elsewhere must not learn it
 * (distribution-spec, "Pulling blobs"). Throws a Fault.
 */
export async function exchange(network: Network, request: Request): Promise<Answer> {
  let { url, headers = {} } = request;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const answer = await single(network, { ...request, url, headers });
    const location = answer.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(answer.status) || !location || request.method === "POST") return answer;
    answer.discard();
    const next = URL.parse(location, url.href);
    if (!next || !/^https?:$/.test(next.protocol)) throw new Fault("redirect", `redirects to ${JSON.stringify(location)}`);
    if (next.origin !== url.origin) headers = withoutAuthorization(headers);
    url = next;
  }
  throw new Fault("redirect", "redirects without end");
}

const withoutAuthorization = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"));

async function single(network: Network, request: Request): Promise<Answer> {
  const trust = await trustIn(network, request.url);
  try {
    return await send(network, request, trust);
  } catch (error) {
    const fault = faultOf(error);
    const wider = fault.kind === "certificate" ? await withSystem(trust) : undefined;
    if (!wider) throw fault;
    network.trust.set(request.url.host, wider);
    return await send(network, request, wider).catch((again) => Promise.reject(faultOf(again)));
  }
}

async function send(network: Network, request: Request, trust: Trust): Promise<Answer> {
  exemptFromProxy(request.url);
  const watch = watchSilence(network.timeout);
  watch.start();
  try {
    const response = await fetch(request.url, {
      method: request.method ?? "GET",
      // A layer is compressed by itself: fetch must not unpack what only looks like a compressed transfer.
      headers: { "accept-encoding": "identity", "user-agent": "hoy", ...request.headers },
      ...(request.body && { body: request.body }),
      redirect: "manual",
      decompress: false,
      signal: watch.signal,
      ...(request.url.protocol === "https:" && { tls: tlsOptions(trust) }),
    });
    return { status: response.status, headers: response.headers, body: () => readBody(response, watch), discard: watch.abort };
  } finally {
    watch.stop();
  }
}

function tlsOptions(trust: Trust): { rejectUnauthorized: boolean; ca?: string[]; cert?: string; key?: string } {
  return {
    rejectUnauthorized: !trust.insecure,
    ...(trust.ca && { ca: [...trust.ca] }),
    ...(trust.cert !== undefined && { cert: trust.cert }),
    ...(trust.key !== undefined && { key: trust.key }),
  };
}

interface Watch {
  readonly signal: AbortSignal;
  start(): void;
  stop(): void;
  abort(): void;
}

/** Breaks the exchange off when `stop` does not follow `start` in time: the time in which the reader is busy does not count. */
function watchSilence(timeout: number): Watch {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => clearTimeout(timer);
  const expire = (): void => controller.abort(new Fault("timeout", `nothing came for ${timeout / 1000} seconds`));
  return {
    signal: controller.signal,
    start: () => {
      stop();
      timer = setTimeout(expire, timeout);
    },
    stop,
    abort: () => {
      stop();
      controller.abort(new Fault("broken", "given up"));
    },
  };
}

async function* readBody(response: Response, watch: Watch): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  let ended = false;
  try {
    while (true) {
      watch.start();
      const { done, value } = await reader.read();
      watch.stop();
      if (done) break;
      yield value;
    }
    ended = true;
  } catch (error) {
    ended = true;
    throw faultOf(error);
  } finally {
    watch.stop();
    if (!ended) watch.abort();
  }
}

/** The whole body, at most `limit` bytes of it: undefined when it is longer. */
export async function readAll(answer: Answer, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body()) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
