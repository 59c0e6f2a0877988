/** Pulling from Debian's docker-registry as it is. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { saveAccount } from "../../src/registry/credentials.ts";
import { login, registryDomain } from "../../src/registry/login.ts";
import { listTags } from "../../src/registry/tags.ts";
import { parsePlatform } from "../../src/spec/platform.ts";
import { parseTagged } from "../../src/spec/reference.ts";
import { imageConfig, repoDigestsOf, tagsOf } from "../../src/storage/images.ts";
import { imageLayers, layerFolder } from "../../src/storage/layers.ts";
import { startFaultProxy } from "../harness/fault-proxy.ts";
import { buildImage, type TestImage } from "../harness/images.ts";
import { type Registry, skopeoCopy, startRegistry } from "../harness/registry.ts";
import { available, requires } from "../harness/requires.ts";
import { NOTHING, noiseImage, publish, scene } from "./scene.ts";

const needs = requires("root", "docker-registry", "skopeo");
const IMAGE: TestImage = { layers: [[{ name: "hello", data: "world" }], [{ name: "second", data: "layer" }]], config: { Cmd: ["/hello"] } };

describe("pull", () => {
  let registry: Registry;
  beforeAll(async () => {
    if (available("root", "docker-registry", "skopeo")) registry = await startRegistry();
  });
  afterAll(async () => registry?.[Symbol.asyncDispose]());

  needs("an image by tag: its id, names and files", async () => {
    using at = scene();
    const digest = await publish(registry, "some/app:1", IMAGE);
    const name = `${registry.address}/some/app`;
    const { image, upToDate, digest: pulled } = await at.pull(`${name}:1`);
    expect(image.id).toBe(buildImage(IMAGE).config.digest);
    expect([pulled, upToDate]).toEqual([digest, false]);
    expect(tagsOf(at.store, image.id)).toEqual([`${name}:1`]);
    expect(repoDigestsOf(at.store, image.id)).toEqual([`${name}@${digest}`]);
    expect(imageConfig(at.store, image.id).config?.Cmd).toEqual(["/hello"]);
    const files = imageLayers(at.store, image.id).map(({ chainId }) => layerFolder(at.store, chainId));
    expect(readFileSync(join(files[0] ?? "", "hello"), "utf8")).toBe("world");
    expect(readFileSync(join(files[1] ?? "", "second"), "utf8")).toBe("layer");
    expect(at.remains().tmp).toEqual([]);
  });

  needs("by digest: no tag, and nothing is asked a second time", async () => {
    using at = scene();
    const digest = await publish(registry, "by/digest:1", IMAGE);
    await using proxy = await startFaultProxy(registry.address, () => undefined);
    const name = `${proxy.address}/by/digest:ignored@${digest}`;
    const { image } = await at.pull(name);
    expect(tagsOf(at.store, image.id)).toEqual([]);
    const asked = proxy.seen.length;
    expect((await at.pull(name)).upToDate).toBe(true);
    expect(proxy.seen.length).toBe(asked);
  });

  needs("an unchanged tag costs one HEAD, a moved one is pulled anew", async () => {
    using at = scene();
    await publish(registry, "moving:1", IMAGE);
    await using proxy = await startFaultProxy(registry.address, () => undefined);
    const name = `${proxy.address}/moving:1`;
    const first = await at.pull(name);
    const before = proxy.seen.length;
    expect(await at.pull(name)).toEqual({ ...first, upToDate: true });
    expect(proxy.seen.slice(before).map(({ method, path }) => `${method} ${path}`)).toEqual(["HEAD /v2/moving/manifests/1"]);
    await publish(registry, "moving:1", { ...IMAGE, config: { Cmd: ["/second"] } });
    const second = await at.pull(name);
    expect(second.upToDate).toBe(false);
    expect(second.image.id).not.toBe(first.image.id);
    expect(tagsOf(at.store, first.image.id)).toEqual([]);
    expect(tagsOf(at.store, second.image.id)).toEqual([name]);
    const layers = at.events.flatMap((event) => (event.type === "layer" && event.phase === "downloading" ? [event.digest] : []));
    expect(new Set(layers).size).toBe(2);
  });

  needs("of an index the platform that is asked for, else this machine's", async () => {
    using at = scene();
    const other = process.arch === "arm64" ? "amd64" : "arm64";
    await publish(registry, "multi:1", [{ ...IMAGE, architecture: other }, IMAGE]);
    const name = `${registry.address}/multi:1`;
    const host = await at.pull(name);
    expect(host.image.architecture).toBe(process.arch === "arm64" ? "arm64" : "amd64");
    const second = await at.pull(name, { platform: parsePlatform(`linux/${other}`) });
    expect(second.image.architecture).toBe(other);
    expect(second.digest).toBe(host.digest);
    expect([repoDigestsOf(at.store, host.image.id), repoDigestsOf(at.store, second.image.id)]).toEqual([
      [],
      [`${registry.address}/multi@${host.digest}`],
    ]);
    expect((await at.pull(name)).image.id).toBe(host.image.id);
    await expect(at.pull(name, { platform: parsePlatform("linux/riscv64") })).rejects.toThrow(
      "no matching manifest for linux/riscv64 in the manifest list entries",
    );
  });

  needs("an image of another platform, without an index, is refused only where one was asked for", async () => {
    using at = scene();
    await publish(registry, "foreign:1", { ...IMAGE, architecture: "s390x" });
    const name = `${registry.address}/foreign:1`;
    await expect(at.pull(name, { platform: parsePlatform("linux/arm64") })).rejects.toThrow(
      `image with reference ${name} was found but its platform (linux/s390x) does not match the specified platform (linux/arm64)`,
    );
    expect(at.remains()).toEqual(NOTHING);
    expect((await at.pull(name)).image.architecture).toBe("s390x");
  });

  needs("Docker's own media types, zstd and plain layers", async () => {
    using at = scene();
    await publish(registry, "zstd:1", { ...IMAGE, compression: "zstd" });
    await publish(registry, "plain:1", noiseImage(1000));
    await publish(registry, "oci:1", { layers: [[{ name: "docker", data: "own types" }]] });
    await skopeoCopy(`docker://${registry.address}/oci:1`, `docker://${registry.address}/docker:1`, ["--format", "v2s2"]);
    for (const name of ["zstd:1", "plain:1", "docker:1"]) expect((await at.pull(`${registry.address}/${name}`)).upToDate).toBe(false);
    expect(at.store.db.query("SELECT count(*) AS n FROM blobs WHERE media_type LIKE '%docker%'").get()).toEqual({ n: 3 });
  });

  needs("all tags", async () => {
    await publish(registry, "tags/x:a", IMAGE);
    await publish(registry, "tags/x:b", IMAGE);
    expect((await listTags(parseTagged(`${registry.address}/tags/x`), {})).sort()).toEqual(["a", "b"]);
    await expect(listTags(parseTagged(`${registry.address}/tags/none`), {})).rejects.toThrow(/repository .*tags\/none not found/);
  });

  needs("what is not there, in Docker's words", async () => {
    using at = scene();
    await publish(registry, "exists:1", IMAGE);
    await expect(at.pull(`${registry.address}/exists:2`)).rejects.toThrow(
      `manifest for ${registry.address}/exists:2 not found: manifest unknown`,
    );
    await expect(at.pull(`${registry.address}/none`)).rejects.toThrow(
      `manifest for ${registry.address}/none:latest not found: manifest unknown`,
    );
    expect(at.remains()).toEqual(NOTHING);
  });

  needs("mirrors stand in for Docker Hub, one after the other", async () => {
    using at = scene();
    await publish(registry, "library/mirrored:1", IMAGE);
    await using broken = await startFaultProxy(registry.address, () => ({ answer: { status: 404 } }));
    const settings = { "registry-mirrors": [`http://${broken.address}`, `http://${registry.address}`] };
    const { image } = await at.pull("mirrored:1", { settings });
    expect(tagsOf(at.store, image.id)).toEqual(["docker.io/library/mirrored:1"]);
    expect(at.events.filter(({ type }) => type === "mirror-failed")).toEqual([
      { type: "mirror-failed", url: `http://${broken.address}`, reason: "manifest for mirrored:1 not found: manifest unknown" },
    ]);
  });

  needs("an account: refused, kept, used, never sent where a blob is redirected to", async () => {
    using at = scene();
    await using locked = await startRegistry({ login: { user: "me", password: "secret" } });
    await publish(locked, "private:1", IMAGE, ["--dest-creds", "me:secret"]);
    await using open = await startFaultProxy(locked.address, ({ path }) => {
      const hex = path.slice(1);
      const file = join(locked.folder, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
      return { answer: { status: 200, body: readFileSync(file) } };
    });
    await using proxy = await startFaultProxy(locked.address, ({ path }) => {
      if (!path.includes("/blobs/")) return undefined;
      const hex = path.split(":")[1] ?? "";
      return { answer: { status: 307, headers: { Location: `http://${open.address}/${hex}` } } };
    });
    const name = `${proxy.address}/private:1`;
    await expect(at.pull(name)).rejects.toThrow(
      `pull access denied for ${proxy.address}/private, repository does not exist or may require 'hoy login': unauthorized: authentication required`,
    );
    const domain = registryDomain(`http://${proxy.address}/`);
    await expect(login(domain, { username: "me", password: "wrong" }, {})).rejects.toThrow("unauthorized: incorrect username or password");
    await expect(at.pull(name)).rejects.toThrow("pull access denied");
    await saveAccount(domain, { username: "me", password: "wrong" });
    await expect(at.pull(name)).rejects.toThrow(
      `pull access denied for ${proxy.address}/private, repository does not exist or may require 'hoy login': unauthorized: incorrect username or password`,
    );
    await login(domain, { username: "me", password: "secret" }, {});
    await at.pull(name);
    expect(open.seen.length).toBeGreaterThan(0);
    for (const { headers } of open.seen) expect(headers).not.toHaveProperty("authorization");
    expect(proxy.seen.some(({ path, headers }) => path.includes("/blobs/") && headers.authorization !== undefined)).toBe(true);
  });
});

test("a registry that is not there", async () => {
  using at = scene();
  await expect(at.pull("127.0.0.1:1/x")).rejects.toThrow("cannot reach registry 127.0.0.1:1: connection refused");
});
