/** What --mount accepts and refuses; the results are what docker 28.2.2 sent to its daemon, the errors its own. */
import { describe, expect, test } from "bun:test";
import type { MountSpec } from "../../../../src/engine/containers/options.ts";
import { parseMount } from "../../../../src/engine/containers/parse/mount.ts";
import { mountRequest } from "../../../../src/engine/containers/parse/mount-rules.ts";

const parse = (text: string) => parseMount(text, "/work") as unknown;
const bind = (more: object) => ({ Type: "bind", Source: "/a", Target: "/b", ...more });

test.each([
  ["type=bind,src=/a,dst=/b", bind({})],
  ["TYPE=BIND,SRC=/a,DST=/b", bind({})],
  ["type=bind,source=/a,target=/b,readonly", bind({ ReadOnly: true })],
  ["type=bind,src=/a,dst=/b,ro=0", bind({})],
  ["type=bind,src=/a,dst=/x,destination=/b", bind({})],
  ["type=bind,src=./a,dst=/b", bind({ Source: "/work/a" })],
  ['type=bind,"src=/a,b",dst=/b', bind({ Source: "/a,b" })],
  ['type=bind,"src=/a""b",dst=/b', bind({ Source: '/a"b' })],
  ["type=bind,src=/a,dst=/b,bind-propagation=rslave", bind({ BindOptions: { Propagation: "rslave" } })],
  ["type=bind,src=/a,dst=/b,bind-nonrecursive", bind({ BindOptions: { NonRecursive: true } })],
  ["type=bind,src=/a,dst=/b,bind-recursive=disabled", bind({ BindOptions: { NonRecursive: true } })],
  ["type=bind,src=/a,dst=/b,bind-recursive=enabled", bind({})],
  ["type=bind,src=/a,dst=/b,bind-recursive=writable,readonly", bind({ ReadOnly: true, BindOptions: { ReadOnlyNonRecursive: true } })],
  [
    "type=bind,src=/a,dst=/b,bind-recursive=readonly,readonly,bind-propagation=rprivate",
    bind({ ReadOnly: true, BindOptions: { Propagation: "rprivate", ReadOnlyForceRecursive: true } }),
  ],
  ["src=vol,dst=/b", { Type: "volume", Source: "vol", Target: "/b" }],
  ["dst=/b", { Type: "volume", Target: "/b" }],
  ["src=v,dst=/b,volume-nocopy", { Type: "volume", Source: "v", Target: "/b", VolumeOptions: { NoCopy: true } }],
  ["src=v,dst=/b,volume-subpath=a/b", { Type: "volume", Source: "v", Target: "/b", VolumeOptions: { Subpath: "a/b" } }],
  ["src=v,dst=/b,volume-label=a=b", { Type: "volume", Source: "v", Target: "/b", VolumeOptions: { Labels: { a: "b" } } }],
  [
    "type=tmpfs,dst=/b,tmpfs-size=10m,tmpfs-mode=1777",
    { Type: "tmpfs", Target: "/b", TmpfsOptions: { SizeBytes: 10485760, Mode: 0o1777 } },
  ],
  ["type=image,src=busybox,dst=/b,image-subpath=etc", { Type: "image", Source: "busybox", Target: "/b", ImageOptions: { Subpath: "etc" } }],
])("--mount %s", (text, spec) => expect(parse(text)).toEqual(spec));

test.each([
  ["", "EOF"],
  ["readonly", "target is required"],
  ["type=bind,src=/a", "target is required"],
  ["type=bind,src=/a,dst=", "target is required"],
  ["dst", "invalid field 'dst' must be a key=value pair"],
  ["type=bind,src=/a,dst=/b,foo", "invalid field 'foo' must be a key=value pair"],
  ["type=bind,src=/a,dst=/b,foo=bar", "unexpected key 'foo' in 'foo=bar'"],
  ["type=bind, src=/a,dst=/b", "unexpected key ' src' in ' src=/a'"],
  ["type=bind,src=/a,dst=/b,Constructor=1", "unexpected key 'constructor' in 'Constructor=1'"],
  ["type=bind,src=/a,dst=/b,ro=x", "invalid value for ro: x"],
  ["type=bind,src=/a,dst=/b,bind-nonrecursive=x", "invalid value for bind-nonrecursive: x"],
  ["src=v,dst=/b,volume-nocopy=x", "invalid value for volume-nocopy: x"],
  ["type=tmpfs,dst=/b,tmpfs-size=x", "invalid value for tmpfs-size: x"],
  ["type=tmpfs,dst=/b,tmpfs-mode=0o777", "invalid value for tmpfs-mode: 0o777"],
  ["type=tmpfs,dst=/b,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"],
  ["type=bind,src=/a,dst=/b,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"],
  ["src=v,dst=/b,bind-propagation=rshared", "cannot mix 'bind-*' options with mount type 'volume'"],
  ["type=bind,src=/a,dst=/b,tmpfs-size=1", "cannot mix 'tmpfs-*' options with mount type 'bind'"],
  [
    "type=bind,src=/a,dst=/b,bind-recursive=foo",
    'invalid value for bind-recursive: foo (must be "enabled", "disabled", "writable", or "readonly")',
  ],
  [
    "type=bind,src=/a,dst=/b,bind-recursive=readonly",
    "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction",
  ],
  [
    "type=bind,src=/a,dst=/b,bind-recursive=readonly,readonly",
    "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
  ],
  ['type=bind,src="/a,dst=/b', 'parse error on line 1, column 15: bare " in non-quoted-field'],
  ['type=bind,"src=/a', 'parse error on line 1, column 18: extraneous or missing " in quoted-field'],
])("--mount %s is refused", (text, message) => expect(() => parse(text)).toThrow(new Error(message)));

describe("the daemon's rules", () => {
  const spec = (text: string): MountSpec => parseMount(text, "/work");
  test.each([
    ["type=foo,dst=/b", 'invalid mount config for type "foo": mount type unknown'],
    ["type=bind,dst=/b", 'invalid mount config for type "bind": field Source must not be empty'],
    ["type=bind,src=a,dst=/b", "invalid mount config for type \"bind\": invalid mount path: 'a' mount path must be absolute"],
    ["type=bind,src=/a,dst=b", "invalid mount config for type \"bind\": invalid mount path: 'b' mount path must be absolute"],
    ["type=bind,src=/a,dst=/b,bind-propagation=foo", 'invalid mount config for type "bind": invalid propagation mode: foo'],
    ["type=tmpfs,dst=/b,src=x", 'invalid mount config for type "tmpfs": field Source must not be specified'],
    ["type=image,dst=/b", 'invalid mount config for type "image": field Source must not be empty'],
    ["dst=/b,ro", 'invalid mount config for type "volume": must not set ReadOnly mode when using anonymous volumes'],
    ["dst=/b,volume-subpath=a", 'invalid mount config for type "volume": must not set Subpath when using anonymous volumes'],
    ["src=vv,dst=/b,volume-subpath=../x", 'invalid mount config for type "volume": subpath must be a relative path within the volume'],
    ["src=vv,dst=/b,volume-subpath=/x", 'invalid mount config for type "volume": subpath must be a relative path within the volume'],
    ["src=vv,dst=/b,volume-driver=nfs", 'invalid mount config for type "volume": error looking up volume plugin nfs: plugin not found'],
  ])("%s is refused", (text, message) => expect(() => mountRequest(spec(text))).toThrow(new Error(message)));

  test("a tmpfs becomes Docker's options", () => {
    expect(mountRequest(spec("type=tmpfs,dst=/b,tmpfs-size=1m,tmpfs-mode=700,ro")).tmpfs).toEqual([
      "noexec",
      "nosuid",
      "nodev",
      "rprivate",
      "ro",
      "mode=700",
      "size=1048576",
    ]);
  });

  test("an image is mounted read-only", () => expect(mountRequest(spec("type=image,src=a,dst=/b")).readOnly).toBe(true));
  test("a bind of --mount makes no source", () => expect(mountRequest(spec("type=bind,src=/a,dst=/b")).createSource).toBeUndefined());
});
