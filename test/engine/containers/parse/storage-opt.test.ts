import { expect, test } from "bun:test";
import { parseStorageOpt, storageSize } from "../../../../src/engine/containers/parse/storage-opt.ts";

test("--storage-opt", () => {
  expect(parseStorageOpt("size=10G")).toEqual(["size", "10G"]);
  expect(() => parseStorageOpt("size")).toThrow("invalid storage option");
  expect([storageSize(undefined), storageSize({ size: "2m" }), storageSize({ SIZE: "512" })]).toEqual([0, 2 << 20, 512]);
  expect(() => storageSize({ size: "much" })).toThrow("invalid size: 'much'");
  expect(() => storageSize({ size: "0" })).toThrow('--storage-opt size: "0" is no size: nothing could be written');
  expect(() => storageSize({ inodes: "5" })).toThrow("--storage-opt: unknown option inodes: there is size");
});
