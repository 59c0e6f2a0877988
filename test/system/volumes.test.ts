/** Volumes on the compiled binary: made, listed, filtered, used, refused while in use, removed. */
import { expect } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { dist, distForAll } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import { requires } from "../harness/requires.ts";
import { type TestStore, testStore } from "../harness/store.ts";
import { failure } from "./image-store.ts";

const both = each([ROOT, ROOTLESS], "busybox");

/** A container over the test's root file system. */
const over = (store: TestStore, flags: readonly string[], ...command: readonly string[]): string[] => [
  "run",
  "--network",
  "none",
  ...flags,
  "--rootfs",
  store.rootfs,
  ...command,
];

const names = async (store: TestStore, ...filters: string[]): Promise<string[]> =>
  (await store.ok(["volume", "ls", "-q", ...filters.flatMap((filter) => ["--filter", filter])])).split("\n").filter(Boolean);

requires()("a volume is a folder that any user of a container may enter, in one that other users of the host may not", async () => {
  await using store = await testStore();
  expect(await store.ok(["volume", "create", "data"])).toBe("data");
  const mode = (path: string): number => statSync(join(store.root, path)).mode & 0o777;
  expect([mode("volumes"), mode("volumes/data/_data")]).toEqual([0o700, 0o755]);
  expect(await store.ok(["volume", "inspect", "--format", "{{.Mountpoint}} {{.Driver}} {{.Scope}}", "data"])).toBe(
    `${store.root}/volumes/data/_data local local`,
  );
  expect(await store.ok(["volume", "create", "data"])).toBe("data");
  expect(await names(store)).toEqual(["data"]);
});

requires()("a volume without a name is called by 64 hex digits", async () => {
  await using store = await testStore();
  const [first, second] = [await store.ok(["volume", "create"]), await store.ok(["volume", "create", "--label", "a=b"])];
  expect([first, second].every((name) => /^[0-9a-f]{64}$/.test(name))).toBe(true);
  expect(first).not.toBe(second);
  expect(JSON.parse(await store.ok(["volume", "inspect", "--format", "json", second])).Labels).toEqual({
    a: "b",
    "com.docker.volume.anonymous": "",
  });
});

requires()("volume ls has Docker's columns, formats and filters", async () => {
  await using store = await testStore();
  expect(await store.ok(["volume", "ls"])).toBe("DRIVER    VOLUME NAME");
  await store.ok(["volume", "create", "--label", "team=red", "--label", "bare", "alpha"]);
  await store.ok(["volume", "create", "--label", "team=blue", "beta"]);
  expect(await store.ok(["volume", "ls"])).toBe("DRIVER    VOLUME NAME\nlocal     alpha\nlocal     beta");
  expect(await store.ok(["volume", "ls", "--format", '{{.Name}}:{{.Label "team"}}'])).toBe("alpha:red\nbeta:blue");
  expect(await store.ok(["volume", "ls", "--format", "table {{.Name}}\\t{{.Scope}}"])).toBe(
    "VOLUME NAME   SCOPE\nalpha         local\nbeta          local",
  );
  const documents = (await store.ok(["volume", "ls", "--format", "json"])).split("\n").map((line) => JSON.parse(line));
  expect(documents.map(({ Name, Labels, Driver }) => [Name, Labels, Driver])).toEqual([
    ["alpha", "bare=,team=red", "local"],
    ["beta", "team=blue", "local"],
  ]);
  const filters: [filters: string[], expected: string[]][] = [
    [["name=alp"], ["alpha"]],
    [
      ["name=^a", "name=ta$"],
      ["alpha", "beta"],
    ],
    [["label=bare"], ["alpha"]],
    [["label=team"], ["alpha", "beta"]],
    [["label=team=blue"], ["beta"]],
    [["label=team", "label=bare"], ["alpha"]],
    [["driver=local"], ["alpha", "beta"]],
    [["driver=nfs"], []],
    [["dangling=true"], ["alpha", "beta"]],
    [["dangling=0"], []],
  ];
  for (const [given, expected] of filters) expect([given, await names(store, ...given)]).toEqual([given, expected]);
  expect(failure(await store.hoy(["volume", "ls", "--filter", "size=1"]))).toEqual([
    1,
    "hoy: invalid filter 'size'\nfilters here are dangling, driver, label, name",
  ]);
});

const WRONG: [args: string[], code: number, message: string][] = [
  [["create", "a/b"], 1, 'create a/b: "a/b" includes invalid characters for a local volume name'],
  [["create", ".."], 1, 'create ..: ".." includes invalid characters for a local volume name'],
  [["create", "x"], 1, "volume name is too short, names should be at least two alphanumeric characters"],
  [["create", "-d", "nfs", "data"], 1, 'error looking up volume plugin nfs: plugin "nfs" not found'],
  [["create", "-o", "type=nfs", "data"], 125, "the flag --opt is not supported by this version of hoy"],
  [["create", "--opt=type=nfs", "data"], 125, "the flag --opt is not supported by this version of hoy"],
  [["create", "--label", "=x", "data"], 125, "invalid label '=x': empty name"],
  [["rm", "nothing"], 1, "No such volume: nothing"],
  [["rm", "../containers"], 1, "No such volume: ../containers"],
];
for (const [args, code, message] of WRONG)
  requires()(`volume ${args.join(" ")} fails, and changes nothing`, async () => {
    await using store = await testStore();
    const [exit, text] = failure(await store.hoy(["volume", ...args]));
    expect([exit, text.split("\n")[0]?.startsWith(`hoy: ${message}`), text]).toEqual([code, true, text]);
    expect(await names(store)).toEqual([]);
    expect(existsSync(join(store.root, "volumes")) ? readdirSync(join(store.root, "volumes")) : []).toEqual([]);
  });

requires()("volume inspect shows those that are there, and tells of the others", async () => {
  await using store = await testStore();
  await store.ok(["volume", "create", "data"]);
  const { code, stdout, stderr } = await store.hoy(["volume", "inspect", "nothing", "data"]);
  expect([code, JSON.parse(stdout).map(({ Name }: { Name: string }) => Name), stderr]).toEqual([
    1,
    ["data"],
    "Error: No such volume: nothing\n",
  ]);
});

requires()("volume rm removes those that are there, and tells of the others", async () => {
  await using store = await testStore();
  for (const name of ["one", "two"]) await store.ok(["volume", "create", name]);
  const { code, stdout, stderr } = await store.hoy(["volume", "rm", "one", "nothing", "two"]);
  expect([code, stdout, stderr]).toEqual([1, "one\ntwo\n", "hoy: No such volume: nothing\n"]);
  expect(await store.ok(["volume", "rm", "-f", "nothing"])).toBe("nothing");
  expect(readdirSync(join(store.root, "volumes"))).toEqual([]);
});

both("a volume outlives its containers, and is kept while one of them uses it", async (store) => {
  await store.ok(["volume", "create", "data"]);
  await store.ok(over(store, ["--rm", "-v", "data:/d"], "sh", "-c", "echo kept > /d/file; chown 12:34 /d/file"));
  const id = await store.ok(["create", "--network", "none", "-v", "data:/d", "-v", "fresh:/f", "--rootfs", store.rootfs, "cat", "/d/file"]);
  expect(await names(store, "dangling=false")).toEqual(["data", "fresh"]);
  for (const force of [[], ["-f"]])
    expect(failure(await store.hoy(["volume", "rm", ...force, "data"]))).toEqual([1, `hoy: remove data: volume is in use - [${id}]`]);
  expect(await store.ok(["start", "-a", id])).toBe("kept");
  // -v is for anonymous volumes only
  await store.ok(["rm", "-v", id]);
  expect(await names(store, "dangling=true")).toEqual(["data", "fresh"]);
  expect(await store.ok(["volume", "rm", "data", "fresh"])).toBe("data\nfresh");
  expect(readdirSync(join(store.root, "volumes"))).toEqual([]);
});

both("a volume is filled at a container's first start, and left alone at the later ones", async (store) => {
  for (const [name, volume] of [
    ["named", "data:/home"],
    ["anonymous", "/home"],
  ] as const) {
    const flags = ["--name", name, "--network", "none", "-v", volume];
    await store.ok(["create", ...flags, "--rootfs", store.rootfs, "sh", "-c", "ls /home; rm -rf /home/*"]);
    expect(await store.ok(["start", "-a", name])).toBe("alice");
    expect(await store.ok(["start", "-a", name])).toBe("");
  }
  expect(await store.ok(over(store, ["--rm", "-v", "data:/home:nocopy"], "ls", "/home"))).toBe("");
  expect(await store.ok(over(store, ["--rm", "-v", "data:/home"], "ls", "/home"))).toBe("alice");
});

both("anonymous volumes go with --rm, and stay without", async (store) => {
  await store.ok(over(store, ["--rm", "-v", "/a"], "true"));
  expect(await names(store)).toEqual([]);
  await store.ok(over(store, ["--name", "stays", "-v", "/a"], "true"));
  const [volume = ""] = await names(store);
  expect(volume).toMatch(/^[0-9a-f]{64}$/);
  await store.ok(["rm", "stays"]);
  expect(await names(store)).toEqual([volume]);
});

both("a strict umask of the caller takes nothing from a container's users", async (store) => {
  const args = over(store, ["--rm", "-u", "1000:1000", "-v", "fresh:/v"], "sh", "-c", "ls -d /v; cat /etc/hostname; ls -a /v");
  const { user } = store;
  const run = Bun.spawnSync(["sh", "-c", 'umask 077; exec "$@"', "sh", user ? distForAll() : dist(), ...args], {
    env: cleanEnv({ ...store.env, HOY_ROOT: store.root }),
    cwd: "/",
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
  });
  expect([run.exitCode, run.stderr.toString()]).toEqual([0, ""]);
  expect(run.stdout.toString().split("\n")[0]).toBe("/v");
});
