import { expect, test } from "bun:test";
import fc from "fast-check";
import { HoyError } from "../../../src/spec/error.ts";
import { readAll, readTar } from "../../../src/storage/tar/reader.ts";
import { type TarInput, type TarOutput, writeTar } from "../../../src/storage/tar/writer.ts";
import { chunked } from "../scratch.ts";

const nameByte = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(..."abcXYZ019._- /=\n") },
  fc.constantFrom("ü", "€", "😀", "\udcff", "\udc80"),
);
const name = fc
  .oneof(
    { weight: 5, arbitrary: fc.array(nameByte, { minLength: 1, maxLength: 40 }) },
    fc.array(nameByte, { minLength: 90, maxLength: 300 }),
  )
  .map((parts) => `n${parts.join("")}x`);
const id = fc.oneof(fc.nat(70000), fc.nat(4294967294));
const bytes = fc.uint8Array({ maxLength: 3000 });
const xattrs = fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,8}$/), fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxKeys: 3 });

const member: fc.Arbitrary<TarOutput> = fc
  .record({
    name,
    type: fc.constantFrom("file", "directory", "symlink", "hardlink", "character", "fifo"),
    mode: fc.nat(0o7777),
    uid: id,
    gid: id,
  })
  .chain((base) =>
    fc.record({
      base: fc.constant(base as TarInput),
      data: bytes,
      linkName: name,
      mtime: fc.bigInt({ min: -(2n ** 40n) * 1_000_000_000n, max: 2n ** 40n * 1_000_000_000n }),
      xattrs,
      devices: fc.tuple(fc.nat(4095), fc.nat(0o7777777)),
    }),
  )
  .map(({ base, data, linkName, mtime, xattrs: attributes, devices }) => {
    const entry: TarInput = {
      ...base,
      mtime,
      xattrs: new Map(Object.entries(attributes).map(([key, value]) => [key, Buffer.from(value)])),
    };
    if (base.type === "symlink" || base.type === "hardlink") entry.linkName = linkName;
    if (base.type === "character") [entry.deviceMajor, entry.deviceMinor] = devices;
    if (base.type === "directory") entry.name = `${entry.name}/`;
    if (base.type !== "file") return { entry };
    return { entry: { ...entry, size: data.length }, body: data };
  });

async function archive(members: readonly TarOutput[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(members)) parts.push(part);
  return Buffer.concat(parts);
}

test("whatever is written is read back the same, in chunks of any size", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(member, { maxLength: 6 }), fc.integer({ min: 1, max: 3000 }), async (members, size) => {
      const written = await archive(members);
      const read: unknown[] = [];
      for await (const { entry, body } of readTar(chunked(written, size))) {
        const data = await readAll(body, 1 << 20, () => new Error("large"));
        read.push({ ...pick(entry), xattrs: Object.fromEntries(entry.xattrs), data });
      }
      const expected = members.map(({ entry, body }) => ({
        ...pick({ linkName: "", deviceMajor: 0, deviceMinor: 0, size: 0, mtime: 0n, ...entry }),
        xattrs: Object.fromEntries(entry.xattrs ?? []),
        data: Buffer.from((body as Uint8Array | undefined) ?? []),
      }));
      expect(read).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});

const pick = ({
  name: named,
  type,
  linkName,
  mode,
  uid,
  gid,
  size,
  mtime,
  deviceMajor,
  deviceMinor,
}: Record<string, unknown> | TarInput) => ({
  named,
  type,
  linkName,
  mode,
  uid,
  gid,
  size,
  mtime,
  deviceMajor,
  deviceMinor,
});

test("corruption gives a HoyError or other members, never anything else", async () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 4 }), damage, fc.nat(), async (members, changes, cut) => {
      const written = await archive(members);
      for (const [at, value] of changes) written[at % written.length] = value;
      const part = cut % 3 === 0 ? written.subarray(0, cut % written.length) : written;
      try {
        for await (const { body } of readTar(chunked(part, 777)))
          for await (const piece of body) if (piece.length > 1 << 20) throw new Error("too much at once");
      } catch (error) {
        expect(error).toBeInstanceOf(HoyError);
        expect((error as Error).message).not.toContain("\n");
      }
    }),
    { numRuns: 300 },
  );
});
