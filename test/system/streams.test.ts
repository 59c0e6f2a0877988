/** Streams of attached containers: nothing is lost, nobody waits for ever, signals arrive, whoever reads or does not. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { dist, distForAll } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { each, ROOT, ROOTLESS } from "../harness/people.ts";
import { CTRL, onPty } from "../harness/pty.ts";
import type { TestStore } from "../harness/store.ts";
import { rows, unrest } from "./rest.ts";

const both = each([ROOT, ROOTLESS], "busybox");
const LONG_MS = 120_000;

const run = (store: TestStore, ...rest: string[]): string[] => ["run", "--rm", "--network", "none", "--rootfs", store.rootfs, ...rest];
const quiet = (store: TestStore, flags: string[], ...rest: string[]): string[] => [
  "run",
  "--rm",
  "--network",
  "none",
  "--log-driver",
  "none",
  ...flags,
  "--rootfs",
  store.rootfs,
  ...rest,
];

const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

async function digestOf(stream: ReadableStream<Uint8Array>): Promise<[bytes: number, digest: string]> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of stream) {
    hash.update(piece);
    bytes += piece.length;
  }
  return [bytes, hash.digest("hex")];
}

/** Bytes without a pattern that a lost or doubled piece could hide in. */
function noise(bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(data.subarray(at, Math.min(at + 65536, bytes)));
  return data;
}

both(
  "100 MB through standard input and back",
  async (store) => {
    const data = noise(100 << 20);
    const child = store.spawn(quiet(store, ["-i"], "cat"), { input: data });
    expect(await digestOf(child.stdout)).toEqual([data.length, sha256(data)]);
    expect(await child.exited).toBe(0);
  },
  LONG_MS,
);

both(
  "200 MB of output",
  async (store) => {
    const child = store.spawn(quiet(store, [], "sh", "-c", "head -c 200000000 /dev/zero | tr '\\0' x"));
    expect(await digestOf(child.stdout)).toEqual([200_000_000, sha256(Buffer.alloc(200_000_000, "x"))]);
    expect(await child.exited).toBe(0);
  },
  LONG_MS,
);

both("a reader that begins long after the container's end still gets all of it, and the exit code", async (store) => {
  // Each fills other buffers on the way: the pipes, the sockets, the monitor.
  await Promise.all(
    [100, 300, 400, 450, 500, 700].map(async (kilobytes) => {
      const child = Bun.spawn(
        [
          "sh",
          "-c",
          '"$@" | (sleep 3.5; wc -c)',
          "sh",
          store.user ? distForAll() : dist(),
          ...run(store, "sh", "-c", `head -c ${kilobytes}000 /dev/zero; exit 3`),
        ],
        {
          ...(store.user ? { uid: store.user.uid, gid: store.user.gid } : {}),
          env: cleanEnv({ ...store.env, HOY_ROOT: store.root }),
          cwd: "/",
          stderr: "inherit",
        },
      );
      expect((await new Response(child.stdout).text()).trim()).toBe(`${kilobytes}000`);
    }),
  );
  expect(await unrest(store)).toEqual([]);
});

both("input that nobody reads does not hold up output", async (store) => {
  const child = store.spawn(quiet(store, ["-i"], "sh", "-c", "head -c 10000000 /dev/zero; cat > /dev/null"), { input: noise(20 << 20) });
  expect((await digestOf(child.stdout))[0]).toBe(10_000_000);
  expect(await child.exited).toBe(0);
});

/** Whether the process has opened a socket. */
function hasSocket(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:"));
  } catch {
    return false; // a descriptor that was just closed
  }
}

both("a listener that does not read holds up neither the container nor the others for long", async (store) => {
  const here = join(store.dir, "here");
  mkdirSync(here, { mode: 0o755 });
  const script = "until [ -e /here/all ]; do sleep 0.05; done; head -c 3000000 /dev/zero; echo; echo end; sleep 0.5";
  const id = await store.ok(["run", "-d", "--network", "none", "-v", `${here}:/here`, "--rootfs", store.rootfs, "sh", "-c", script]);
  const socket = join(store.paths.run, "containers", id.slice(0, 12), "attach.sock");
  const stalled = createConnection(socket).pause();
  const others = Array.from({ length: 3 }, () => store.spawn(["attach", "--no-stdin", id]));
  while (!others.every(({ pid }) => hasSocket(pid))) await Bun.sleep(20);
  await Bun.sleep(300); // between the socket and its connection
  writeFileSync(join(here, "all"), "");
  const outputs = await Promise.all(others.map((child) => digestOf(child.stdout)));
  expect(outputs.map(([bytes]) => bytes)).toEqual([3_000_005, 3_000_005, 3_000_005]);
  expect(await store.ok(["wait", id])).toBe("0");
  expect((await store.ok(["logs", "--tail", "1", id])).trim()).toBe("end");
  stalled.destroy();
});

both("a signal at any moment after the start reaches the container", async (store) => {
  const script = "trap 'exit 9' TERM; trap 'exit 8' INT; while true; do sleep 0.02; done";
  for (const [signal, code] of [
    ["SIGTERM", 9],
    ["SIGINT", 8],
  ] as const)
    for (const moment of [0, 20, 60, 200]) {
      const child = store.spawn(run(store, "sh", "-c", `${moment ? "" : "echo up;"}${script}`));
      if (moment === 0) await child.stdout.getReader().read();
      else
        for (const end = Date.now() + 5_000; Date.now() < end && rows(store).every(({ state }) => state !== "running"); )
          await Bun.sleep(2);
      await Bun.sleep(moment);
      child.kill(signal);
      expect([signal, moment, await child.exited]).toEqual([signal, moment, code]);
    }
  expect(await unrest(store)).toEqual([]);
  expect(rows(store)).toEqual([]);
});

both("a program without a handler, under --init: 143 and 130", async (store) => {
  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    const child = store.spawn([
      "run",
      "--rm",
      "--init",
      "--network",
      "none",
      "--rootfs",
      store.rootfs,
      "sh",
      "-c",
      "echo up; exec sleep 30",
    ]);
    await child.stdout.getReader().read();
    child.kill(signal);
    expect(await child.exited).toBe(code);
  }
});

both("a reader that leaves ends hoy as SIGPIPE would; a full disk behind standard output is told", async (store) => {
  const child = store.spawn(run(store, "sh", "-c", "while echo y; do :; done"));
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(await child.exited).toBe(141);
  await store.ok(["rm", "-f", ...rows(store).map(({ id }) => id)]);
  const full = Bun.spawn([store.user ? distForAll() : dist(), ...run(store, "echo", "hi")], {
    ...(store.user ? { uid: store.user.uid, gid: store.user.gid } : {}),
    env: cleanEnv({ ...store.env, HOY_ROOT: store.root }),
    cwd: "/",
    stdout: Bun.file("/dev/full"),
    stderr: "pipe",
  });
  expect(await full.exited).not.toBe(0);
  const text = await new Response(full.stderr).text();
  expect(text).toContain("no space left on device");
  expect(text).not.toContain("internal error");
  expect(await unrest(store)).toEqual([]);
});

both("detach keys leave it running, attach finds it again; Ctrl-C is a key with -t", async (store) => {
  const options = { env: cleanEnv({ ...store.env, HOY_ROOT: store.root }), user: store.user };
  const hoy = store.user ? distForAll() : dist();
  const script = "trap 'echo got; exit 7' INT; echo ready; while true; do sleep 0.02; done";
  {
    await using first = onPty(
      [hoy, "run", "-it", "--name", "one", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", script],
      options,
    );
    await first.see("ready");
    first.type(CTRL.P + CTRL.Q);
    expect(await first.exited).toBe(0);
  }
  expect(rows(store).map(({ state }) => state)).toEqual(["running"]);
  await using again = onPty([hoy, "attach", "one"], options);
  await Bun.sleep(300);
  again.type(CTRL.C);
  await again.see("got");
  expect(await again.exited).toBe(7);
});

both("Ctrl-C without -t is a signal that is passed on", async (store) => {
  const options = { env: cleanEnv({ ...store.env, HOY_ROOT: store.root }), user: store.user };
  const command = run(store, "sh", "-c", "trap 'echo got; exit 7' INT; echo ready; while true; do sleep 0.02; done");
  await using session = onPty([store.user ? distForAll() : dist(), ...command], options);
  await session.see("ready");
  session.type(CTRL.C);
  await session.see("got");
  expect(await session.exited).toBe(7);
});

both("lines longer than 16 KiB, bytes that are no UTF-8, NUL: as they are on the stream, and in the log as JSON", async (store) => {
  const script = "head -c 40000 /dev/zero | tr '\\0' a; echo; printf 'x\\377y\\000z\\n'; printf 'no newline'";
  const id = await store.ok(["create", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", script]);
  const child = store.spawn(["start", "-a", id]);
  const raw = Buffer.from(await new Response(child.stdout).arrayBuffer());
  expect(raw.equals(Buffer.concat([Buffer.alloc(40_000, "a"), Buffer.from("\nx\xffy\0z\nno newline", "latin1")]))).toBe(true);
  const lines = readFileSync(join(store.root, "containers", id, "log.json"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { log: string });
  expect(lines.map(({ log }) => log.length)).toEqual([16384, 16384, 40_001 - 32768, 6, 10]);
  expect(lines.slice(3).map(({ log }) => log)).toEqual(["x\ufffdy\0z\n", "no newline"]);
});

both("the log is rotated: as many files as asked for, none larger, and the last line is there", async (store) => {
  const flags = ["--log-opt", "max-size=10k", "--log-opt", "max-file=3"];
  const script = "i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done";
  const id = await store.ok(["run", "-d", ...flags, "--network", "none", "--rootfs", store.rootfs, "sh", "-c", script]);
  await store.ok(["wait", id]);
  const folder = join(store.root, "containers", id);
  const files = ["log.json.2", "log.json.1", "log.json"].map((name) => readFileSync(join(folder, name), "utf8"));
  for (const text of files) expect(text.length).toBeLessThanOrEqual(10_240 + 100);
  const numbers = files.flatMap((text) =>
    text
      .trim()
      .split("\n")
      .map((line) => Number((JSON.parse(line) as { log: string }).log.slice(5))),
  );
  expect(numbers).toEqual(numbers.map((_, index) => 1000 - numbers.length + index));
  expect((await store.ok(["logs", "--tail", "2", id])).split("\n")).toEqual(["line 998", "line 999"]);
});

both("the third SIGTERM leaves a container that ignores them, and lets it run", async (store) => {
  const script = "trap 'echo got' TERM; echo ready; while :; do sleep 0.05; done";
  const child = store.spawn(["run", "--name", "stubborn", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", script]);
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  for (let signals = 0; signals < 3; signals++) {
    while (seen.split("\n").length <= signals + 1) seen += (await lines.read()).value ?? "";
    child.kill("SIGTERM");
  }
  expect([await child.exited, await new Response(child.stderr).text()]).toEqual([1, "\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n"]);
  expect(await store.ok(["ps", "--format", "{{.Names}}"])).toBe("stubborn");
  await store.ok(["rm", "-f", "stubborn"]);
});
