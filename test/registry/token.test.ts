/** Bearer tokens: the real registry checks what a token service of the test signs (distribution, "Token Authentication Specification"). */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { createPrivateKey, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findAccount, saveAccount } from "../../src/registry/credentials.ts";
import { login } from "../../src/registry/login.ts";
import { startFaultProxy } from "../harness/fault-proxy.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { available, requires } from "../harness/requires.ts";
import { noiseImage, publish, scene } from "./scene.ts";

const needs = requires("root", "docker-registry", "skopeo", "openssl");
const ISSUER = "test tokens";
const SERVICE = "test, registry";

interface TokenRequest {
  readonly method: string;
  readonly parameters: URLSearchParams;
  readonly authorization: string | null;
}

describe("bearer tokens", () => {
  const folder = mkdtempSync(join(tmpdir(), "hoy-token-"));
  let registry: Registry;
  let service: ReturnType<typeof Bun.serve>;
  let asked: TokenRequest[] = [];
  /** Changes the next tokens; without it good ones. */
  let forge: ((request: TokenRequest, good: string) => Response | undefined) | undefined;

  const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

  function token(scopes: string[], user: string): string {
    const now = Math.floor(Date.now() / 1000);
    const certificate = readFileSync(join(folder, "cert.pem"), "utf8").replace(/-----[^-]+-----|\s/g, "");
    const access = scopes.map((scope) => {
      const [type, name, actions = ""] = scope.split(":");
      return { type, name, actions: actions.split(",") };
    });
    const head = base64url({ typ: "JWT", alg: "ES256", x5c: [certificate] });
    const claims = { iss: ISSUER, sub: user, aud: SERVICE, exp: now + 300, nbf: now - 10, iat: now, jti: crypto.randomUUID(), access };
    const text = `${head}.${base64url(claims)}`;
    const key = createPrivateKey(readFileSync(join(folder, "key.pem")));
    return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  }

  async function serveToken(request: Request): Promise<Response> {
    const parameters = request.method === "POST" ? new URLSearchParams(await request.text()) : new URL(request.url).searchParams;
    const seen = { method: request.method, parameters, authorization: request.headers.get("authorization") };
    asked.push(seen);
    const user = seen.authorization ? (Buffer.from(seen.authorization.slice(6), "base64").toString().split(":")[0] ?? "") : "";
    const good = token(
      parameters.getAll("scope").flatMap((scope) => scope.split(" ")),
      user,
    );
    const forged = forge?.(seen, good);
    if (forged) return forged;
    if (seen.authorization && seen.authorization !== `Basic ${btoa("me:secret")}`) return new Response("{}", { status: 401 });
    if (request.method === "POST" && parameters.get("refresh_token") !== "refresh me") return new Response("{}", { status: 401 });
    const refresh = parameters.get("offline_token") === "true" ? { refresh_token: "refresh me" } : {};
    return Response.json(request.method === "POST" ? { access_token: good, expires_in: 300 } : { token: good, ...refresh });
  }

  beforeAll(async () => {
    if (!available("root", "docker-registry", "skopeo", "openssl")) return;
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const made = Bun.spawnSync(
      [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
      ].concat(["-keyout", key, "-out", cert]),
    );
    if (made.exitCode !== 0) throw new Error(made.stderr.toString());
    service = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: serveToken });
    registry = await startRegistry({
      token: { realm: `http://127.0.0.1:${service.port}/token`, service: SERVICE, issuer: ISSUER, rootcertbundle: cert },
    });
    await publish(registry, "some/app:1", noiseImage(300_000));
  });
  afterAll(async () => {
    await service?.stop(true);
    await registry?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  function fresh() {
    asked = [];
    forge = undefined;
    return scene();
  }

  needs("an anonymous token is got once and used for all", async () => {
    using at = fresh();
    await at.pull(`${registry.address}/some/app:1`);
    expect(asked.map(({ method, parameters }) => [method, [...parameters]])).toEqual([
      [
        "GET",
        [
          ["service", SERVICE],
          ["scope", "repository:some/app:pull"],
        ],
      ],
    ]);
    expect(asked[0]?.authorization).toBeNull();
  });

  needs("login keeps the refresh token in place of the password, and pull shows it", async () => {
    using at = fresh();
    await expect(login(registry.address, { username: "me", password: "wrong" }, {})).rejects.toThrow(
      "unauthorized: incorrect username or password",
    );
    await login(registry.address, { username: "me", password: "secret" }, {});
    expect(await findAccount(registry.address)).toEqual({ username: "me", identityToken: "refresh me" });
    await at.pull(`${registry.address}/some/app:1`);
    const { method, parameters } = asked.at(-1)!;
    expect(method).toBe("POST");
    expect(Object.fromEntries(parameters)).toEqual({
      grant_type: "refresh_token",
      service: SERVICE,
      client_id: "hoy",
      scope: "repository:some/app:pull",
      refresh_token: "refresh me",
    });
  });

  needs("an account is shown to the token service", async () => {
    using at = fresh();
    await saveAccount(registry.address, { username: "me", password: "secret" });
    await at.pull(`${registry.address}/some/app:1`);
    expect(asked.map(({ authorization }) => authorization)).toEqual([`Basic ${btoa("me:secret")}`]);
    await saveAccount(registry.address, { username: "me", password: "changed" });
    await expect(at.pull(`${registry.address}/some/app:1`)).rejects.toThrow("unauthorized: incorrect username or password");
  });

  needs("a token that is no longer taken is renewed, in mid-pull as well", async () => {
    using at = fresh();
    forge = (_, good) => (asked.length === 1 ? Response.json({ token: `${good}x` }) : undefined);
    await using proxy = await startFaultProxy(registry.address, ({ path, earlier }) =>
      path.includes("/blobs/") && earlier === 0
        ? {
            answer: {
              status: 401,
              headers: { "WWW-Authenticate": `Bearer realm="http://127.0.0.1:${service.port}/token",error="invalid_token"` },
            },
          }
        : undefined,
    );
    await at.pull(`${proxy.address}/some/app:1`);
    expect(asked.length).toBeGreaterThanOrEqual(3);
  });

  needs("a registry that takes no token at all is given up", async () => {
    using at = fresh();
    forge = () => Response.json({ token: "never" });
    await expect(at.pull(`${registry.address}/some/app:1`)).rejects.toThrow(/^unauthorized|authentication required/);
    expect(asked.length).toBeLessThan(5);
  });

  needs("a token service that answers nonsense", async () => {
    using at = fresh();
    const name = `${registry.address}/some/app:1`;
    for (const reply of ["null", "[]", "{}", '{"token": 5}', '{"token": "a\\nHost: b"}', "<html>", " ".repeat(2 << 20)]) {
      forge = () => new Response(reply);
      await expect(at.pull(name)).rejects.toThrow(/^the token service of .* answers without a token$/);
    }
    forge = () => new Response("", { status: 404 });
    await expect(at.pull(name)).rejects.toThrow(/^the token service of .* refuses: the registry answers with status 404$/);
  });
});
