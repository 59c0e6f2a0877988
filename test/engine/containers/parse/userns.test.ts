import { describe, expect, test } from "bun:test";
import { parseUsernsMode, userNamespace } from "../../../../src/engine/containers/parse/userns.ts";

const NOTHING = { uidMappings: [], gidMappings: [] };

describe("--userns", () => {
  test.each(["", "host"])("%j is the namespace that hoy is in", (mode) => expect(userNamespace(mode)).toBeUndefined());

  test("auto and keep-id with their options", () => {
    expect(userNamespace("auto")).toEqual({ kind: "auto", ...NOTHING });
    expect(userNamespace("auto:size=2048,uidmapping=0:1000:1,uidmapping=5:2000:10,gidmapping=0:7:1")).toEqual({
      kind: "auto",
      size: 2048,
      uidMappings: [
        { containerID: 0, hostID: 1000, size: 1 },
        { containerID: 5, hostID: 2000, size: 10 },
      ],
      gidMappings: [{ containerID: 0, hostID: 7, size: 1 }],
    });
    expect(userNamespace("keep-id")).toEqual({ kind: "keep-id" });
    expect(userNamespace("keep-id:uid=200,gid=210")).toEqual({ kind: "keep-id", uid: 200, gid: 210 });
    expect(parseUsernsMode("keep-id:uid=200")).toBe("keep-id:uid=200");
  });

  test.each([
    ["private", "--userns: invalid USER mode"],
    ["container:x", '--userns: invalid option "x": it is NAME=VALUE'],
    ["automatic", "--userns: invalid USER mode"],
    ["auto:", '--userns: invalid option "": it is NAME=VALUE'],
    ["auto:size", '--userns: invalid option "size": it is NAME=VALUE'],
    ["auto:size=many", '--userns: invalid size "many": it is a number from 0 on'],
    ["auto:uid=1", '--userns: unknown option "uid" of auto: there are size, uidmapping and gidmapping'],
    ["auto:uidmapping=0:1", '--userns: invalid uidmapping "0:1": it is CONTAINER_ID:HOST_ID:SIZE'],
    ["auto:uidmapping=0:1:0", '--userns: invalid uidmapping "0:1:0": it is CONTAINER_ID:HOST_ID:SIZE'],
    ["auto:uidmapping=0:1:1:1", '--userns: invalid uidmapping "0:1:1:1": it is CONTAINER_ID:HOST_ID:SIZE'],
    ["keep-id:size=5", '--userns: unknown option "size" of keep-id: there are uid and gid'],
    ["keep-id:uid=-1", '--userns: invalid uid "-1": it is a number from 0 on'],
    ["keep-id:uid=4294967295", '--userns: invalid uid "4294967295": it is a number from 0 on'],
  ])("%s is refused", (mode, message) => expect(() => userNamespace(mode)).toThrow(new Error(message)));
});
