/** Images from strangers at run time: links where mounts go, hostile files in /etc, odd configs. Test names carry the advisories. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxLayer, dockerArchive, type ImageSettings } from "../harness/images.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import type { TarEntry } from "../harness/tar.ts";
import { failure, fileBeside, runArgs, runs } from "./image-store.ts";

const two = each([ROOT, ROOTLESS], "busybox");

/** Loads `x:1`: busybox, then these entries in place of their namesakes. */
async function load(store: TestStore, entries: readonly TarEntry[], config: ImageSettings = {}): Promise<void> {
  const archive = dockerArchive({ layers: [busyboxLayer(), entries], config: { Cmd: ["sh"], Env: ["PATH=/bin"], ...config } }, "x:1");
  await store.ok(["load", "-q", "-i", fileBeside(store, "x.tar", archive)]);
}

/** A folder of the host that must stay as it is. */
function outside(store: TestStore): { path: string; check(): void } {
  const path = join(store.dir, "outside");
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "secret"), "secret");
  return { path, check: () => expect(readdirSync(path)).toEqual(["secret"]) };
}

const link = (name: string, target: string): TarEntry => ({ name, type: "2", link: target });
const REAL_PROC =
  "stat -f -c %T /proc; ls /proc/self >/dev/null && echo works; stat -c %F /proc/keys; touch /proc/sys/x 2>/dev/null || echo ro";

/** Runs it; it is refused in one line, or `check` sees what came out. */
async function refusedOr(store: TestStore, args: readonly string[], check: (stdout: string) => void): Promise<void> {
  const { code, stdout, stderr } = await store.hoy(runArgs(...args));
  if (code === 0) check(stdout);
  else expect([code, stderr]).toEqual([expect.any(Number), expect.stringMatching(/^hoy: [^\n]+\n([^\n]+\n)?$/)]);
  expect(code === 0 || code >= 125).toBe(true);
}

for (const [id, name] of [
  ["CVE-2019-19921, CVE-2023-27561, CVE-2023-28642", "proc"],
  ["CVE-2026-41579, CVE-2026-47766", "dev"],
  ["CVE-2019-19921", "sys"],
] as const)
  two(`${id}: /${name} of the image is a link`, async (store) => {
    const host = outside(store);
    for (const target of [host.path, "etc", name]) {
      await load(store, [link(name, target)]);
      await refusedOr(store, ["x:1", "sh", "-c", `ls -a ${host.path} 2>/dev/null; ${REAL_PROC}`], (stdout) => {
        expect(stdout).not.toContain("secret");
        expect(stdout).toContain("works");
        expect(stdout).toContain("ro\n");
      });
      host.check();
      await store.ok(["rmi", "x:1"]);
    }
  });

two("CVE-2019-16884: VOLUME on /proc, /sys, /dev and / does not undo the masks", async (store) => {
  for (const volume of ["/proc", "/proc/self", "/sys", "/dev", "/", "/proc/../proc", "//proc"]) {
    await load(store, [], { Volumes: { [volume]: {} } });
    await refusedOr(store, ["x:1", "sh", "-c", REAL_PROC], (stdout) =>
      expect(stdout.trim().split("\n")).toEqual(["proc", "works", "character special file", "ro"]),
    );
    await store.ok(["rmi", "x:1"]);
  }
  expect(await store.ok(["volume", "ls", "-q"])).toBe("");
});

two("CVE-2015-3629, CVE-2024-45310: mounts on names that the image made links", async (store) => {
  const host = outside(store);
  await load(store, [
    link("target", host.path),
    link("up", "../../../../../../../.."),
    { name: "etc/hosts", type: "2", link: join(host.path, "hosts") },
  ]);
  const source = join(store.dir, "source");
  mkdirSync(source);
  writeFileSync(join(source, "mine"), "mine");
  await refusedOr(store, ["-v", `${source}:/target/new`, "x:1", "sh", "-c", `cat ${host.path}/new/mine`], (stdout) =>
    expect(stdout).toBe("mine"),
  );
  await refusedOr(store, ["-v", `${source}:/up${host.path}/deep`, "x:1", "cat", `${host.path}/deep/mine`], (stdout) =>
    expect(stdout).toBe("mine"),
  );
  await refusedOr(store, ["--tmpfs", "/target/tmp", "-w", "/target/work", "x:1", "pwd"], () => undefined);
  host.check();
});

two("CVE-2016-3697: a user's name of digits is a number; ids out of range are refused", async (store) => {
  const passwd = {
    name: "etc/passwd",
    data: "1000:x:0:0:root:/root:/bin/sh\nroot:x:0:0::/root:/bin/sh\nbig:x:4294967296:0::/:/bin/sh\nneg:x:-1:-1::/:/bin/sh\n",
  };
  await load(store, [passwd], { User: "1000" });
  expect(await runs(store, ["x:1", "id", "-u"])).toBe("1000");
  for (const user of ["big", "neg", "4294967296", "-1", "none", "0:none", "1000:1000:0"]) {
    const [code, said] = failure(await store.hoy(runArgs("-u", user, "x:1", "id", "-u")));
    expect([user, code, said]).toEqual([user, expect.any(Number), expect.stringMatching(/^hoy: [^\n]+$/)]);
    expect(code).toBeGreaterThanOrEqual(125);
  }
});

two("CVE-2022-36109: the groups of the image's user, and no others", async (store) => {
  await load(store, [], { User: "alice" });
  expect(await runs(store, ["x:1", "id", "-G"])).toBe("1000 2000");
  expect(await runs(store, ["-u", "1234", "x:1", "id", "-G"])).toBe("0");
  expect(await runs(store, ["-u", "1234:7", "--group-add", "staff", "x:1", "id", "-G"])).toBe("7 2000");
});

two("CVE-2024-21626: WORKDIR on a descriptor or through a link", async (store) => {
  const host = outside(store);
  await load(store, [link("out", host.path)], { WorkingDir: "/proc/self/fd/7" });
  const script = `ls ${host.path}/secret ./secret ../../../..${host.path}/secret 2>/dev/null || echo nothing`;
  const folders = [...Array.from({ length: 10 }, (_, fd) => `/proc/self/fd/${fd}`), "/proc/self/fd/7/../../..", "/proc/1/cwd", "/out"];
  for (const each of [[], ...folders.map((folder) => ["-w", folder])])
    await refusedOr(store, [...each, "x:1", "sh", "-c", script], (stdout) => expect(stdout).toBe("nothing\n"));
  host.check();
});

two(
  "hostile files in /etc: links to the host, a pipe, a device, gigabytes, no text",
  async (store) => {
    const host = outside(store);
    writeFileSync(join(host.path, "secret"), "secret");
    const sparse: TarEntry = {
      name: "etc/passwd",
      data: `${"1\n9999999999\n1\n".padEnd(512, "\0")}!`,
      pax: { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "etc/passwd", "GNU.sparse.realsize": "10000000000" },
    };
    for (const entry of [
      link("etc/passwd", join(host.path, "secret")),
      link("etc/passwd", "/proc/self/environ"),
      link("etc/passwd", "passwd"),
      { name: "etc/passwd", type: "6" } as const,
      { name: "etc/passwd", type: "3", major: 1, minor: 5 } as const,
      { name: "etc/passwd/" },
      { name: "etc/passwd", data: new Uint8Array(100_000).fill(255) },
      sparse,
      link("etc", host.path),
      { name: "etc", data: "a file" },
    ]) {
      await load(store, [entry]);
      await refusedOr(store, ["-u", "alice", "x:1", "true"], () => undefined);
      await refusedOr(store, ["x:1", "true"], () => undefined);
      host.check();
      await store.ok(["rmi", "x:1"]);
    }
  },
  120_000,
);

two(
  "odd configs: refused in one line, or harmless",
  async (store) => {
    const odd = [
      { Env: ["NOEQUALS", "=x", "PATH=/bin", "LD_PRELOAD=/evil", "A=\u0000b"] },
      { Env: null },
      { Cmd: null, Entrypoint: null },
      { Cmd: [""] },
      { Cmd: ["a\u0000b"] },
      { Entrypoint: [], Cmd: ["true"] },
      { WorkingDir: "relative/path", Cmd: ["pwd"] },
      { WorkingDir: "/a/../../../b", Cmd: ["pwd"] },
      { WorkingDir: "/\u0000", Cmd: ["true"] },
      { StopSignal: "SIGNOTHING", Cmd: ["true"] },
      { Volumes: { relative: {} }, Cmd: ["true"] },
      { Volumes: { "/a/../..": {} }, Cmd: ["true"] },
      { Volumes: null, Labels: null, ExposedPorts: null, Cmd: ["true"] },
      { ExposedPorts: { "99999999/tcp": {} }, Cmd: ["true"] },
      { User: "../../etc/passwd", Cmd: ["true"] },
      { User: ":", Cmd: ["true"] },
      { Labels: { "": "x", "a\nb": "c\u001b[2J" }, Cmd: ["true"] },
    ];
    for (const config of odd) {
      const archive = dockerArchive({ layers: [busyboxLayer()], config: config as ImageSettings }, "x:1");
      const [code, said] = failure(await store.hoy(["load", "-q", "-i", fileBeside(store, "x.tar", archive)]));
      if (code !== 0) expect([config, said]).toEqual([config, expect.stringMatching(/^hoy: [^\n]+(\n[^\n]+)?$/)]);
      else {
        const { code: ended, stderr } = await store.hoy(runArgs("x:1"));
        if (ended !== 0) expect([config, stderr]).toEqual([config, expect.stringMatching(/^hoy: [^\n]+\n([^\n]+\n)?$/)]);
        await store.ok(["image", "inspect", "x:1"]);
        await store.ok(["images", "--no-trunc"]);
        await store.ok(["history", "x:1"]);
        await store.ok(["rmi", "x:1"]);
      }
    }
    expect(await store.ok(["ps", "-aq"])).toBe("");
    expect(await store.ok(["volume", "ls", "-q"])).toBe("");
    expect(existsSync("/b")).toBe(false);
  },
  120_000,
);
