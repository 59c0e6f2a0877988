/** Where a container's scope lies, and whose it is. */
import { expect, test } from "bun:test";
import { insideScope, scopePlace, scopesOf } from "../../../src/engine/containers/cgroup.ts";
import { type ContainerOptions, defaultConfig, defaultHostConfig } from "../../../src/engine/containers/options.ts";
import { delegatedHost, hybridHost, undelegatedHost, v1Host, v2Host } from "../../runtime/cgroup/hosts.ts";

const id = "0123456789abcdef".repeat(4);
const root = { name: "hoy0", rootless: false };
const user = { name: "hoy-u1000", rootless: true };
const other = { name: "hoy-12ab34cd", rootless: false };

const row = (CgroupParent = "") => ({
  id,
  options: { config: defaultConfig(), hostConfig: { ...defaultHostConfig(), CgroupParent } } as ContainerOptions,
});

test("in the default slice, or the one that --cgroup-parent names", () => {
  expect(scopePlace(v2Host, root, row())?.folder).toBe(`/sys/fs/cgroup/system.slice/hoy-${id}.scope`);
  expect(scopePlace(v2Host, other, row())?.unit).toBe(`hoy-12ab34cd-${id}.scope`);
  const own = scopePlace(v2Host, root, row("a-b.slice"));
  expect(own?.folder).toBe(`/sys/fs/cgroup/a.slice/a-b.slice/hoy-${id}.scope`);
  expect(own && insideScope(own)).toEqual({ parent: `/a.slice/a-b.slice/hoy-${id}.scope`, id: "payload" });
  expect(scopePlace(delegatedHost, user, row())?.folder).toBe(
    `/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/hoy-${id}.scope`,
  );
});

test("there is none on v1, without a cgroup of ours, or below a folder", () => {
  for (const host of [v1Host, hybridHost, undelegatedHost]) expect(scopePlace(host, root, row())).toBeUndefined();
  for (const parent of ["/mine", "mine", "/a/b.slice", "a--b.slice"]) expect(scopePlace(v2Host, root, row(parent))).toBeUndefined();
});

test("each store knows its own scopes from those of others", () => {
  const names = [`hoy-${id}.scope`, `hoy-12ab34cd-${id}.scope`, "hoy-cli-5-x.scope", `docker-${id}.scope`];
  const known = (store: typeof root) => names.map((name) => scopesOf(v2Host, store)?.id(name));
  expect(known(root)).toEqual([id, undefined, undefined, undefined]);
  expect(known(other)).toEqual([undefined, id, undefined, undefined]);
  expect(scopesOf(v2Host, root)?.folder).toBe("/sys/fs/cgroup/system.slice");
  expect(scopesOf(v1Host, root)).toBeUndefined();
});
