/** What -v accepts and refuses; errors are those of docker 28.2.2 and of its daemon. */
import { expect, test } from "bun:test";
import { bindRequest, parseVolume } from "../../../../src/engine/containers/parse/volume.ts";

test.each([
  ["/c", { anonymous: "/c" }],
  ["/c/../d/", { anonymous: "/d" }],
  ["/a:/b", { bind: "/a:/b" }],
  ["vol:/b:nocopy", { bind: "vol:/b:nocopy" }],
  ["./x:/y", { bind: "/work/x:/y" }],
  ["../x:/y:ro", { bind: "/x:/y:ro" }],
  [".:/y", { bind: "/work:/y" }],
])("-v %s", (text, result) => expect(parseVolume(text, "/work")).toEqual(result));

test.each([
  ["", "invalid empty volume spec"],
  [":", "invalid spec: :: empty section between colons"],
  ["/a:", "invalid spec: /a:: empty section between colons"],
  [":/b", "invalid spec: :/b: empty section between colons"],
  ["/a:/b:", "invalid spec: /a:/b:: empty section between colons"],
  ["/a:/b:ro:x", "invalid spec: /a:/b:ro:x: too many colons"],
  ["c", "invalid mount path: 'c' mount path must be absolute"],
  ["/", "invalid specification: destination can't be '/'"],
])("-v %s is refused", (text, message) => expect(() => parseVolume(text, "/work")).toThrow(new Error(message)));

const bind = { type: "bind", readOnly: false, mode: "", propagation: "", createSource: true } as const;
const volume = { type: "volume", readOnly: false, mode: "", propagation: "" } as const;

test.each([
  ["/a:/b", { ...bind, source: "/a", target: "/b" }],
  ["/a/../c:/b/:ro", { ...bind, source: "/c", target: "/b", readOnly: true, mode: "ro" }],
  ["/a:/b:rw,z", { ...bind, source: "/a", target: "/b", mode: "rw,z" }],
  ["/a:/b:rshared,ro", { ...bind, source: "/a", target: "/b", mode: "rshared,ro", readOnly: true, propagation: "rshared" }],
  ["data:/b", { ...volume, source: "data", target: "/b" }],
  ["data:/b:nocopy,ro", { ...volume, source: "data", target: "/b", mode: "nocopy,ro", readOnly: true, noCopy: true }],
])("%s asks for", (text, request) => expect(bindRequest(text) as unknown).toEqual(request));

const prefix = (text: string, type: string) => `invalid volume specification: '${text}': invalid mount config for type "${type}": `;

test.each([
  ["/a:ro", "invalid volume specification: '/a:ro'"],
  ["/a:/b:foo", "invalid mode: foo"],
  ["/a:/b:ro,rw", "invalid mode: ro,rw"],
  ["/a:/b:z,Z", "invalid mode: z,Z"],
  ["/a:/b:rshared,private", "invalid mode: rshared,private"],
  ["/a:/b:/c", "invalid mode: /c"],
  ["/a:b", `${prefix("/a:b", "bind")}invalid mount path: 'b' mount path must be absolute`],
  ["a:b", `${prefix("a:b", "volume")}invalid mount path: 'b' mount path must be absolute`],
  ["/a:/", `${prefix("/a:/", "bind")}invalid specification: destination can't be '/'`],
  ["/a:/b:nocopy", `${prefix("/a:/b:nocopy", "bind")}field VolumeOptions must not be specified`],
  ["ab:/b:rshared", `${prefix("ab:/b:rshared", "volume")}field BindOptions must not be specified`],
  ["a:/b", `${prefix("a:/b", "volume")}volume name is too short, names should be at least two alphanumeric characters`],
  [
    "~/x:/y",
    `${prefix("~/x:/y", "volume")}create ~/x: "~/x" includes invalid characters for a local volume name, ` +
      'only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
  ],
])("%s is refused", (text, message) => expect(() => bindRequest(text)).toThrow(new Error(message)));
