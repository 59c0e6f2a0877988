import { describe, expect, test } from "bun:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { HoyError } from "../../src/spec/error.ts";
import { decompress, detectCompression } from "../../src/storage/compression.ts";
import { chunked } from "./scratch.ts";

async function all(bytes: Uint8Array, chunk = 1000): Promise<{ compression: string; data: Buffer }> {
  const { compression, stream } = await decompress(chunked(bytes, chunk), "layer x");
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return { compression, data: Buffer.concat(parts) };
}

const plain = Buffer.from("some words, again and again. ".repeat(20_000));
const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(50_000)));

describe("streams that are whole", () => {
  const skippable = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);
  const cases: [string, string, Uint8Array, Buffer][] = [
    ["plain", "none", plain, plain],
    ["gzip", "gzip", gzipSync(plain), plain],
    ["gzip of several members", "gzip", Buffer.concat([gzipSync(plain), gzipSync(noise)]), Buffer.concat([plain, noise])],
    ["gzip with zeros behind", "gzip", Buffer.concat([gzipSync(plain), Buffer.alloc(512)]), plain],
    ["zstd", "zstd", zstdCompressSync(plain), plain],
    ["zstd of several frames", "zstd", Buffer.concat([zstdCompressSync(noise), zstdCompressSync(plain)]), Buffer.concat([noise, plain])],
    ["zstd with a checksum", "zstd", zstdCompressSync(noise, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }), noise],
    ["zstd after a skippable frame", "zstd", Buffer.concat([skippable, zstdCompressSync(plain)]), plain],
    ["nothing at all", "none", Buffer.alloc(0), Buffer.alloc(0)],
    ["a single byte", "none", Buffer.from([0x1f]), Buffer.from([0x1f])],
  ];
  for (const [title, compression, bytes, expected] of cases) {
    test(title, async () => {
      for (const chunk of [1, 4096, 1 << 20]) {
        if (chunk === 1 && bytes.length > 5000) continue;
        const result = await all(bytes, chunk);
        expect(result.compression).toBe(compression);
        expect(result.data.equals(expected)).toBe(true);
      }
    });
  }
});

describe("streams that are not", () => {
  const damaged = gzipSync(noise);
  damaged[20_000] = (damaged[20_000] as number) ^ 0xff;
  const cases: [string, Uint8Array][] = [
    ["gzip cut in the middle", gzipSync(noise).subarray(0, 20_000)],
    ["gzip without its last bytes", gzipSync(plain).subarray(0, -4)],
    ["gzip with a wrong byte", damaged],
    ["gzip with rubbish behind", Buffer.concat([gzipSync(plain), Buffer.from("rubbish")])],
    ["zstd cut in the middle", zstdCompressSync(noise).subarray(0, 20_000)],
    ["zstd without its last bytes", zstdCompressSync(plain).subarray(0, -1)],
    ["zstd with rubbish behind", Buffer.concat([zstdCompressSync(plain), Buffer.from("rubbish")])],
    ["zstd with rubbish in it", Buffer.concat([zstdCompressSync(noise).subarray(0, 30), Buffer.alloc(5000, 7)])],
  ];
  for (const [title, bytes] of cases) {
    test(title, async () => {
      const error = await all(bytes).then(
        () => undefined,
        (thrown) => thrown,
      );
      expect(error).toBeInstanceOf(HoyError);
      expect(error.message).toMatch(/^layer x: corrupt (gzip|zstd) stream: [^\n]+$/);
    });
  }

  test("the source's own error comes through", async () => {
    async function* failing() {
      yield gzipSync(noise).subarray(0, 1000);
      throw new HoyError("the registry went away");
    }
    const { stream } = await decompress(failing(), "layer x");
    const read = async () => {
      for await (const _ of stream);
    };
    expect(read()).rejects.toThrow("the registry went away");
  });
});

test("CVE-2017-14992: a bomb is streamed, memory stays flat", async () => {
  const once = gzipSync(Buffer.alloc(64 << 20), { level: 9 });
  async function* bomb() {
    for (let i = 0; i < 16; i++) yield once;
  }
  const { stream } = await decompress(bomb(), "layer x");
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  let size = 0;
  let peak = 0;
  for await (const part of stream) {
    size += part.length;
    peak = Math.max(peak, process.memoryUsage().rss - before);
  }
  expect(size).toBe(1 << 30);
  expect(peak).toBeLessThan(120 << 20);
}, 30_000);

test("the first bytes decide", () => {
  expect(detectCompression(Buffer.from([0x1f, 0x8b, 8]))).toBe("gzip");
  expect(detectCompression(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))).toBe("zstd");
  expect(detectCompression(Buffer.from("usr/"))).toBe("none");
});
