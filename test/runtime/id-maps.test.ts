import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { allocateIds, checkUser, keepIdMap, outerId, without } from "../../src/runtime/id-maps.ts";

describe("allocation of ids", () => {
  const available = [
    { start: 1000, size: 100 },
    { start: 5000, size: 1000 },
  ];

  test("gives the first that are free, over several ranges", () => {
    expect(allocateIds({ size: 50, available, used: [], chosen: [] })).toEqual([{ containerID: 0, hostID: 1000, size: 50 }]);
    expect(allocateIds({ size: 200, available, used: [{ start: 1010, size: 80 }], chosen: [] })).toEqual([
      { containerID: 0, hostID: 1000, size: 10 },
      { containerID: 10, hostID: 1090, size: 10 },
      { containerID: 20, hostID: 5000, size: 180 },
    ]);
  });

  test("what the user chose stands, and is not given twice", () => {
    const chosen = [
      { containerID: 5, hostID: 1000, size: 2 },
      { containerID: 100, hostID: 1, size: 1 },
    ];
    expect(allocateIds({ size: 10, available, used: [], chosen })).toEqual([
      { containerID: 0, hostID: 1002, size: 5 },
      { containerID: 5, hostID: 1000, size: 2 },
      { containerID: 7, hostID: 1007, size: 3 },
      { containerID: 100, hostID: 1, size: 1 },
    ]);
  });

  test("there may be too few", () => expect(allocateIds({ size: 1101, available, used: [], chosen: [] })).toBeUndefined());

  test("no host id is given twice, whatever was asked for before", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 12 }), (sizes) => {
        const used: { start: number; size: number }[] = [];
        for (const size of sizes) {
          const maps = allocateIds({ size, available, used, chosen: [] });
          if (!maps) continue;
          expect(maps.reduce((sum, map) => sum + map.size, 0)).toBe(size);
          for (const { hostID, size: count } of maps) {
            expect(without([{ start: hostID, size: count }], used)).toEqual([{ start: hostID, size: count }]);
            expect(without([{ start: hostID, size: count }], available)).toEqual([]);
            used.push({ start: hostID, size: count });
          }
        }
      }),
    );
  });
});

test("keep-id puts the user's other ids around the own one", () => {
  expect(keepIdMap(1000, 65536)).toEqual([
    { containerID: 0, hostID: 1, size: 1000 },
    { containerID: 1000, hostID: 0, size: 1 },
    { containerID: 1001, hostID: 1001, size: 64536 },
  ]);
  expect(keepIdMap(0, 3)).toEqual([
    { containerID: 0, hostID: 0, size: 1 },
    { containerID: 1, hostID: 1, size: 3 },
  ]);
  expect(keepIdMap(1000, 10)).toEqual([
    { containerID: 0, hostID: 1, size: 10 },
    { containerID: 1000, hostID: 0, size: 1 },
  ]);
  expect(keepIdMap(1000, 0)).toEqual([{ containerID: 1000, hostID: 0, size: 1 }]);
});

test("an id inside is looked up, and one that is not there named", () => {
  const maps = keepIdMap(2, 2);
  expect([0, 1, 2, 3].map((id) => outerId(maps, id))).toEqual([1, 2, 0, undefined]);
  const gidMaps = [{ containerID: 0, hostID: 9, size: 1 }];
  expect(() => checkUser({ uidMaps: maps, gidMaps }, { uid: 3, gid: 0 })).toThrow(
    "the container's user namespace has no uid 3, only 0-1, 2",
  );
  expect(() => checkUser({ uidMaps: maps, gidMaps }, { uid: 2, gid: 1 })).toThrow("the container's user namespace has no gid 1, only 0");
  expect(() => checkUser({ uidMaps: maps, gidMaps }, { uid: 2, gid: 0 })).not.toThrow();
});
