/** `container prune`, `volume prune`, `system prune` and `system df`. */
import { expect } from "bun:test";
import { dist } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { dockerArchive, type TestImage } from "../harness/images.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import { onPty } from "../harness/pty.ts";
import type { TestStore } from "../harness/store.ts";
import { fileBeside } from "./image-store.ts";
import { query } from "./rest.ts";

const run = (store: TestStore, name: string, command: string, ...flags: string[]): Promise<string> =>
  store.ok(["run", "--name", name, "--network", "none", ...flags, "--rootfs", store.rootfs, "sh", "-c", command]);

const names = (store: TestStore): Promise<string> => store.ok(["ps", "-a", "--format", "{{.Names}}"]);
const idOf = (store: TestStore, name: string): Promise<string> => store.ok(["inspect", "-f", "{{.Id}}", name]);

async function refused(store: TestStore, args: readonly string[], message: string): Promise<void> {
  const { code, stdout, stderr } = await store.hoy(args);
  expect([code, stdout, stderr]).toEqual([1, "", expect.stringContaining(message)]);
}

each([ROOT, ROOTLESS], "busybox")("container prune takes what does not run, by label and age", async (store) => {
  await run(store, "up", "sleep 1000", "-d");
  await run(store, "ended", "head -c 2000 /dev/zero > /f");
  await run(store, "kept", "true", "--label", "keep=yes");
  await store.ok(["create", "--name", "never", "--rootfs", store.rootfs, "true"]);
  await refused(
    store,
    ["container", "prune"],
    "container prune asks before it removes anything, and standard input is no terminal\n-f does not ask",
  );
  await refused(store, ["container", "prune", "-f", "--filter", "name=x"], "invalid filter 'name'");
  const nothing = "Total reclaimed space: 0B";
  expect(await store.ok(["container", "prune", "-f", "--filter", "until=1h"])).toBe(nothing);
  const gone = [await idOf(store, "never"), await idOf(store, "ended")];
  expect(await store.ok(["container", "prune", "--force", "--filter", "label!=keep=yes"])).toBe(
    `Deleted Containers:\n${gone.join("\n")}\n\nTotal reclaimed space: 2kB`,
  );
  expect(await names(store)).toBe("kept\nup");
  const kept = await idOf(store, "kept");
  expect(await store.ok(["container", "prune", "-f", "--filter", "label=keep"])).toBe(`Deleted Containers:\n${kept}\n\n${nothing}`);
  expect(await store.ok(["container", "prune", "-f"])).toBe(nothing);
  const told = query<{ attributes: string }>(
    store,
    "SELECT attributes FROM events WHERE type = 'container' AND action = 'prune' ORDER BY seq",
  );
  expect(told.map(({ attributes }) => JSON.parse(attributes) as unknown)).toEqual(
    ["0", "2000", "0", "0"].map((reclaimed) => ({ reclaimed })),
  );
});

each([ROOT, ROOTLESS], "busybox")("volume prune takes volumes without a name, with -a all that no container has", async (store) => {
  await run(store, "one", "head -c 3000 /dev/zero > /anonymous/f; echo > /named/f", "-v", "/anonymous", "-v", "named:/named");
  await store.ok(["volume", "create", "--label", "keep=yes", "other"]);
  const made = await store.ok(["volume", "create"]);
  await refused(store, ["volume", "prune"], "volume prune asks before it removes anything");
  expect(await store.ok(["volume", "prune", "-f"])).toBe(`Deleted Volumes:\n${made}\n\nTotal reclaimed space: 0B`);
  const anonymous = await store.ok(["volume", "ls", "-q", "--filter", "name=^[0-9a-f]{64}$"]);
  await store.ok(["rm", "one"]);
  expect(await store.ok(["volume", "prune", "-f"])).toBe(`Deleted Volumes:\n${anonymous}\n\nTotal reclaimed space: 3kB`);
  await refused(
    store,
    ["volume", "prune", "-f", "-a", "--filter", "all=1"],
    "conflicting options: cannot specify both --all and --filter all=1",
  );
  expect(await store.ok(["volume", "prune", "-f", "-a", "--filter", "label!=keep"])).toBe(
    "Deleted Volumes:\nnamed\n\nTotal reclaimed space: 1B",
  );
  expect(await store.ok(["volume", "prune", "-f", "--filter", "all=true"])).toBe("Deleted Volumes:\nother\n\nTotal reclaimed space: 0B");
});

const dataImage = (size: number): TestImage => ({ layers: [[{ name: "f", data: "x".repeat(size) }]] });

each([ROOT, ROOTLESS], "busybox")("system prune asks first, and takes what its question says", async (store) => {
  await store.ok(["load", "-q", "-i", fileBeside(store, "one.tar", dockerArchive(dataImage(1000), "one:1"))]);
  await run(store, "ended", "true", "-v", "/anonymous");
  const answered = async (answer: string, ...flags: string[]): Promise<[number, string]> => {
    const env = cleanEnv({ ...store.env, HOY_ROOT: store.root });
    await using session = onPty([dist(), "system", "prune", ...flags], { env, user: store.user });
    await session.see("[y/N] ");
    session.type(`${answer}\r`);
    const code = await session.exited;
    return [code, session.shown.replaceAll("\r\n", "\n")];
  };
  if (!store.user) {
    const [code, shown] = await answered("n", "--volumes", "--filter", "label!=x");
    expect(code).toBe(1);
    expect(shown).toStartWith(`WARNING! This will remove:
  - all stopped containers
  - all anonymous volumes not used by at least one container
  - all dangling images

  Items to be pruned will be filtered with:
  - label!=x

Are you sure you want to continue? [y/N] `);
    expect(shown).toContain("hoy: system prune has been cancelled");
    expect(await names(store)).toBe("ended");
    const [done, text] = await answered("y");
    expect([done, text]).toEqual([0, expect.stringContaining("Deleted Containers:\n")]);
  } else {
    await refused(store, ["system", "prune", "-a"], "system prune asks before it removes anything");
    await store.ok(["system", "prune", "-f"]);
  }
  expect([
    await names(store),
    (await store.ok(["volume", "ls", "-q"])).length,
    await store.ok(["image", "ls", "--format", "{{.Repository}}"]),
  ]).toEqual(["", 64, "one"]);
  await refused(
    store,
    ["system", "prune", "-f", "--volumes", "--filter", "until=1h"],
    'The "until" filter is not supported with "--volumes"',
  );
  const text = await store.ok(["system", "prune", "-a", "-f", "--volumes"]);
  expect(text).toMatch(
    /^Deleted Volumes:\n[0-9a-f]{64}\n\nDeleted Images:\nuntagged: one:1\ndeleted: sha256:[\s\S]*\nTotal reclaimed space: [1-9][\d.]*k?B$/,
  );
  expect(await store.ok(["system", "prune", "-f", "-a", "--volumes"])).toBe("Total reclaimed space: 0B");
});

each([ROOT, ROOTLESS], "busybox")("system df: what is there, what is in use, what could go", async (store) => {
  const [shared, own] = [
    { name: "f", data: "x".repeat(1000) },
    { name: "g", data: "y".repeat(500) },
  ];
  await store.ok(["load", "-q", "-i", fileBeside(store, "one.tar", dockerArchive({ layers: [[shared]] }, "one:1"))]);
  await store.ok(["load", "-q", "-i", fileBeside(store, "two.tar", dockerArchive({ layers: [[shared], [own]] }, "two:1", "two:2"))]);
  await store.ok(["create", "--name", "image", "two:1", "true"]);
  await run(store, "up", "head -c 4000 /dev/zero > /f; sleep 1000", "-d", "-v", "used:/v");
  await run(store, "ended", "head -c 6000 /dev/zero > /f");
  await store.ok(["volume", "create", "free"]);
  const pid = await store.ok(["inspect", "-f", "{{.State.Pid}}", "up"]);
  if (!store.user) await Bun.write(`/proc/${pid}/root/v/f`, "12345");
  const bytes = store.user ? "0B" : "5B";
  const lines = (await store.ok(["system", "df", "--format", "json"])).split("\n").map((line) => JSON.parse(line) as unknown);
  expect(lines).toEqual([
    { Type: "Images", TotalCount: "2", Active: "1", Size: "1.5kB", Reclaimable: "1kB (66%)" },
    { Type: "Containers", TotalCount: "3", Active: "1", Size: "10kB", Reclaimable: "6kB (60%)" },
    { Type: "Local Volumes", TotalCount: "2", Active: "1", Size: bytes, Reclaimable: store.user ? "0B" : "0B (0%)" },
    { Type: "Build Cache", TotalCount: "0", Active: "0", Size: "0B", Reclaimable: "0B" },
  ]);
  const table = (await store.ok(["system", "df"])).split("\n");
  expect(table[0]).toBe("TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE");
  expect(table[2]).toBe("Containers      3         1         10kB      6kB (60%)");
  const detail = await store.ok(["system", "df", "-v"]);
  expect(detail).toMatch(/\none +1 +[0-9a-f]{12} +\S.* 1kB +1kB +0B +0\n/);
  expect(detail).toMatch(/\ntwo +1 +[0-9a-f]{12} +\S.* 1.5kB +1kB +500B +1\n/);
  expect(detail).toMatch(/\n[0-9a-f]{12} .* 6kB .* Exited \(0\) .* ended\n/);
  expect(detail).toMatch(/\nfree +0 +0B\n/);
  expect(await store.ok(["system", "df", "-v", "--format", "{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}};{{end}}"])).toBe(
    `free 0 0B;used 1 ${bytes};`,
  );
  const whole = JSON.parse(await store.ok(["system", "df", "-v", "--format", "json"])) as Record<string, unknown[]>;
  expect(Object.entries(whole).map(([name, list]) => [name, list.length])).toEqual([
    ["Images", 2],
    ["Containers", 3],
    ["Volumes", 2],
    ["BuildCache", 0],
  ]);
});

each([ROOT], "busybox")("the group system has info", async (store) => {
  expect(await store.ok(["system", "info", "-f", "{{.Containers}}"])).toBe("0");
  expect((await store.hoy(["system", "--help"])).stdout).toMatch(
    /\n {2}df +Show docker disk usage\n {2}info +Display system-wide information\n/,
  );
});
