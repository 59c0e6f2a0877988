/** Single exchanges: certificates, redirects between hosts, proxies. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchange, type Network, openNetwork, readAll } from "../../src/registry/transport.ts";
import { requires } from "../harness/requires.ts";
import { withEnvironment } from "./scene.ts";

const servers: ReturnType<typeof Bun.serve>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

function serve(answer: (request: Request) => Response, tls?: { cert: string; key: string }): URL {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer, ...(tls && { tls }) });
  servers.push(server);
  return new URL(`${tls ? "https" : "http"}://127.0.0.1:${server.port}/`);
}

const textOf = async (network: Network, url: URL): Promise<string> =>
  new TextDecoder().decode(await readAll(await exchange(network, { url }), 1000));

describe("certificates", () => {
  /** Loopback is trusted by Docker's rule: these tests are about hosts that are not. */
  const strict = (url: URL): Network => ({ ...openNetwork({}), trust: new Map([[url.host, { insecure: false }]]) });

  async function withCertificate(name: string, body: (url: URL, certificate: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "hoy-tls-"));
    try {
      const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
      const flags = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test"];
      const made = Bun.spawnSync(["openssl", "req", "-x509", ...flags, "-addext", `subjectAltName=${name}`, "-keyout", key, "-out", cert]);
      if (made.exitCode !== 0) throw new Error(made.stderr.toString());
      const tls = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
      await body(
        serve(() => new Response("hello"), tls),
        cert,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  requires("openssl")("one that nobody vouches for is refused, unless the machine's own authorities do", async () => {
    await withCertificate("IP:127.0.0.1", async (url, certificate) => {
      {
        using _none = withEnvironment({ SSL_CERT_FILE: undefined });
        await expect(textOf(strict(url), url)).rejects.toThrow("its certificate is self-signed");
      }
      using _own = withEnvironment({ SSL_CERT_FILE: certificate });
      expect(await textOf(strict(url), url)).toBe("hello");
    });
  });

  requires("openssl")("authorities of the host's own folder are added to the machine's, not put in their place", async () => {
    await withCertificate("IP:127.0.0.1", async (url, certificate) => {
      const own = readFileSync(certificate, "utf8");
      await withCertificate("DNS:other.example", async (_, other) => {
        const trusting = (...ca: string[]): Network => ({ ...openNetwork({}), trust: new Map([[url.host, { insecure: false, ca }]]) });
        const foreign = readFileSync(other, "utf8");
        {
          using _others = withEnvironment({ SSL_CERT_FILE: other });
          expect(await textOf(trusting(own), url)).toBe("hello");
          expect(await textOf(trusting(foreign, own), url)).toBe("hello");
          const network = trusting(foreign);
          for (let time = 0; time < 2; time++) await expect(textOf(network, url)).rejects.toThrow("its certificate is self-signed");
        }
        using _machine = withEnvironment({ SSL_CERT_FILE: certificate });
        const network = trusting(foreign);
        for (let time = 0; time < 2; time++) expect(await textOf(network, url)).toBe("hello");
      });
    });
  });

  requires("openssl")("one for another name is refused even then", async () => {
    await withCertificate("DNS:other.example", async (url, certificate) => {
      using _own = withEnvironment({ SSL_CERT_FILE: certificate });
      await expect(textOf(strict(url), url)).rejects.toThrow("its certificate is for another host name");
    });
  });

  requires("openssl")("an insecure host's is not looked at", async () => {
    await withCertificate("DNS:other.example", async (url) => expect(await textOf(openNetwork({}), url)).toBe("hello"));
  });
});

test("Authorization stays with its origin", async () => {
  const seen: (string | null)[] = [];
  const record = (request: Request): void => void seen.push(request.headers.get("authorization"));
  const other = serve((request) => {
    record(request);
    return new Response("there");
  });
  const first = serve((request) => {
    record(request);
    return new Response("", { status: 307, headers: { Location: new URL(request.url).pathname === "/" ? "/again" : other.href } });
  });
  const answer = await exchange(openNetwork({}), { url: first, headers: { Authorization: "Basic x" } });
  expect(answer.status).toBe(200);
  expect(seen).toEqual(["Basic x", "Basic x", null]);
});

test("loopback is not reached through a proxy", async () => {
  const proxy = serve(() => new Response("the proxy"));
  const url = serve(() => new Response("the server"));
  using _proxy = withEnvironment({ HTTP_PROXY: proxy.href, http_proxy: proxy.href, NO_PROXY: undefined, no_proxy: undefined });
  expect(await textOf(openNetwork({}), url)).toBe("the server");
  expect(await textOf(openNetwork({}), new URL("http://registry.invalid/"))).toBe("the proxy");
});

test("the timeout comes from the environment, then the settings", () => {
  using _none = withEnvironment({ HOY_REGISTRY_TIMEOUT: undefined });
  expect(openNetwork({}).timeout).toBe(30_000);
  expect(openNetwork({ "registry-timeout": "2m" }).timeout).toBe(120_000);
  using _set = withEnvironment({ HOY_REGISTRY_TIMEOUT: "250ms" });
  expect(openNetwork({ "registry-timeout": "2m" }).timeout).toBe(250);
});

test("a longer body than allowed is given up", async () => {
  const url = serve(() => new Response("x".repeat(2000)));
  expect(await readAll(await exchange(openNetwork({}), { url }), 1000)).toBeUndefined();
});
