/** Registries that fail, archives that lie, disks that are full, and SIGKILL: one line, the right exit code, nothing left behind. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serveImage, startContentRegistry } from "../harness/content-registry.ts";
import { startFaultProxy } from "../harness/fault-proxy.ts";
import { buildImage, busyboxImage, busyboxLayer, dockerArchive, sha256 } from "../harness/images.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import { type Registry, startRegistry } from "../harness/registry.ts";
import { available, requires } from "../harness/requires.ts";
import { type TestStore, testStore } from "../harness/store.ts";
import { type TarEntry, tar } from "../harness/tar.ts";
import { noiseImage, publish } from "../registry/scene.ts";
import { failure, fileBeside, holdings, NO_HOLDINGS, runArgs, runs } from "./image-store.ts";

const PROGRAMS = ["docker-registry", "skopeo", "busybox"] as const;
const MIB = 1 << 20;
const two = each([ROOT, ROOTLESS], ...PROGRAMS);
const root = each([ROOT], ...PROGRAMS);
const TYPE = "application/vnd.oci.image.manifest.v1+json";
const gzip = (data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => Bun.gzipSync(data, { level: 1 });
const zstd = (data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => new Uint8Array(Bun.zstdCompressSync(data));

/** Takes in an image that has to be there, unharmed, after everything that fails. */
async function withGoodImage(store: TestStore): Promise<() => Promise<void>> {
  const archive = fileBeside(store, "good.tar", dockerArchive(busyboxImage({ Cmd: ["echo", "fine"] }), "good:1"));
  await store.ok(["load", "-q", "-i", archive]);
  const before = holdings(store);
  expect(before.layers).toHaveLength(1);
  return async () => {
    expect(holdings(store)).toEqual(before);
    expect(await store.ok(["images", "--format", "{{.Repository}}:{{.Tag}}"])).toBe("good:1");
    expect(await runs(store, ["good:1"])).toBe("fine");
  };
}

/** pull and run of `name` fail with these words in one line, with Docker's exit codes. */
async function expectRefused(store: TestStore, name: string, words: RegExp): Promise<void> {
  const [code, said] = failure(await store.hoy(["pull", "-q", name]));
  expect(said).toMatch(words);
  expect(said).toMatch(/^hoy: [^\n]*(\n[^\n]+)?$/);
  expect(code).toBe(1);
  expect(failure(await store.hoy(runArgs("-q", name, "true")))).toEqual([125, said]);
}

describe("a registry that fails", () => {
  let registry: Registry;
  const image = noiseImage(2 * MIB);
  const layer = buildImage(image).layers[0]!;
  beforeAll(async () => {
    if (!available("root", ...PROGRAMS)) return;
    registry = await startRegistry();
    await publish(registry, "busybox:1", busyboxImage({ Cmd: ["echo", "fine"] }));
    await publish(registry, "noise:1", { ...image, layers: [busyboxLayer(), ...image.layers] });
  });
  afterAll(async () => registry?.[Symbol.asyncDispose]());
  const isLayer = ({ path }: { path: string }): boolean => path.endsWith(layer.digest);

  two("an image or a repository that is not there, a registry that is not there", async (store) => {
    const check = await withGoodImage(store);
    await expectRefused(store, `${registry.address}/busybox:none`, /manifest for .*busybox:none not found: manifest unknown$/);
    await expectRefused(store, `${registry.address}/none`, /none:latest not found|repository .*none not found/);
    await expectRefused(store, "127.0.0.1:1/x", /cannot reach registry 127.0.0.1:1: connection refused$/);
    await check();
  });

  two("it stops in mid-layer for good; then it works again and nothing was lost", async (store) => {
    const check = await withGoodImage(store);
    let broken = true;
    await using proxy = await startFaultProxy(registry.address, (request) => (broken && isLayer(request) ? { cut: 10_000 } : undefined));
    await expectRefused(store, `${proxy.address}/noise:1`, /registry 127.0.0.1:\d+: .*, after \d+ of \d+ bytes$/);
    await check();
    broken = false;
    expect(await runs(store, ["-q", `${proxy.address}/noise:1`, "sh", "-c", "wc -c < /noise"])).toBe(String(2 * MIB));
  });

  two("a connection that breaks is taken up where it broke", async (store) => {
    await using proxy = await startFaultProxy(registry.address, (request) =>
      isLayer(request) && request.earlier < 3 ? { cut: 500_000 } : undefined,
    );
    expect(await runs(store, ["-q", `${proxy.address}/noise:1`, "sh", "-c", "wc -c < /noise"])).toBe(String(2 * MIB));
    // how much of a cut piece arrives is the network's choice; each try goes on behind what is there
    const ranges = proxy.seen.filter(isLayer).map(({ headers }) => headers.range);
    const starts = ranges.slice(1).map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1]));
    expect(ranges[0]).toBeUndefined();
    expect(starts).toHaveLength(3);
    expect(starts.every((start, index) => start > (starts[index - 1] ?? 0) && start <= 500_000 * (index + 1))).toBe(true);
  });

  two("wrong bytes, too few, too many", async (store) => {
    const check = await withGoodImage(store);
    for (const [spoil, words] of [
      [{ flip: 600_000 }, /layer sha256:[0-9a-f]+ from registry 127.0.0.1:\d+: wrong content, its digest is sha256:/],
      [{ length: 4096, cut: 4096 }, /it has 4096 bytes, its manifest says/],
      [{ extra: 100 }, /more than the \d+ bytes that its manifest says/],
    ] as const) {
      await using proxy = await startFaultProxy(registry.address, (request) => (isLayer(request) ? spoil : undefined));
      await expectRefused(store, `${proxy.address}/noise:1`, words);
      await check();
    }
  });

  two("CVE-2021-21285: malformed manifests", async (store) => {
    const check = await withGoodImage(store);
    const good = JSON.parse(new TextDecoder().decode(buildImage(image).manifest.data));
    const [first] = good.layers;
    let body = "";
    await using proxy = await startFaultProxy(registry.address, ({ path }) =>
      path.includes("/manifests/")
        ? { answer: { status: 200, headers: { "Content-Type": TYPE, "Docker-Content-Digest": sha256(body) }, body } }
        : undefined,
    );
    for (const content of [
      "null",
      "[]",
      "1",
      "<html>",
      "",
      {},
      { ...good, config: null },
      { ...good, layers: null },
      { ...good, layers: [null] },
      { ...good, layers: [{ ...first, size: -1 }] },
      { ...good, layers: [{ ...first, size: 1e300 }] },
      { ...good, layers: [{ ...first, size: first.size - 1 }] },
      { ...good, layers: [{ ...first, digest: "sha256:../../../../etc/passwd" }] },
      { ...good, layers: [] },
      { ...good, config: { ...good.config, size: 3 } },
      "[".repeat(200_000),
      " ".repeat(5 * MIB),
    ]) {
      body = typeof content === "string" ? content : JSON.stringify(content);
      const [code, said] = failure(await store.hoy(["pull", "-q", `${proxy.address}/noise:1`]));
      expect([code, body.slice(0, 300), said]).toEqual([1, body.slice(0, 300), expect.stringMatching(/^hoy: [^\n]{1,400}(\n[^\n]+)?$/)]);
    }
    await check();
  });

  root("two pulls of one image at once download each layer once", async (store) => {
    await using proxy = await startFaultProxy(registry.address, () => undefined);
    const name = `${proxy.address}/noise:1`;
    const outcomes = await Promise.all(Array.from({ length: 3 }, () => store.hoy(["pull", "-q", name])));
    expect(outcomes).toEqual(outcomes.map(() => ({ code: 0, stdout: `${name}\n`, stderr: "" })));
    expect(proxy.seen.filter(isLayer)).toHaveLength(1);
    expect(holdings(store).tmp).toEqual([]);
    expect(await runs(store, [name, "sh", "-c", "wc -c < /noise"])).toBe(String(2 * MIB));
  });

  two(
    "SIGKILL at any moment: the next pull works, nothing half is seen, tmp is swept",
    async (store) => {
      const name = `${registry.address}/noise:1`;
      const started = performance.now();
      await store.ok(["pull", "-q", name]);
      const whole = performance.now() - started;
      await store.ok(["rmi", name]);
      for (let round = 0; round < 30; round++) {
        const child = store.spawn(["pull", "-q", name]);
        await Bun.sleep((whole * round) / 28);
        child.kill("SIGKILL");
        await child.exited;
        const listed = await store.ok(["images", "-q"]);
        if (round % 5 !== 4) continue;
        // An image that is listed runs; one that is not is pulled.
        expect(await runs(store, ["-q", ...(listed ? ["--pull", "never"] : []), name, "sh", "-c", "wc -c < /noise"])).toBe(String(2 * MIB));
        if (!listed) expect(holdings(store).tmp).toEqual([]);
        await store.ok(["rmi", name]);
        expect(holdings(store)).toEqual(NO_HOLDINGS);
      }
    },
    120_000,
  );
});

describe("layers that are no good", () => {
  // Not the good image's layer: that would be taken from the store, whatever the registry has.
  const plain = tar([...busyboxLayer(), { name: "more", data: "more" }]);
  const packed = gzip(plain);
  const flipped = Uint8Array.from(packed);
  flipped[packed.length >> 1] = (flipped[packed.length >> 1] as number) ^ 0xff;
  const diffId = sha256(plain);
  const frames = zstd(plain);
  const spoiled = Uint8Array.from(frames);
  spoiled[frames.length >> 1] = (spoiled[frames.length >> 1] as number) ^ 0xff;
  const cases: [title: string, data: Uint8Array<ArrayBuffer>, words: RegExp][] = [
    ["corrupt gzip", flipped, /corrupt gzip stream|its content has the digest|corrupt archive/],
    ["gzip that is cut off", packed.slice(0, packed.length >> 1), /corrupt gzip stream/],
    ["corrupt zstd", spoiled, /corrupt zstd stream|its content has the digest|corrupt archive/],
    ["zstd that is cut off", frames.slice(0, frames.length >> 1), /corrupt zstd stream/],
    ["other content than the config says", gzip(tar([{ name: "x", data: "x" }])), /its content has the digest/],
    ["no tar", gzip(new Uint8Array(2048).fill(120)), /corrupt archive/],
    ["a tar that is cut off", gzip(plain.slice(0, plain.length >> 1)), /cut off|its content has the digest/],
    ["nothing", new Uint8Array(), /./],
  ];
  for (const [title, data, words] of cases)
    two(title, async (store) => {
      using registry = startContentRegistry();
      const check = await withGoodImage(store);
      await expectRefused(store, serveImage(registry, "bad", [{ data, diffId }]), words);
      await check();
    });

  two("load: no archive, half an archive, one with other layers than it says", async (store) => {
    const check = await withGoodImage(store);
    const whole = dockerArchive(busyboxImage({ Cmd: ["other"] }), "bad:1");
    const swapped = buildImage({ layers: [[...busyboxLayer(), { name: "more", data: "more" }]] });
    const wrong = tar([
      { name: "layer.tar", data: tar([{ name: "x", data: "x" }]) },
      { name: "config.json", data: swapped.config.data },
      { name: "manifest.json", data: JSON.stringify([{ Config: "config.json", RepoTags: ["bad:1"], Layers: ["layer.tar"] }]) },
    ]);
    for (const [bytes, words] of [
      ["", /./],
      ["hello", /./],
      [new Uint8Array(10 * MIB), /no image archive/],
      [whole.slice(0, whole.length >> 1), /cut off/],
      [gzip(whole).slice(0, 100_000), /corrupt gzip stream/],
      [wrong, /its content has the digest/],
      [tar([{ name: "manifest.json", data: "null" }]), /manifest\.json/],
      [tar([{ name: "manifest.json", data: '[{"Config":"../../../etc/passwd","Layers":[]}]' }]), /missing|corrupt/],
      [tar([{ name: "index.json", data: '{"schemaVersion":2,"manifests":[{"mediaType":1}]}' }]), /index\.json/],
    ] as const) {
      const [code, said] = failure(await store.hoy(["load", "-i", fileBeside(store, "bad.tar", bytes)]));
      expect([code, said]).toEqual([1, expect.stringMatching(words)]);
      expect(said).toMatch(/^hoy: [^\n]*(\n[^\n]+)?$/);
    }
    expect((await store.hoy(["load", "-i", join(store.dir, "none")])).stderr).toBe(
      `hoy: cannot open ${join(store.dir, "none")}: no such file or directory\n`,
    );
    await check();
  });
});

describe("layers from strangers", () => {
  /** Loads an image whose second layer is hostile; what lies outside of the store must stay as it was. */
  async function attempt(store: TestStore, entries: (outside: string) => readonly TarEntry[]): Promise<{ code: number; said: string }> {
    const outside = join(store.dir, "outside");
    mkdirSync(outside, { recursive: true });
    writeFileSync(join(outside, "secret"), "secret", { mode: 0o600 });
    const look = (): unknown[] =>
      [outside, join(outside, "secret"), "/etc/passwd", "/etc"].map((path) => {
        const { mode, uid, nlink, size, mtimeMs } = statSync(path);
        return [path, mode, uid, nlink, size, path === "/etc" ? 0 : mtimeMs];
      });
    const before = look();
    const archive = fileBeside(store, "hostile.tar", dockerArchive({ layers: [busyboxLayer(), entries(outside)] }, "hostile:1"));
    const [code, said] = failure(await store.hoy(["load", "-q", "-i", archive]));
    expect(look()).toEqual(before);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
    expect(readdirSync(outside)).toEqual(["secret"]);
    for (const name of ["evil", "../evil"]) expect(existsSync(join(store.root, name))).toBe(false);
    expect(holdings(store).tmp).toEqual([]);
    if (code !== 0) {
      expect([code, said]).toEqual([1, expect.stringMatching(/^hoy: [^\n]*(\n[^\n]+)?$/)]);
      expect(holdings(store)).toEqual(NO_HOLDINGS);
    }
    return { code, said };
  }
  const inside = (store: TestStore, script: string): Promise<string> => runs(store, ["hostile:1", "sh", "-c", script]);

  two("layer-path, CVE-2014-9357: ../x and absolute names stay inside", async (store) => {
    const { code } = await attempt(store, (outside) => [
      { name: "../../../../evil", data: "1" },
      { name: `${outside}/secret`, data: "2" },
      { name: "a/../../../b", data: "3" },
    ]);
    expect(code).toBe(0);
    expect(await inside(store, `cat /evil /b ${join(store.dir, "outside/secret")}`)).toBe("132");
  });

  two("CVE-2014-6407, CVE-2014-9356: a link out of the root, then a file below it", async (store) => {
    const { code } = await attempt(store, (outside) => [
      { name: "abs", type: "2", link: outside },
      { name: "abs/secret", data: "evil" },
      { name: "abs/evil", data: "evil" },
      { name: "rel", type: "2", link: `../../../../../../../../..${outside}` },
      { name: "rel/secret2", data: "evil" },
      { name: "chain", type: "2", link: "rel/.." },
      { name: "chain/outside/evil3", data: "evil" },
    ]);
    expect(code).toBe(0);
    expect(await inside(store, `ls ${join(store.dir, "outside")}`)).toBe("evil\nevil3\nsecret\nsecret2");
  });

  two("layer-path: hard links to the outside", async (store) => {
    for (const link of ["/etc/shadow", "../../../../../../../../etc/shadow"]) {
      const { code, said } = await attempt(store, () => [{ name: "shadow", type: "1", link }]);
      expect(code).toBe(1);
      expect(said).toContain('"etc/shadow", which is in no layer');
    }
    const { code } = await attempt(store, () => [{ name: "copied", type: "1", link: "/etc/passwd" }]);
    // The image's own: busybox' layer has one.
    expect(code).toBe(0);
    expect(await inside(store, "head -n 2 /copied | tail -n 1 | cut -d: -f1; cmp /copied /etc/passwd 2>&1 || true")).toStartWith("alice");
  });

  two("whiteout-escape: .wh. names with .. in them", async (store) => {
    for (const name of [".wh...", ".wh..", ".wh.", "etc/.wh..", "etc/.wh..."]) {
      const { code, said } = await attempt(store, () => [{ name, data: "" }]);
      expect([name, code]).toEqual([name, 1]);
      expect(said).toContain("invalid whiteout");
    }
    const { code } = await attempt(store, (outside) => [
      { name: "out", type: "2", link: outside },
      { name: "out/.wh.secret", data: "" },
      { name: `../../..${outside}/.wh.secret`, data: "" },
      { name: ".wh.etc", data: "" },
    ]);
    expect(code).toBe(0);
    // The runtime's own files are there again.
    expect(await inside(store, "ls /etc/passwd 2>/dev/null || echo gone")).toBe("gone");
  });

  two("layer-device: device nodes, setuid files, capabilities are kept inside, and give nothing", async (store, person) => {
    const capability = Buffer.from("0100000200040000000000000000000000000000", "hex").toString("latin1");
    const { code } = await attempt(store, () => [
      { name: "dev1/" },
      { name: "dev1/sda", type: "4", major: 8, minor: 0, mode: 0o666 },
      { name: "dev1/kmsg", type: "3", major: 1, minor: 11, mode: 0o666 },
      { name: "suid", data: "x", mode: 0o6755, uid: 1000, gid: 2000 },
      { name: "capable", data: "x", mode: 0o755, pax: { "SCHILY.xattr.security.capability": capability } },
    ]);
    expect(code).toBe(0);
    const shown = await inside(
      store,
      "stat -c '%a %u %g' /suid; for d in sda kmsg; do [ -e /dev1/$d ] || { echo none; continue; }; head -c 1 /dev1/$d 2>&1 | grep -o 'Operation not permitted\\|Permission denied' || echo open; done",
    );
    expect(shown.split("\n")).toEqual([
      "6755 1000 2000",
      ...(person === ROOT ? Array(2).fill("Operation not permitted") : ["none", "none"]),
    ]);
    if (person !== ROOT) return;
    // The file system is mounted so that the host's users cannot reach it anyway: the layers' folder is root's alone.
    const [layer] = holdings(store).layers.filter((name) => existsSync(join(store.root, "layers", name, "diff/capable")));
    const node = lstatSync(join(store.root, "layers", layer ?? "", "diff/dev1/sda"));
    expect(node.isBlockDevice()).toBe(true);
    expect(statSync(join(store.root, "layers")).mode & 0o077).toBe(0);
  });

  two("attributes of overlayfs' own are not taken over", async (store) => {
    const { code } = await attempt(store, () => [
      { name: "bin/", pax: { "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.overlay.opaque": "y" } },
      { name: "home/", pax: { "SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.user.overlay.redirect": "/etc" } },
      { name: "etc/passwd", data: "", pax: { "SCHILY.xattr.trusted.overlay.metacopy": "", "SCHILY.xattr.user.overlay.metacopy": "" } },
    ]);
    expect(code).toBe(0);
    expect(await inside(store, "ls /home; wc -c < /etc/passwd")).toBe("alice\n0");
  });

  two("a sparse file of 10 GB takes no space", async (store) => {
    const size = 10_000_000_000;
    const { code } = await attempt(store, () => [
      {
        name: "ignored",
        data: `${"1\n9999999999\n1\n".padEnd(512, "\0")}!`,
        pax: { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse", "GNU.sparse.realsize": String(size) },
      },
    ]);
    expect(code).toBe(0);
    expect(await inside(store, "stat -c '%s' /sparse; tail -c 1 /sparse; du -k /sparse | cut -f1")).toMatch(/^10000000000\n![0-8]$/);
  });

  root("100,000 entries", async (store) => {
    const entries = Array.from({ length: 100_000 }, (_, index): TarEntry => ({ name: `many/${index % 100}/${index}`, data: "" }));
    expect((await attempt(store, () => entries)).code).toBe(0);
    expect(await inside(store, "ls /many/7 | wc -l")).toBe("1000");
  });

  root("CVE-2017-14992: a gzip bomb is streamed; memory stays flat", async (store) => {
    using registry = startContentRegistry();
    // 1 GiB in a few MiB of gzip: a file of zeros behind a header of the test's own.
    const size = 1 << 30;
    const [head = new Uint8Array(), zeros] = [tar([{ name: "zeros", data: "", size }]).slice(0, 512), new Uint8Array(16 * MIB)];
    const hash = new Bun.CryptoHasher("sha256").update(head);
    const pieces = [gzip(head)];
    const piece = gzip(zeros);
    for (let at = 0; at < size; at += zeros.length) {
      hash.update(zeros);
      pieces.push(piece);
    }
    const data = new Uint8Array(Buffer.concat(pieces));
    expect(data.length).toBeLessThan(size / 64);
    const name = serveImage(registry, "bomb", [{ data, diffId: `sha256:${hash.digest("hex")}` }]);
    const child = store.spawn(["pull", "-q", name]);
    let highest = 0;
    while (child.exitCode === null) {
      const status = existsSync(`/proc/${child.pid}/status`) ? readFileSync(`/proc/${child.pid}/status`, "utf8") : "";
      highest = Math.max(highest, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      await Bun.sleep(5);
    }
    expect(child.exitCode).toBe(0);
    expect(highest).toBeGreaterThan(10);
    expect(highest).toBeLessThan(130);
  });
});

requires(
  "root",
  "namespaces",
  "busybox",
)("run beside rmi and load of the same image: it runs, or there is no such image", async () => {
  await using store = await testStore();
  const archive = fileBeside(store, "image.tar", dockerArchive(busyboxImage(), "x:1"));
  const outcomes: string[] = [];
  let over = false;
  const change = async (): Promise<void> => {
    while (!over) {
      await store.ok(["load", "-q", "-i", archive]);
      await Bun.sleep(10);
      await store.hoy(["rmi", "-f", "x:1"]);
    }
  };
  const changing = change();
  const run = async (): Promise<void> => {
    for (let round = 0; round < 25; round++) {
      const { code, stdout, stderr } = await store.hoy(runArgs("--pull", "never", "x:1", "echo", "ran"));
      outcomes.push(code === 0 ? stdout : `${code} ${stderr}`);
    }
  };
  await Promise.all([run(), run()]);
  over = true;
  await changing;
  const kinds = new Set(outcomes.map((each) => each.replace(/ (x:1|sha256:[0-9a-f]+)$/m, " X")));
  for (const kind of kinds) expect(["ran\n", "125 hoy: No such image: X\n"]).toContain(kind);
  expect(kinds).toContain("ran\n");
  await store.hoy(["rmi", "-f", "x:1"]);
  await store.ok(["image", "prune", "-a", "-f"]);
  expect(holdings(store)).toEqual(NO_HOLDINGS);
});

describe("data folder", () => {
  two("CVE-2021-21284, CVE-2021-41091, CVE-2021-41103: nobody else may look into it, and it is its owner's", async (store) => {
    await store.ok(["load", "-q", "-i", fileBeside(store, "image.tar", dockerArchive(busyboxImage(), "x:1"))]);
    await store.ok(["create", "--name", "box", "--network", "none", "x:1"]);
    const walk = (path: string): string[] => [
      path,
      ...readdirSync(path).flatMap((name) => (lstatSync(join(path, name)).isDirectory() ? [join(path, name)] : [])),
    ];
    for (const path of ["blobs", "layers", "containers", "volumes", "tmp", "locks"].flatMap((name) => walk(join(store.root, name))))
      expect([path, statSync(path).mode & 0o067]).toEqual([path, 0]);
    expect(statSync(store.root).uid).toBe(store.user?.uid ?? 0);
    await store.ok(["rm", "box"]);
  });

  two("CVE-2021-41091: the database is its owner's alone, even in a folder that was there and is open", async (store) => {
    const open = join(store.dir, "open");
    const made = Bun.spawnSync(["install", "-d", "-m", "755", "-o", String(store.user?.uid ?? 0), open]);
    expect(made.exitCode).toBe(0);
    await store.ok(["images"], { root: open });
    for (const name of readdirSync(open)) expect([name, statSync(join(open, name)).mode & 0o077]).toEqual([name, 0]);
  });
});

requires(
  "root",
  "namespaces",
  "busybox",
)("a full disk: one line, 1 for pull and load, 125 for run; nothing stays, images still run", async () => {
  await using store = await testStore();
  using registry = startContentRegistry();
  const big = tar([{ name: "big", data: noiseImage(24 * MIB).layers[0]![0]!.data as Uint8Array }]);
  const name = serveImage(registry, "big", [
    { data: gzip(tar(busyboxLayer())), diffId: sha256(tar(busyboxLayer())) },
    { data: big, diffId: sha256(big) },
  ]);
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", store.root]);
  expect(mounted.exitCode).toBe(0);
  try {
    const check = await withGoodImage(store);
    await expectRefused(
      store,
      name,
      /^hoy: cannot write to [^\n]*: no space left on device\nhoy image prune -a frees what no container uses$/,
    );
    await check();
    const archive = fileBeside(
      store,
      "big.tar",
      dockerArchive({ layers: [busyboxLayer(), [{ name: "big", data: new Uint8Array(24 * MIB) }]] }, "big:1"),
    );
    expect(failure(await store.hoy(["load", "-q", "-i", archive]))).toEqual([1, expect.stringContaining("no space left on device")]);
    await check();
  } finally {
    Bun.spawnSync(["umount", "--lazy", store.root]);
    rmSync(join(store.dir, "big.tar"), { force: true });
  }
});

two("a store whose layers somebody removed: said at run, healed by load", async (store) => {
  const archive = fileBeside(store, "image.tar", dockerArchive(busyboxImage({ Cmd: ["echo", "fine"] }), "image:1"));
  const other = fileBeside(store, "other.tar", dockerArchive({ layers: [[{ name: "file", data: "x" }]] }, "other:1"));
  for (const path of [archive, other]) await store.ok(["load", "-q", "-i", path]);
  const removeLayers = async (): Promise<void> => {
    const id = await store.ok(["create", "--network", "none", "image:1"]);
    await store.ok(["rm", id]);
    Bun.spawnSync(["sh", "-c", `rm -rf ${join(store.root, "layers")}/*`]);
  };
  await removeLayers();
  const [code, said] = failure(await store.hoy(runArgs("image:1")));
  expect([code, said]).toEqual([
    125,
    expect.stringMatching(/^hoy: the image image:1 is damaged: its layer [^\n]+ is missing\npull or load it again$/),
  ]);
  await store.ok(["rmi", "other:1"]);
  await store.ok(["load", "-q", "-i", archive]);
  expect(await runs(store, ["image:1"])).toBe("fine");
  await removeLayers();
  await store.ok(["rmi", "image:1"]);
  expect(holdings(store)).toEqual(NO_HOLDINGS);
});

root("JSON nulls are absent members, as for Go", async (store) => {
  using registry = startContentRegistry();
  const { data } = buildImage(busyboxImage({ Cmd: ["echo", "fine"] })).layers[0]!;
  const tars = buildImage(busyboxImage()).tars[0]!;
  const name = serveImage(registry, "x", [{ data, diffId: sha256(tars) }]);
  const manifest = registry.content.get("/v2/x/manifests/1")!;
  const nulls = { platform: null, annotations: null, urls: null, artifactType: null };
  const parsed = JSON.parse(new TextDecoder().decode(manifest.body));
  const body = new TextEncoder().encode(JSON.stringify({ ...parsed, annotations: null, config: { ...parsed.config, ...nulls } }));
  registry.content.set(`/v2/x/manifests/${sha256(body)}`, { body, type: TYPE });
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: TYPE, digest: sha256(body), size: body.length, ...nulls }],
    annotations: null,
  };
  registry.content.set("/v2/x/manifests/1", {
    body: new TextEncoder().encode(JSON.stringify(index)),
    type: "application/vnd.oci.image.index.v1+json",
  });
  for (const content of ["null", '{"auths":null}', `{"auths":{"${registry.address}":null},"credHelpers":null,"credsStore":null}`]) {
    mkdirSync(store.env.DOCKER_CONFIG!, { recursive: true });
    writeFileSync(join(store.env.DOCKER_CONFIG!, "config.json"), content);
    await store.ok(["pull", "-q", name]);
    await store.ok(["rmi", name]);
  }
});

root("what is no archive, and names and documents with control characters", async (store) => {
  const load = async (bytes: Uint8Array): Promise<string> => {
    const [code, said] = failure(await store.hoy(["load", "-i", fileBeside(store, "file", bytes)]));
    expect([code, said]).toEqual([1, expect.not.stringMatching(/(?!\n)\p{Cc}|internal error/u)]);
    return said;
  };
  expect(await load(crypto.getRandomValues(new Uint8Array(5000)).fill(200, 0, 10))).toContain("this is no image archive");
  expect(await load(Buffer.from("BZh91AY&SY"))).toContain("bzip2 is not supported");
  expect(await load(tar([{ name: "manifest.json", data: "\0\u001b[31mred" }]))).toContain("manifest.json of the image archive");
  const config = new Uint8Array([0, 27, 91]);
  await load(
    tar([
      { name: "c\u009b.json", data: config },
      { name: "manifest.json", data: JSON.stringify([{ Config: "c\u009b.json", Layers: [] }]) },
    ]),
  );
});

root("NUL bytes in the environment or the command of an image, and in an env file", async (store) => {
  for (const [index, config] of [{ Env: ["GOOD=1", "BAD=a\0b"] }, { Cmd: ["echo", "a\0b"] }].entries()) {
    const archive = fileBeside(store, "nul.tar", dockerArchive(busyboxImage(config), `nul:${index}`));
    await store.ok(["load", "-q", "-i", archive]);
    const [code, said] = failure(await store.hoy(runArgs(`nul:${index}`, ...(index === 0 ? ["true"] : []))));
    expect([code, said]).toEqual([
      125,
      index === 0 ? 'hoy: the environment variable "BAD" holds a NUL byte' : expect.stringContaining("the command holds a NUL byte"),
    ]);
  }
  const file = fileBeside(store, "env", "A=1\nB=x\0y\n");
  const [code, said] = failure(await store.hoy(runArgs("--env-file", file, "nul:0", "true")));
  expect([code, said]).toEqual([125, expect.stringContaining(`invalid env file (${file}): a NUL byte on line 2`)]);
});
