import { expect, test } from "bun:test";
import { formatPlatform, hostPlatform, normalisePlatform, parsePlatform, platformRank } from "../../src/spec/platform.ts";

const host = hostPlatform().architecture;

test.each([
  ["linux/amd64", "linux/amd64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/arm64", "linux/arm64"],
  ["linux/arm/v6", "linux/arm/v6"],
  ["linux/arm", "linux/arm"],
  ["linux/arm/7", "linux/arm"],
  ["linux/armhf", "linux/arm"],
  ["linux/armel", "linux/arm/v6"],
  ["Linux/X86_64", "linux/amd64"],
  ["linux/aarch64", "linux/arm64"],
  ["arm64", "linux/arm64"],
  ["aarch64", "linux/arm64"],
  ["riscv64", "linux/riscv64"],
  ["linux", `linux/${host}`],
  ["windows/amd64", "windows/amd64"],
  ["macos/arm64", "darwin/arm64"],
])("%s is %s", (written, read) => expect(formatPlatform(parsePlatform(written))).toBe(read));

test.each(["", "/", "linux/", "a/b/c/d", "linux/am d64", "nonsense"])("%j is refused", (written) =>
  expect(() => parsePlatform(written)).toThrow(/^invalid platform/),
);

test.each([
  ["linux/amd64", "linux/amd64", 0],
  ["linux/amd64/v2", "linux/amd64", undefined],
  ["linux/amd64", "linux/amd64/v3", 2],
  ["linux/386", "linux/amd64", 1],
  ["linux/arm64", "linux/amd64", undefined],
  ["windows/amd64", "linux/amd64", undefined],
  ["linux/arm64/v8", "linux/arm64", 0],
  ["linux/arm/v7", "linux/arm64", 2],
  ["linux/arm/v5", "linux/arm/v6", 1],
  ["linux/arm/v7", "linux/arm/v6", undefined],
  ["linux/s390x", "linux/s390x", 0],
])("%s on %s: %p", (offered, wanted, rank) => expect(platformRank(parsePlatform(offered), parsePlatform(wanted))).toBe(rank as never));

test("what an index says is normalised, too", () => {
  expect(normalisePlatform({ os: "Linux", architecture: "aarch64", variant: "v8" })).toEqual({
    os: "linux",
    architecture: "arm64",
    variant: "",
  });
  expect(platformRank({ os: "unknown", architecture: "unknown", variant: "" }, hostPlatform())).toBeUndefined();
});
