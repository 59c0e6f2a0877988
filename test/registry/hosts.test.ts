import { describe, expect, test } from "bun:test";
import { endpointsOf, isInsecure } from "../../src/registry/hosts.ts";
import { isDirect } from "../../src/registry/proxy.ts";

const LISTED = ["registry.local:5000", "plain.example", "10.0.0.0/8", "fd00::/8"];

describe("insecure registries", () => {
  test.each([
    ["https://localhost:5000", true],
    ["https://127.0.0.1:5000", true],
    ["https://127.9.9.9", true],
    ["https://[::1]:5000", true],
    ["https://registry.local:5000", true],
    ["https://registry.local:5001", false],
    ["https://plain.example", true],
    ["https://plain.example:8443", true],
    ["https://10.1.2.3:5000", true],
    ["https://11.1.2.3:5000", false],
    ["https://[fd00::5]", true],
    ["https://[fe80::5]", false],
    ["https://localhost.invalid", false],
  ])("%s: %p", async (url, insecure) => expect(await isInsecure(new URL(url), { "insecure-registries": LISTED })).toBe(insecure));

  test("a name is insecure when its address is in a listed block", async () => {
    expect(await isInsecure(new URL("https://ip6-localhost.invalid"), { "insecure-registries": ["127.0.0.0/8"] })).toBe(false);
    expect(await isInsecure(new URL("https://x.invalid"), {})).toBe(false);
  });
});

describe("endpoints", () => {
  test("mirrors come before Docker Hub, and have accounts of their own", () => {
    const settings = { "registry-mirrors": ["https://m.example:8443/", "http://n.example/prefix"] };
    expect(endpointsOf("docker.io", settings)).toEqual([
      { url: "https://m.example:8443", domain: "m.example:8443", mirror: true },
      { url: "http://n.example/prefix", domain: "n.example", mirror: true },
      { url: "https://registry-1.docker.io", domain: "docker.io", mirror: false },
    ]);
    expect(endpointsOf("quay.io", settings)).toEqual([{ url: "https://quay.io", domain: "quay.io", mirror: false }]);
  });
});

describe("NO_PROXY", () => {
  const list = "corp.example, .sub.example,*.star.example,10.0.0.0/8,192.168.1.5,port.example:8080,[fd00::1]:443";
  test.each([
    ["http://localhost:5000", true],
    ["http://127.0.0.5", true],
    ["http://[::1]", true],
    ["http://corp.example", true],
    ["http://a.corp.example", true],
    ["http://acorp.example", false],
    ["http://a.sub.example", true],
    ["http://sub.example", false],
    ["http://a.star.example", true],
    ["http://10.2.3.4", true],
    ["http://11.2.3.4", false],
    ["http://192.168.1.5", true],
    ["http://192.168.1.6", false],
    ["http://port.example:8080", true],
    ["http://port.example", false],
    ["https://[fd00::1]", true],
    ["http://[fd00::1]", false],
  ])("%s: %p", (url, direct) => expect(isDirect(new URL(url), list)).toBe(direct));

  test("* is everything, nothing is only loopback", () => {
    expect(isDirect(new URL("http://x.example"), "*")).toBe(true);
    expect(isDirect(new URL("http://x.example"), "")).toBe(false);
  });
});
