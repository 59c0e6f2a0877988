/** `inspect` of images, volumes and networks, from rows. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { inspectImage } from "../../src/engine/images/inspect.ts";
import { inspectNetwork } from "../../src/engine/networks/inspect.ts";
import { listedNetworks } from "../../src/engine/networks/list.ts";
import { inspectVolume } from "../../src/engine/volumes/inspect.ts";
import { migrations } from "../../src/state/schema.ts";
import type { Store } from "../../src/state/store.ts";

const hex = (digit: string) => digit.repeat(64);

function store(): Store {
  const db = new Database(":memory:");
  for (const step of migrations) db.exec(step);
  return { db, root: "/R", run: "/R/run", rootless: false, name: "hoy-test" };
}

test("a volume", () => {
  const at = store();
  at.db.exec(`INSERT INTO volumes(name, created, labels) VALUES ('data', 1767225600000, '{"a":"b"}')`);
  expect(inspectVolume(at, "data")).toEqual({
    CreatedAt: "2026-01-01T00:00:00.000Z",
    Driver: "local",
    Labels: { a: "b" },
    Mountpoint: "/R/volumes/data/_data",
    Name: "data",
    Options: null,
    Scope: "local",
  });
  expect(() => inspectVolume(at, "nope")).toThrow(new Error("No such volume: nope"));
});

test("a network with a container, by name, id and the beginning of an id", async () => {
  const at = store();
  const add = at.db.query("INSERT INTO networks(id, name, driver, created, subnet, gateway) VALUES (?, ?, ?, 1767225600000, ?, ?)");
  add.run(hex("a"), "bridge", "bridge", "172.30.0.0/16", "172.30.0.1");
  add.run(hex("b"), "host", "host", "", "");
  add.run(`b${hex("c").slice(1)}`, "none", "null", "", "");
  at.db.query("INSERT INTO containers(id, name, image, created, state, options) VALUES (?, 'web', 'i', 1, 'running', '{}')").run(hex("1"));
  at.db.query("INSERT INTO endpoints VALUES (?, ?, '172.30.0.2', '02:42:ac:1e:00:02', 'veth0')").run(hex("1"), hex("a"));
  const document = await inspectNetwork(at, "bridge");
  expect(document).toMatchObject({
    Name: "bridge",
    Id: hex("a"),
    Driver: "bridge",
    IPAM: { Config: [{ Subnet: "172.30.0.0/16", Gateway: "172.30.0.1" }] },
    Containers: { [hex("1")]: { Name: "web", IPv4Address: "172.30.0.2/16", MacAddress: "02:42:ac:1e:00:02" } },
  });
  expect(await inspectNetwork(at, "aa")).toEqual(document);
  expect(await inspectNetwork(at, hex("a"))).toEqual(document);
  expect(await inspectNetwork(at, "host")).toMatchObject({ IPAM: { Config: null }, Containers: {} });
  await expect(inspectNetwork(at, "b")).rejects.toThrow("network b is ambiguous (2 matches found based on ID prefix)");
  await expect(inspectNetwork(at, "nope")).rejects.toThrow("network nope not found");
});

test("a dangling network is a user's own without a container", async () => {
  const at = store();
  const add = at.db.query("INSERT INTO networks(id, name, driver, created, subnet, gateway) VALUES (?, ?, 'bridge', 1767225600000, ?, '')");
  for (const [index, name] of ["bridge", "host", "none", "used", "unused"].entries())
    add.run(hex(String(index)), name, `10.${index}.0.0/16`);
  at.db.query("INSERT INTO containers(id, name, image, created, state, options) VALUES (?, 'web', 'i', 1, 'running', '{}')").run(hex("1"));
  at.db.query("INSERT INTO endpoints VALUES (?, ?, '10.3.0.2', '02:42:0a:03:00:02', 'veth0')").run(hex("1"), hex("3"));
  const names = async (value: string) => (await listedNetworks(at, new Map([["dangling", [value]]]))).map(({ name }) => name);
  expect(await names("true")).toEqual(["unused"]);
  expect(await names("false")).toEqual(["bridge", "host", "none", "used"]);
  await expect(names("x")).rejects.toThrow("invalid filter 'dangling=x'");
});

test("an image", () => {
  const at = store();
  const id = `sha256:${hex("d")}`;
  const config = {
    created: "2026-01-01T00:00:00Z",
    author: "me",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${hex("1")}`, `sha256:${hex("2")}`] },
    history: [{ comment: "old" }, { comment: "last" }],
  };
  const image = at.db.query(
    "INSERT INTO images(id, config, size, created, os, architecture) VALUES (?, ?, 5, 1767225600000, 'linux', 'amd64')",
  );
  image.run(id, JSON.stringify(config));
  const layer = at.db.query("INSERT INTO layers(chain_id, diff_id, parent, link, size) VALUES (?, ?, ?, ?, 1)");
  layer.run(`sha256:${hex("1")}`, `sha256:${hex("1")}`, null, "L1");
  layer.run(`sha256:${hex("3")}`, `sha256:${hex("2")}`, `sha256:${hex("1")}`, "L2");
  const of = at.db.query("INSERT INTO image_layers(image_id, position, chain_id) VALUES (?, ?, ?)");
  of.run(id, 0, `sha256:${hex("1")}`);
  of.run(id, 1, `sha256:${hex("3")}`);
  at.db.query("INSERT INTO tags(reference, image_id) VALUES ('docker.io/library/busybox:latest', ?)").run(id);
  at.db.query("INSERT INTO digests(repository, digest, image_id) VALUES ('docker.io/library/busybox', ?, ?)").run(`sha256:${hex("e")}`, id);
  expect(inspectImage(at, "busybox")).toMatchObject({
    Id: id,
    RepoTags: ["busybox:latest"],
    RepoDigests: [`busybox@sha256:${hex("e")}`],
    Comment: "last",
    Created: "2026-01-01T00:00:00Z",
    Author: "me",
    Config: { Cmd: ["sh"] },
    Architecture: "amd64",
    Os: "linux",
    Size: 5,
    GraphDriver: { Data: { LowerDir: `/R/layers/${hex("1")}/diff`, UpperDir: `/R/layers/${hex("3")}/diff` }, Name: "overlay2" },
    RootFS: { Type: "layers", Layers: config.rootfs.diff_ids },
  });
  expect(inspectImage(at, "dddd").Id).toBe(id);
  expect(() => inspectImage(at, "nope")).toThrow(new Error("No such image: nope"));
  expect(() => inspectImage(at, "NOPE")).toThrow(new Error("No such image: NOPE"));
});
