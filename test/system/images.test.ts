/** The life of an image on the compiled binary: pulled from a real registry or loaded, run, shared, saved, removed. */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  busyboxImage,
  busyboxLayer,
  dockerArchive,
  type ImageSettings,
  LAYERED_RESULT,
  layeredImage,
  writeOciLayout,
} from "../harness/images.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { type Registry, skopeoCopy, startRegistry } from "../harness/registry.ts";
import { available } from "../harness/requires.ts";
import { type TestStore, testStore } from "../harness/store.ts";
import { publish } from "../registry/scene.ts";
import { failure, fileBeside, holdings, NO_HOLDINGS, runArgs, runs } from "./image-store.ts";

const PROGRAMS = ["docker-registry", "skopeo", "busybox"] as const;
const OTHER = process.arch === "arm64" ? "amd64" : "arm64";
const everybody = each([ROOT, ROOTLESS, PLAIN], ...PROGRAMS);
const two = each([ROOT, ROOTLESS], ...PROGRAMS);

const SETTINGS: ImageSettings = {
  User: "alice:staff",
  Env: ["PATH=/opt/bin:/bin", "FROM_IMAGE=yes", "BOTH=image"],
  Entrypoint: ["/bin/sh", "-c", 'echo "$0 $*"; id -u; id -g; pwd; echo $PATH $FROM_IMAGE $BOTH'],
  Cmd: ["cmd", "of", "image"],
  WorkingDir: "/work/here",
};

/** Puts a settings file where hoy looks for that of the store's user. */
function settings(store: TestStore, content: object): void {
  const file = join(store.env.XDG_CONFIG_HOME ?? "", "hoy/config.json");
  mkdirSync(dirname(file), { recursive: true });
  // The folders are root's in a rootless test: they have to be open.
  for (const folder of [dirname(dirname(file)), dirname(file)]) chmodSync(folder, 0o755);
  writeFileSync(file, JSON.stringify(content));
}

const volumes = async (store: TestStore): Promise<string[]> => (await store.ok(["volume", "ls", "-q"])).split("\n").filter(Boolean);

/** Asserts that the three layers of `layeredImage` are seen as one tree. */
async function expectLayered(store: TestStore, name: string): Promise<void> {
  const shown = await runs(store, [name, "sh", "-c", "ls /data; echo -; ls /opaque; echo -; cat /data/replaced; readlink /folder"]);
  expect(shown.split("-\n").map((part) => part.trim())).toEqual([
    LAYERED_RESULT.data.join("\n"),
    LAYERED_RESULT.opaque.join("\n"),
    `${LAYERED_RESULT.replaced}data`,
  ]);
}

describe("images of a registry", () => {
  let registry: Registry;
  let host: string;
  const layouts = mkdtempSync(join(tmpdir(), "hoy-layouts-"));
  beforeAll(async () => {
    if (!available(...PROGRAMS)) return;
    registry = await startRegistry();
    host = registry.address;
    await publish(registry, "gzip:1", layeredImage());
    await publish(registry, "zstd:1", { ...layeredImage(), compression: "zstd" });
    await publish(registry, "plain:1", { ...layeredImage(), compression: "none" });
    writeOciLayout(layouts, layeredImage());
    await skopeoCopy(`oci:${layouts}:latest`, `docker://${host}/docker:1`, ["--format", "v2s2"]);
    await publish(registry, "settings:1", busyboxImage(SETTINGS));
    await publish(registry, "busybox:1", busyboxImage());
    await publish(registry, "many:1", [
      { ...busyboxImage({ Env: ["PATH=/bin", "WHICH=this"] }) },
      { ...busyboxImage({ Env: ["PATH=/bin", "WHICH=other"] }), architecture: OTHER },
    ]);
    const base = busyboxLayer();
    await publish(registry, "family/one:1", { layers: [base, [{ name: "etc/one", data: "1" }]], config: { Cmd: ["cat", "/etc/one"] } });
    await publish(registry, "family/two:1", { layers: [base, [{ name: "etc/two", data: "2" }]], config: { Cmd: ["cat", "/etc/two"] } });
    const seeded = [
      ...base,
      { name: "seed/", uid: 1000, gid: 1000, mode: 0o750 },
      { name: "seed/file", data: "seed", uid: 1000, gid: 2000 },
    ];
    await publish(registry, "volumes:1", { layers: [seeded], config: { Cmd: ["sh"], Volumes: { "/seed": {}, "/var/new": {} } } });
  });
  afterAll(async () => {
    rmSync(layouts, { recursive: true, force: true });
    await registry?.[Symbol.asyncDispose]();
  });

  for (const kind of ["gzip", "zstd", "plain", "docker"])
    everybody(`${kind} layers: pulled, run, pulled again, removed`, async (store) => {
      const name = `${host}/${kind}:1`;
      expect(await store.ok(["pull", name])).toContain(`Status: Downloaded newer image for ${name}`);
      await expectLayered(store, name);
      expect(await store.ok(["pull", name])).toContain(`Status: Image is up to date for ${name}`);
      expect(holdings(store).tmp).toEqual([]);
      await store.ok(["rmi", name]);
      expect(holdings(store)).toEqual(NO_HOLDINGS);
      expect(await store.ok(["images", "-q"])).toBe("");
    });

  everybody("the image's user, environment, entrypoint, command and folder, and those of the command line", async (store) => {
    const name = `${host}/settings:1`;
    await store.ok(["pull", "-q", name]);
    const ids = store.user && !available("newuidmap") ? [] : ["1000", "2000"];
    const lines = async (...args: string[]): Promise<string[]> => (await runs(store, args)).split("\n");
    // One id is all that a user without ranges has.
    const flags = (await store.hoy(runArgs(name))).code === 0 ? [] : ["-u", "0"];
    const expected = flags.length > 0 ? ["0", "0"] : ids;
    expect(await lines(...flags, name)).toEqual(["cmd of image", ...expected, "/work/here", "/opt/bin:/bin yes image"]);
    expect((await lines(...flags, name, "mine"))[0]).toBe("mine ");
    expect(
      await lines(...flags, "-e", "BOTH=line", "-w", "/tmp", "--entrypoint", "/bin/busybox", name, "sh", "-c", "pwd; echo $BOTH"),
    ).toEqual(["/tmp", "line"]);
    expect(await lines("-u", "0:0", "--entrypoint", "id", name, "-u")).toEqual(["0"]);
  });

  two("VOLUME: anonymous volumes with the image's files, gone with --rm; a named one keeps", async (store) => {
    const name = `${host}/volumes:1`;
    await store.ok(["pull", "-q", name]);
    const look = "stat -c '%u %g %a' /seed; stat -c '%u %g' /seed/file; cat /seed/file; echo more >> /seed/file; ls -d /var/new";
    const seen = "1000 1000 750\n1000 2000\nseed/var/new";
    expect(await runs(store, [name, "sh", "-c", look])).toBe(seen);
    expect(await volumes(store)).toEqual([]);
    // The volume is another one each time.
    expect(await runs(store, [name, "cat", "/seed/file"])).toBe("seed");
    expect(await runs(store, ["-v", "kept:/seed", name, "sh", "-c", look])).toBe(seen);
    expect(await volumes(store)).toEqual(["kept"]);
    expect(await runs(store, ["-v", "kept:/seed", name, "cat", "/seed/file"])).toBe("seedmore");
    await store.ok(["run", "--name", "stays", "--network", "none", name, "true"]);
    expect(await volumes(store)).toHaveLength(3);
    await store.ok(["rm", "-v", "stays"]);
    expect(await volumes(store)).toEqual(["kept"]);
  });

  two("--platform picks from an index; the other one is refused to run without it", async (store) => {
    const name = `${host}/many:1`;
    await store.ok(["pull", "-q", name]);
    expect(await runs(store, [name, "sh", "-c", "echo $WHICH"])).toBe("this");
    await store.ok(["pull", "-q", "--platform", `linux/${OTHER}`, name]);
    expect(await store.ok(["image", "inspect", "-f", "{{.Architecture}} {{index .Config.Env 1}}", name])).toBe(`${OTHER} WHICH=other`);
    expect(failure(await store.hoy(["pull", "-q", "--platform", "linux/riscv64", name]))).toEqual([
      1,
      "hoy: no matching manifest for linux/riscv64 in the manifest list entries",
    ]);
    expect(failure(await store.hoy(["pull", "-q", "--platform", `linux/${OTHER}`, `${host}/busybox:1`]))[0]).toBe(1);
    // The name is the other platform's now; this one's comes back with a pull.
    expect(await runs(store, ["--pull", "always", "-q", name, "sh", "-c", "echo $WHICH"])).toBe("this");
  });

  two("a layer of several images is stored once, and stays until its last image goes", async (store) => {
    const [one, other] = [`${host}/family/one:1`, `${host}/family/two:1`];
    const digest = (await store.ok(["pull", one]))
      .split("\n")
      .find((line) => line.startsWith("Digest: "))
      ?.slice("Digest: ".length);
    const said = await store.ok(["pull", other]);
    expect(said).toContain("Already exists");
    expect(holdings(store).layers).toHaveLength(3);
    expect(await runs(store, [one])).toBe("1");
    expect(await runs(store, [other])).toBe("2");
    await store.ok(["rmi", other]);
    expect(holdings(store).layers).toHaveLength(2);
    expect(await runs(store, [`${host}/family/one@${digest}`])).toBe("1");
    await store.ok(["rmi", one]);
    expect(holdings(store)).toEqual(NO_HOLDINGS);
  });

  everybody("the old mount call", async (store) => {
    const name = `${host}/gzip:1`;
    store.env.HOY_MOUNT_API = "old";
    await store.ok(["pull", "-q", name]);
    await expectLayered(store, name);
    expect(
      await runs(store, ["-v", "named:/v", name, "sh", "-c", "rm /data/kept; echo x > /data/removed; echo x > /v/x; ls /data | wc -l"]),
    ).toBe("8");
    expect(
      await runs(store, ["--read-only", "-v", "named:/v", name, "sh", "-c", "ls /data /v | wc -l; touch /x 2>/dev/null || echo refused"]),
    ).toBe("12\nrefused");
  });

  two("as root and as user, mirrors and insecure registries come from the settings file", async (store) => {
    settings(store, { "registry-mirrors": [`http://${host}`] });
    // What Docker Hub has under library/ the mirror is asked for.
    await skopeoCopy(`docker://${host}/busybox:1`, `docker://${host}/library/mirrored:1`);
    expect(await store.ok(["pull", "-q", "mirrored:1"])).toBe("docker.io/library/mirrored:1");
    expect(await runs(store, ["mirrored:1", "echo", "ran"])).toBe("ran");
    settings(store, { "registry-mirors": [] });
    const { code, stderr } = await store.hoy(["pull", "mirrored:1"]);
    expect(code).toBe(1);
    expect(stderr).toContain(join(store.env.XDG_CONFIG_HOME ?? "", "hoy/config.json"));
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  two("save, load into another store, run; the archive is read by skopeo", async (store, person) => {
    const name = `${host}/gzip:1`;
    await store.ok(["pull", "-q", name]);
    const id = await store.ok(["images", "-q", "--no-trunc"]);
    const archive = join(store.dir, "image.tar");
    await store.ok(["save", "-o", archive, name]);
    expect(statSync(archive).mode & 0o777).toBe(0o600);
    chmodSync(archive, 0o644);
    await using second = await testStore({ ...(store.user && { user: store.user }) });
    expect(await second.ok(["load", "-i", archive])).toBe(`Loaded image: ${name}`);
    expect(await second.ok(["images", "-q", "--no-trunc"])).toBe(id);
    await expectLayered(second, name);
    expect(holdings(second).tmp).toEqual([]);
    // From standard input too, onto what is there.
    expect(await second.ok(["load"], { input: readFileSync(archive) })).toBe(`Loaded image: ${name}`);
    if (person !== ROOT) return;
    for (const source of [`docker-archive:${archive}`, `oci-archive:${archive}`]) await skopeoCopy(source, `docker://${host}/saved:1`);
    await second.ok(["pull", "-q", `${host}/saved:1`]);
    await expectLayered(second, `${host}/saved:1`);
  });

  two("archives that skopeo wrote load and run", async (store) => {
    for (const [kind, loaded] of [
      ["docker-archive", "Loaded image: example.org/mine:7"],
      ["oci-archive", "Loaded image: example.org/mine:7"],
    ] as const) {
      const path = join(store.dir, `${kind}.tar`);
      await skopeoCopy(`docker://${host}/gzip:1`, `${kind}:${path}:example.org/mine:7`);
      chmodSync(path, 0o644);
      expect(await store.ok(["load", "-q", "-i", path])).toBe(loaded);
      await expectLayered(store, "example.org/mine:7");
      await store.ok(["rmi", "example.org/mine:7"]);
      expect(holdings(store)).toEqual(NO_HOLDINGS);
    }
  });

  two("an OCI layout in a folder, packed by tar, plain or compressed", async (store) => {
    for (const [flag, name] of [
      ["-c", "layout.tar"],
      ["-cz", "layout.tgz"],
    ] as const) {
      const path = join(store.dir, name);
      expect(Bun.spawnSync(["tar", flag, "-f", path, "-C", layouts, "."]).exitCode).toBe(0);
      const said = await store.ok(["load", "-i", path]);
      expect(said).toMatch(/^Loaded image ID: sha256:[0-9a-f]{64}$/);
      await expectLayered(store, said.slice("Loaded image ID: ".length));
    }
  });

  two("an archive as old docker wrote it, with its tags", async (store) => {
    const path = fileBeside(store, "old.tar", dockerArchive(layeredImage(), "one:1", "two:2"));
    expect(await store.ok(["load", "-i", path])).toBe("Loaded image: one:1\nLoaded image: two:2");
    await expectLayered(store, "two:2");
    const saved = join(store.dir, "again.tar");
    await store.ok(["save", "-o", saved, "one:1", "two:2"]);
    await store.ok(["rmi", "one:1", "two:2"]);
    expect(holdings(store)).toEqual(NO_HOLDINGS);
    expect(await store.ok(["load", "-i", saved])).toBe("Loaded image: one:1\nLoaded image: two:2");
    const pipe = join(store.dir, "pipe");
    Bun.spawnSync(["mkfifo", pipe]);
    for (const path of [pipe, store.dir]) {
      const { code, stderr } = await store.hoy(["save", "-o", path, "one:1"]);
      expect([code, stderr]).toEqual([
        1,
        `hoy: failed to save image: invalid output path: ${JSON.stringify(path)} must be a regular file\n`,
      ]);
    }
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    await expectLayered(store, "one:1");
  });

  two("rmi -f from under a stopped container: it still starts, and its layers go with it", async (store) => {
    const name = `${host}/busybox:1`;
    await store.ok(["run", "--name", "user", "--network", "none", "--pull", "always", "-q", name, "echo", "ran"]);
    const id = await store.ok(["images", "-q", "--no-trunc"]);
    expect(failure(await store.hoy(["rmi", name]))).toEqual([1, expect.stringContaining("(must force) - container ")]);
    expect((await store.ok(["rmi", "-f", name])).split("\n").at(-1)).toBe(`Deleted: ${id}`);
    expect(await store.ok(["images", "-q"])).toBe("");
    expect(await store.ok(["start", "-a", "user"])).toBe("ran");
    expect((await store.hoy(runArgs("--pull", "never", name))).code).toBe(125);
    await store.ok(["rm", "user"]);
    expect(holdings(store)).toEqual(NO_HOLDINGS);
  });

  two("a registry that wants a password: refused, logged in, logged out", async (store) => {
    await using locked = await startRegistry({ login: { user: "me", password: "sec:ret" } });
    const login = ["--dest-creds", "me:sec:ret"];
    await skopeoCopy(`oci:${layouts}:latest`, `docker://${locked.address}/private:1`, login);
    const name = `${locked.address}/private:1`;
    const [code, words] = failure(await store.hoy(["pull", "-q", name]));
    expect([code, words.split("\n")[0]]).toEqual([
      1,
      `hoy: pull access denied for ${locked.address}/private, repository does not exist or may require 'hoy login': unauthorized: authentication required`,
    ]);
    expect((await store.hoy(runArgs(name, "true"))).code).toBe(125);
    await store.ok(["login", "-u", "me", "--password-stdin", locked.address], { input: "sec:ret\n" });
    const file = join(store.env.DOCKER_CONFIG ?? "", "config.json");
    expect([JSON.parse(readFileSync(file, "utf8")), statSync(file).mode & 0o777]).toEqual([
      { auths: { [locked.address]: { auth: btoa("me:sec:ret") } } },
      0o600,
    ]);
    await store.ok(["pull", "-q", name]);
    await expectLayered(store, name);
    await store.ok(["logout", locked.address]);
    expect((await store.hoy(["pull", "-q", name])).code).toBe(1);
    await expectLayered(store, name);
    // skopeo reads the account that hoy wrote.
    await store.ok(["login", "-u", "me", "--password-stdin", locked.address], { input: "sec:ret\n" });
    await skopeoCopy(`docker://${name}`, `oci:${join(store.dir, "copied")}:latest`, ["--src-authfile", file]);
    expect(existsSync(join(store.dir, "copied/index.json"))).toBe(true);
  });
});
