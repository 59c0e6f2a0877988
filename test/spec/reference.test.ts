import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { canonical, familiar, familiarise, isDigest, parseReference, parseTagged, repositoryName } from "../../src/spec/reference.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;

const NAMES: [written: string, full: string, short: string][] = [
  ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
  ["docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["index.docker.io/me/app:x", "docker.io/me/app:x", "me/app:x"],
  ["docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["me/app", "docker.io/me/app:latest", "me/app:latest"],
  ["library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"],
  ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
  ["localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"],
  ["quay.io/a/b/c", "quay.io/a/b/c:latest", "quay.io/a/b/c:latest"],
  ["127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest"],
  ["[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"],
  ["Uppercase/x", "Uppercase/x:latest", "Uppercase/x:latest"],
  [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`, `busybox@${DIGEST}`],
  [`busybox:1@${DIGEST}`, `docker.io/library/busybox:1@${DIGEST}`, `busybox:1@${DIGEST}`],
  ["a__b", "docker.io/library/a__b:latest", "a__b:latest"],
  ["a---b.c_d", "docker.io/library/a---b.c_d:latest", "a---b.c_d:latest"],
  ["docker.io/quay.io/x", "docker.io/quay.io/x:latest", "docker.io/quay.io/x:latest"],
  ["docker.io/localhost/x", "docker.io/localhost/x:latest", "docker.io/localhost/x:latest"],
  [`x:${"t".repeat(128)}`, `docker.io/library/x:${"t".repeat(128)}`, `x:${"t".repeat(128)}`],
];

const BAD: [written: string, words: string][] = [
  ["", "invalid reference format"],
  [":tag", "invalid reference format"],
  ["a b", "invalid reference format"],
  ["a//b", "invalid reference format"],
  ["-a", "invalid reference format"],
  ["a-", "invalid reference format"],
  ["a___b", "invalid reference format"],
  ["a..b", "invalid reference format"],
  ["a:", "invalid reference format"],
  ["a:-x", "invalid reference format"],
  [`a:${"t".repeat(129)}`, "invalid reference format"],
  ["a@sha256:abc", "invalid reference format"],
  ["../a", "invalid reference format"],
  ["localhost:port/a", "invalid reference format"],
  ["a\n", "invalid reference format"],
  ["Busybox", "invalid reference format: repository name (Busybox) must be lowercase"],
  ["quay.io/A/b:x", "invalid reference format: repository name (A/b) must be lowercase"],
  [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
  [`a@sha256:${"a".repeat(63)}`, "invalid reference format: invalid checksum digest length"],
  [`a@sha256:${"A".repeat(64)}`, "invalid reference format: invalid checksum digest format"],
  [`a@md5:${"a".repeat(32)}`, "invalid reference format: unsupported digest algorithm md5"],
  [`docker.io/${"a".repeat(256)}/b`, "repository name must not be more than 255 characters"],
];

describe("reference", () => {
  test.each(NAMES)("%s", (written, full, short) => {
    const reference = parseTagged(written);
    expect(canonical(reference)).toBe(full);
    expect(familiar(reference)).toBe(short);
    expect(familiarise(full)).toBe(short);
  });

  test.each(BAD)("%j is refused", (written, words) => {
    expect(() => parseReference(written)).toThrow(expect.objectContaining({ name: "HoyError", message: words }));
  });

  test("no tag is added where there is a digest", () => {
    expect(parseTagged(`a@${DIGEST}`)).toEqual({ domain: "docker.io", path: "library/a", digest: DIGEST });
    expect(parseReference("a").tag).toBeUndefined();
  });

  const component = fc.stringMatching(/^[a-z0-9]{1,6}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,5}){0,2}$/);
  const reference = fc.record({
    domain: fc.constantFrom(
      "docker.io",
      "localhost",
      "localhost:5000",
      "quay.io",
      "[fe80::1]:443",
      "10.0.0.1:80",
      "Registry/x".slice(0, 8),
    ),
    path: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
    tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/),
    digest: fc.constantFrom(undefined, DIGEST),
  });

  test("every name reads back from its full and its familiar form", () => {
    fc.assert(
      fc.property(reference, ({ domain, path, tag, digest }) => {
        const parsed = parseReference(`${domain}/${path}:${tag}${digest ? `@${digest}` : ""}`);
        expect(parseReference(canonical(parsed))).toEqual(parsed);
        expect(parseReference(familiar(parsed))).toEqual(parsed);
        expect(repositoryName(parsed).startsWith(`${parsed.domain}/`)).toBe(true);
      }),
    );
  });

  test("any text is either a name or an error for the user", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        try {
          expect(parseReference(canonical(parseReference(text)))).toEqual(parseReference(text));
        } catch (error) {
          expect((error as Error).name).toBe("HoyError");
        }
      }),
    );
  });

  test("digests", () => {
    expect(isDigest(DIGEST)).toBe(true);
    for (const bad of [
      "",
      "sha256",
      `sha256:${HEX}:x`,
      `sha256:${HEX}0`,
      `sha1:${"a".repeat(40)}`,
      `constructor:${HEX}`,
      `sha256:${HEX.toUpperCase()}`,
    ])
      expect(isDigest(bad)).toBe(false);
  });
});
