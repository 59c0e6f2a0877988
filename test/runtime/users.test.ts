import { describe, expect, test } from "bun:test";
import { type ResolvedUser, resolveUser } from "../../src/runtime/users.ts";

const passwd = `root:x:0:0:root:/root:/bin/sh
# a comment: with colons
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
  alice:x:1000:1001::/home/alice:/bin/sh\r
alice:x:2000:2000::/twice:
1337:x:0:0:hacker:/root:/bin/sh
nohome:x:1500:1500
emptyhome:x:1501:1501:::
broken
badid:x:root:0::/:
negative:x:-1:0::/:
huge:x:4294967296:0::/:
noid:x:::::
::0:0:::`;
const group = `root:x:0:
www-data:x:33:
users:x:100:alice,www-data
alice:x:1001:
docker:x:998:alice
#video:x:44:alice
bad:x:none:alice
77:x:5:
staff:x:50`;

const resolve = (spec: string, groupAdd: string[] = []): ResolvedUser => resolveUser({ spec, passwd, group, groupAdd });

describe("resolveUser", () => {
  const rows: [spec: string, wanted: ResolvedUser][] = [
    ["", { uid: 0, gid: 0, additionalGids: [0], home: "/root", name: "root" }],
    ["root", { uid: 0, gid: 0, additionalGids: [0], home: "/root", name: "root" }],
    ["alice", { uid: 1000, gid: 1001, additionalGids: [1001, 100, 998], home: "/home/alice", name: "alice" }],
    ["1000", { uid: 1000, gid: 1001, additionalGids: [1001, 100, 998], home: "/home/alice", name: "alice" }],
    ["alice:users", { uid: 1000, gid: 100, additionalGids: [100], home: "/home/alice", name: "alice" }],
    ["alice:33", { uid: 1000, gid: 33, additionalGids: [33], home: "/home/alice", name: "alice" }],
    ["alice:", { uid: 1000, gid: 1001, additionalGids: [1001, 100, 998], home: "/home/alice", name: "alice" }],
    ["4242", { uid: 4242, gid: 0, additionalGids: [0], home: "/", name: "" }],
    ["4242:4343", { uid: 4242, gid: 4343, additionalGids: [4343], home: "/", name: "" }],
    ["4242:docker", { uid: 4242, gid: 998, additionalGids: [998], home: "/", name: "" }],
    [":users", { uid: 0, gid: 100, additionalGids: [100], home: "/root", name: "root" }],
    ["0:77", { uid: 0, gid: 77, additionalGids: [77], home: "/root", name: "root" }],
    ["nohome", { uid: 1500, gid: 1500, additionalGids: [1500], home: "/", name: "nohome" }],
    ["emptyhome", { uid: 1501, gid: 1501, additionalGids: [1501], home: "/", name: "emptyhome" }],
    ["2147483647", { uid: 2147483647, gid: 0, additionalGids: [0], home: "/", name: "" }],
  ];
  for (const [spec, wanted] of rows) test(`"${spec}"`, () => expect(resolve(spec)).toEqual(wanted));

  test("a number is never a name, even where a name says so (CVE-2016-3697)", () => {
    expect(resolve("1337")).toEqual({ uid: 1337, gid: 0, additionalGids: [0], home: "/", name: "" });
  });

  test("--group-add by name, by number, each once", () => {
    expect(resolve("alice", ["docker", "77", "12345", "1001"]).additionalGids).toEqual([1001, 100, 998, 77, 12345]);
    expect(resolve("alice:users", ["staff"]).additionalGids).toEqual([100, 50]);
  });

  test("without files numbers stand for themselves", () => {
    expect(resolveUser({ spec: "" })).toEqual({ uid: 0, gid: 0, additionalGids: [0], home: "/", name: "" });
    expect(resolveUser({ spec: "12:34", groupAdd: ["56"] })).toEqual({ uid: 12, gid: 34, additionalGids: [34, 56], home: "/", name: "" });
  });

  const errors: [spec: string, groupAdd: string[], message: string][] = [
    ["bob", [], "unable to find user bob: no matching entries in passwd file"],
    ["alice:nogroup", [], "unable to find group nogroup: no matching entries in group file"],
    ["alice:a:b", [], "unable to find group a:b: no matching entries in group file"],
    ["alice", ["video"], "unable to find group video: no matching entries in group file"],
    ["alice", ["bad"], "unable to find group bad: no matching entries in group file"],
    ["-1", [], "uids and gids must be in range 0-2147483647"],
    ["0:2147483648", [], "uids and gids must be in range 0-2147483647"],
    ["99999999999999999999", [], "uids and gids must be in range 0-2147483647"],
    ["0", ["-5"], "uids and gids must be in range 0-2147483647"],
    ["0x10", [], "unable to find user 0x10: no matching entries in passwd file"],
    // Entries whose ids are no numbers must not become root's.
    ["broken", [], "unable to find user broken"],
    ["badid", [], "unable to find user badid"],
    ["negative", [], "unable to find user negative"],
    ["huge", [], "unable to find user huge"],
    ["noid", [], "unable to find user noid"],
  ];
  for (const [spec, groupAdd, message] of errors) {
    test(`"${spec}" ${groupAdd.join(" ")} is refused`, () => expect(() => resolve(spec, groupAdd)).toThrow(message));
  }

  test("without a passwd file a name is refused", () => {
    expect(() => resolveUser({ spec: "alice" })).toThrow("unable to find user alice: no matching entries in passwd file");
  });
});
