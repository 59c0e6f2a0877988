/** `diff`, `commit`, `export` and `import` on the compiled binary. */
import { expect } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { busyboxLayer, dockerArchive } from "../harness/images.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { onPty } from "../harness/pty.ts";
import type { TestStore } from "../harness/store.ts";
import { type TarEntry, tar } from "../harness/tar.ts";
import { failure, fileBeside, holdings } from "./image-store.ts";

const both = each([ROOT, ROOTLESS], "busybox");
const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const asRoot = each([ROOT], "busybox");

const second: TarEntry[] = [
  { name: "data/" },
  { name: "data/kept", data: "kept" },
  { name: "data/gone", data: "gone" },
  { name: "data/sub/" },
  { name: "data/sub/deep", data: "deep" },
  { name: "bare/" },
];

/** An image of two layers, and a container `cc` of it that has run `script`. */
async function scene(store: TestStore, script: string, ...flags: string[]): Promise<void> {
  await store.ok(["load", "-i", fileBeside(store, "b.tar", dockerArchive({ layers: [busyboxLayer(), second] }, "b:1"))]);
  await store.ok(["run", "--name", "cc", "--network", "none", ...flags, "b:1", "sh", "-c", script]);
}

const CHANGES = [
  "echo new >/new; mkdir /made; echo x >/made/inside",
  "echo more >>/data/kept; rm /data/gone; rm -r /data/sub; mkdir /data/sub; echo y >/data/sub/other",
  "chmod 700 /bare; ln -s new /link; rm /.dockerenv 2>/dev/null; touch -d @5 /made",
].join("; ");

all("diff tells what changed, and nothing of what the engine makes", async (store) => {
  await scene(store, CHANGES, "-v", "/vol");
  expect((await store.ok(["diff", "cc"])).split("\n")).toEqual([
    "C /bare",
    "C /data",
    "D /data/gone",
    "C /data/kept",
    "C /data/sub",
    "D /data/sub/deep",
    "A /data/sub/other",
    "A /link",
    "A /made",
    "A /made/inside",
    "A /new",
    "A /vol",
  ]);
  await store.ok([
    "create",
    "--name",
    "quiet",
    "--network",
    "none",
    "b:1",
    "sh",
    "-c",
    "cat /etc/passwd; cp -a /data/kept /tmp/k; rm /tmp/k",
  ]);
  expect(await store.ok(["container", "diff", "quiet"])).toBe("");
  await store.ok(["start", "-a", "quiet"]);
  expect(await store.ok(["diff", "quiet"])).toBe("");
  expect(failure(await store.hoy(["diff", "nobody"]))).toEqual([1, "hoy: No such container: nobody"]);
});

all("commit makes an image of what changed, which save and load keep", async (store) => {
  await scene(store, CHANGES);
  const id = await store.ok(["commit", "-a", "me", "-m", "words", "-c", 'CMD ["cat", "/new"]', "-c", "ENV A=1", "cc", "made:1"]);
  expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
  const runs = (...args: string[]) => store.ok(["run", "--rm", "--network", "none", ...args]);
  expect(await runs("made:1")).toBe("new");
  const look = "cat /data/kept; ls /data /data/sub /made; stat -c '%a %Y' /bare /made; readlink /link; echo $A";
  const seen = await runs("made:1", "sh", "-c", look);
  expect(seen.split("\n").filter((line) => !line.startsWith("700 "))).toEqual([
    "keptmore",
    "/data:",
    "kept",
    "sub",
    "",
    "/data/sub:",
    "other",
    "",
    "/made:",
    "inside",
    "755 5",
    "new",
    "1",
  ]);
  const config = JSON.parse(await store.ok(["image", "inspect", "--format", "{{json .}}", "made:1"]));
  expect([config.Author, config.Comment, config.Config.Cmd, config.Config.Hostname]).toEqual(["me", "words", ["cat", "/new"], undefined]);
  const [newest] = (await store.ok(["history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", "made:1"])).split("\n");
  expect(newest).toBe(`sh -c ${CHANGES}|words`);
  expect(holdings(store).tmp).toEqual([]);
  const archive = join(store.dir, "home/made.tar");
  await store.ok(["save", "-o", archive, "made:1"]);
  await store.ok(["rmi", "made:1"]);
  // the layer comes out of the store as it went in: the image keeps its id
  await store.ok(["load", "-i", archive]);
  expect(await store.ok(["images", "-q", "--no-trunc", "made"])).toBe(id);
  expect(await runs("made:1")).toBe("new");
});

both("a commit of nothing is a step without a layer", async (store) => {
  await scene(store, "true");
  const before = JSON.parse(await store.ok(["image", "inspect", "--format", "{{json .RootFS.Layers}}", "b:1"]));
  const id = await store.ok(["commit", "-c", "LABEL x=y", "cc"]);
  const after = JSON.parse(await store.ok(["image", "inspect", "--format", "{{json .}}", id]));
  expect([after.RootFS.Layers, after.Config.Labels, after.RepoTags]).toEqual([before, { x: "y" }, []]);
  expect(await store.ok(["run", "--rm", "--network", "none", id, "cat", "/data/kept"])).toBe("kept");
});

const REFUSED: [args: string[], code: number, text: string][] = [
  [["commit", "nobody"], 1, "No such container: nobody"],
  [["commit", "cc", "BAD"], 1, "invalid reference format: repository name (BAD) must be lowercase"],
  [["commit", "cc", `a@sha256:${"1".repeat(64)}`], 1, "refusing to create a tag with a digest reference"],
  [["commit", "-c", "RUN x", "cc"], 1, "run is not a valid change command"],
  [["commit", "-p", "--no-pause", "cc"], 1, "conflicting options: --no-pause and --pause cannot be used together"],
  [["import", "/nothing.tar"], 1, "cannot open /nothing.tar: no such file or directory"],
  [["import", "-", "BAD"], 1, "invalid reference format: repository name (BAD) must be lowercase"],
  [["import", "-c", "EXPOSE x", "-"], 1, "Invalid containerPort: x"],
  [["import", "--platform", "a/b/c/d", "-"], 1, 'invalid platform "a/b/c/d": more than three parts'],
  [["export", "nobody"], 1, "No such container: nobody"],
  [["export", "-o", "/dev/null", "cc"], 1, 'failed to export container: invalid output path: "/dev/null" must be a regular file'],
];

both("what makes no sense is refused in Docker's words, and leaves nothing", async (store) => {
  await scene(store, "true");
  const before = holdings(store);
  for (const [args, code, text] of REFUSED) {
    const [exit, told] = failure(await store.hoy(args));
    expect([args, exit, told.split("\n")[0]]).toEqual([args, code, `hoy: ${text}`]);
  }
  expect(failure(await store.hoy(["import", "-"], { input: "no archive ".repeat(100) }))[0]).toBe(1);
  expect(holdings(store)).toEqual(before);
  await store.ok(["run", "--name", "bare", "--network", "none", "--rootfs", store.rootfs, "true"]);
  expect(failure(await store.hoy(["commit", "bare"]))[1]).toStartWith("hoy: cannot commit bare: it was made over a folder");
});

const freezer = (store: TestStore, id: string): string | undefined =>
  [`/sys/fs/cgroup/freezer/${store.paths.name}/${id}/freezer.state`, `/sys/fs/cgroup/${store.paths.name}/${id}/cgroup.events`].find(
    existsSync,
  );
const isFrozen = (path: string): boolean => /^FROZEN|^FREEZING|frozen 1/m.test(readFileSync(path, "latin1"));

asRoot(
  "a running container stands still during a commit, unless told not to, and goes on after one that was killed",
  async (store) => {
    await scene(store, "true");
    const id = await store.ok([
      "run",
      "-d",
      "--name",
      "run",
      "--network",
      "none",
      "b:1",
      "sh",
      "-c",
      "head -c 150000000 /dev/urandom >/big; touch /done; sleep 600",
    ]);
    while ((await store.hoy(["exec", "run", "test", "-e", "/done"])).code !== 0) await Bun.sleep(50);
    const path = freezer(store, id);
    if (path === undefined) throw new Error("the container has no freezer");
    const seenFrozen = async (...flags: string[]): Promise<boolean> => {
      const child = store.spawn(["commit", ...flags, "run"]);
      let seen = false;
      let over = false;
      void child.exited.then(() => {
        over = true;
      });
      while (!over) {
        seen ||= isFrozen(path);
        await Bun.sleep(1);
      }
      expect(await child.exited).toBe(0);
      return seen;
    };
    expect(await seenFrozen()).toBe(true);
    expect(isFrozen(path)).toBe(false);
    expect(await seenFrozen("--no-pause")).toBe(false);
    expect(await seenFrozen("--pause=false")).toBe(false);
    const child = store.spawn(["commit", "run"]);
    while (!isFrozen(path)) await Bun.sleep(1);
    child.kill("SIGKILL");
    await child.exited;
    expect(isFrozen(path)).toBe(true);
    expect(await store.ok(["exec", "run", "echo", "joined"])).toBe("joined");
    expect(isFrozen(path)).toBe(false);
    // what nobody opens is swept, at most every few seconds
    const again = store.spawn(["commit", "run"]);
    while (!isFrozen(path)) await Bun.sleep(1);
    again.kill("SIGKILL");
    await again.exited;
    await Bun.sleep(5100);
    await store.ok(["rm", "cc"]);
    expect(isFrozen(path)).toBe(false);
    const polite = store.spawn(["commit", "run"]);
    while (!isFrozen(path)) await Bun.sleep(1);
    polite.kill("SIGTERM");
    expect(await polite.exited).not.toBe(0);
    expect(isFrozen(path)).toBe(false);
    expect(await store.ok(["exec", "run", "echo", "alive"])).toBe("alive");
  },
  180_000,
);

all("export writes the whole root file system, import makes an image of it", async (store, { title }) => {
  await scene(store, "echo new >/new; rm /data/gone; sleep 0.2", "-v", "/vol", "--tmpfs", "/scratch");
  await store.ok([
    "run",
    "-d",
    "--name",
    "run",
    "--network",
    "none",
    "-v",
    "/data/vol",
    "b:1",
    "sh",
    "-c",
    "echo in >/data/vol/in; echo out >/out; sleep 600",
  ]);
  while ((await store.hoy(["exec", "run", "test", "-s", "/out"])).code !== 0) await Bun.sleep(20);
  const list = (path: string): string[] => Bun.spawnSync(["tar", "tf", path]).stdout.toString().split("\n");
  for (const name of ["cc", "run"]) {
    const path = join(store.dir, `home/${name}.tar`);
    await store.ok(["export", "-o", path, name]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const names = list(path);
    expect(["bin/busybox", "etc/passwd", "data/kept", ".dockerenv", "proc/", "etc/mtab"].filter((one) => !names.includes(one))).toEqual([]);
    expect(
      names
        .filter((one) => one.startsWith("proc/") || one.startsWith("scratch/") || one.startsWith("data/vol/") || one === "data/gone")
        .sort(),
    ).toEqual(name === "cc" ? ["proc/", "scratch/"] : ["data/gone", "data/vol/", "proc/"]);
  }
  const path = join(store.dir, "home/cc.tar");
  const id = await store.ok(["import", "-m", "from export", "-c", 'CMD ["cat", "/new"]', "--platform", "linux/amd64", path, "flat:1"]);
  expect(await store.ok(["images", "-q", "--no-trunc", "flat:1"])).toBe(id);
  if (process.arch === "x64") expect(await store.ok(["run", "--rm", "--network", "none", "flat:1"])).toBe("new");
  expect(await store.ok(["history", "--format", "{{.Comment}}", "flat:1"])).toBe("from export");
  for (const pack of [Bun.gzipSync, Bun.zstdCompressSync]) {
    const packed = pack(readFileSync(path) as Uint8Array<ArrayBuffer>);
    const other = await store.ok(["import", "-", "packed:1"], { input: packed });
    expect(JSON.parse(await store.ok(["image", "inspect", "-f", "{{json .RootFS}}", other]))).toEqual(
      JSON.parse(await store.ok(["image", "inspect", "-f", "{{json .RootFS}}", id])),
    );
    expect(await store.ok(["history", "--format", "{{.Comment}}", "packed:1"])).toBe("Imported from -");
  }
  if (title === "root")
    expect(failure(await store.hoy(["export", "-o", "/nothing/x", "cc"]))[1]).toStartWith("hoy: cannot write /nothing/x: no such file");
});

both("import takes a URL", async (store) => {
  const archive = tar([{ name: "x", data: "one" }]);
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) =>
      request.url.endsWith("/x.tar") ? new Response(archive) : new Response("", { status: 404, statusText: "Not Found" }),
  });
  const url = `http://127.0.0.1:${server.port}`;
  const [told, id = ""] = (await store.ok(["import", `${url}/x.tar`, "net:1"])).split("\n");
  expect([told, id]).toEqual([`Downloading from ${url}/x.tar`, await store.ok(["images", "-q", "--no-trunc", "net:1"])]);
  expect(await store.ok(["history", "--format", "{{.Comment}} {{.Size}}", "net:1"])).toBe(`Imported from ${url}/x.tar 3B`);
  expect(failure(await store.hoy(["import", `${url}/y.tar`]))).toEqual([1, `hoy: failed to GET ${url}/y.tar with status 404 Not Found`]);
});

asRoot("export refuses a terminal", async (store) => {
  await scene(store, "true");
  const env = cleanEnv({ ...store.env, HOY_ROOT: store.root });
  await using session = onPty([dist(), "export", "cc"], { env, cwd: "/", columns: 200 });
  await session.see("cowardly refusing to save to a terminal. Use the -o flag or redirect");
});
