/** What the container's first process gets: environment, folder, user, host name, limits, streams. */
import { expect } from "bun:test";
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dist } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";
import { runProbe } from "./run-probe.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const ranged = each([ROOT, ROOTLESS], "busybox");
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const quiet = { calls: [] } as const;
const container = (...args: string[]): string[] => ["run", "--rm", "--network", "none", ...args];

all("the environment is Docker's, and nothing of the caller's", async (store) => {
  const { env, hostname, cwd, umask } = await runProbe(store, [], quiet);
  expect(env).toEqual({ PATH, HOME: "/root", HOSTNAME: hostname });
  expect(hostname).toMatch(/^[0-9a-f]{12}$/);
  expect([cwd, umask]).toEqual(["/", 0o22]);
});

all("-e, --env-file, and a name alone for the caller's value", async (store) => {
  const file = join(store.dir, "env");
  writeFileSync(file, "# a comment\nA=from file\nB=from file\n\nD\n");
  const flags = ["--env-file", file, "-e", "B=from flag", "-e", "C", "-e", "MISSING", "-e", "EMPTY=", "--rootfs", store.rootfs];
  const output = await store.ok(container(...flags, "env"), { env: { C: "from caller", D: "d from caller" } });
  const lines = output.split("\n").filter((line) => !/^(PATH|HOME|HOSTNAME|SHLVL|PWD)=/.test(line));
  expect(lines.sort()).toEqual(["A=from file", "B=from flag", "C=from caller", "D=d from caller", "EMPTY="]);
});

all("-w makes the folder and goes there", async (store) => {
  expect((await runProbe(store, ["-w", "/new/folder"], quiet)).cwd).toBe("/new/folder");
});

all("-h names the host", async (store) => {
  const { hostname, env } = await runProbe(store, ["-h", "box.example"], quiet);
  expect([hostname, env.HOSTNAME]).toEqual(["box.example", "box.example"]);
});

ranged("-u by name, with the groups of the image's files", async (store) => {
  const { uids, gids, groups, env } = await runProbe(store, ["-u", "alice"], quiet);
  expect([uids[0], gids[0], [...groups].sort(), env.HOME]).toEqual([1000, 1000, [1000, 2000], "/home/alice"]);
});

ranged("-u by number, with a group by name, and --group-add", async (store) => {
  const one = await runProbe(store, ["-u", "1234:staff"], quiet);
  expect([one.uids[0], one.gids[0], one.groups, one.env.HOME]).toEqual([1234, 2000, [2000], "/"]);
  const two = await runProbe(store, ["-u", "1234:5678", "--group-add", "staff", "--group-add", "77"], quiet);
  expect([two.gids[0], [...two.groups].sort((a, b) => a - b)]).toEqual([5678, [77, 2000, 5678]]);
});

all("an unknown user is an error", async (store) => {
  const { code, stderr } = await store.hoy(container("-u", "nobody-knows", "--rootfs", store.rootfs, "true"));
  expect(code).toBe(125);
  expect(stderr).toContain("nobody-knows");
});

all("--ulimit", async (store) => {
  const { limits } = await runProbe(store, ["--ulimit", "nofile=100:200", "--ulimit", "core=0"], quiet);
  expect(limits["Max open files"]).toEqual(["100", "200"]);
  expect(limits["Max core file size"]).toEqual(["0", "0"]);
});

all("-i passes standard input and its end", async (store) => {
  const input = "0123456789abcdef".repeat(65_536);
  const { code, stdout } = await store.hoy(container("-i", "--rootfs", store.rootfs, "cat"), { input });
  expect([code, stdout.length, stdout === input]).toEqual([0, input.length, true]);
});

all("without -i standard input is at its end", async (store) => {
  expect(await store.ok(container("--rootfs", store.rootfs, "sh", "-c", "wc -c"), { input: "unheard" })).toBe("0");
});

all("standard output and error stay apart", async (store) => {
  const outcome = await store.hoy(container("--rootfs", store.rootfs, "sh", "-c", "echo one; echo two >&2"));
  expect(outcome).toEqual({ code: 0, stdout: "one\n", stderr: "two\n" });
});

all("--entrypoint goes before the words, and --init reaps", async (store) => {
  expect(await store.ok(container("--entrypoint", "echo", "--rootfs", store.rootfs, "a", "b c"))).toBe("a b c");
  const script = "(sleep 0.1 & exec true); sleep 0.4; grep -h ^State /proc/[0-9]*/status | grep -c Z";
  expect((await store.hoy(container("--init", "--rootfs", store.rootfs, "sh", "-c", script))).stdout).toBe("0\n");
});

all("/etc/hosts, /etc/hostname and /etc/resolv.conf are the container's own", async (store) => {
  const { texts } = await runProbe(store, ["-h", "me", "--add-host", "db:10.1.2.3", "--dns", "192.0.2.1", "--dns-search", "example.org"], {
    cat: ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"],
    calls: [],
  });
  expect(texts["/etc/hosts"]).toContain("127.0.0.1\tlocalhost");
  expect(texts["/etc/hosts"]).toMatch(/^10\.1\.2\.3\s+db$/m);
  expect(texts["/etc/hostname"]).toBe("me\n");
});

all("the search for a program goes on after what is no folder, a loop of links, and a name that is too long", async (store) => {
  symlinkSync("loop", join(store.dir, "loop"));
  const odd = ["/etc/passwd", "/data/loop", `/${"a".repeat(300)}`, `${"/a".repeat(2_100)}`];
  const flags = (...folders: string[]) => ["-v", `${store.dir}:/data`, "-e", `PATH=${folders.join(":")}`, "--rootfs", store.rootfs];
  expect(await store.ok(container(...flags(...odd, "/bin"), "echo", "found"))).toBe("found");
  for (const folder of odd) {
    const { code, stderr } = await store.hoy(container(...flags("/bin", folder), "no-such-program"));
    expect([code, stderr]).toEqual([127, expect.stringContaining('exec: "no-such-program": executable file not found in $PATH')]);
  }
});

ranged("-w may be a folder that only root can enter", async (store) => {
  const closed = join(store.dir, "closed");
  mkdirSync(closed, { mode: 0o700 });
  if (store.user) chownSync(closed, store.user.uid, store.user.gid);
  const flags = ["-u", "1000", "-w", "/closed", "-v", `${closed}:/closed`, "--rootfs", store.rootfs];
  expect(await store.ok(container(...flags, "readlink", "/proc/self/cwd"))).toBe("/closed");
  const id = await store.ok(["run", "-d", "--network", "none", "-v", `${closed}:/closed`, "--rootfs", store.rootfs, "sleep", "60"]);
  for (const tty of [[], ["-t"]])
    expect(await store.ok(["exec", ...tty, "-u", "1000", "-w", "/closed", id, "readlink", "/proc/self/cwd"])).toStartWith("/closed");
  const { code } = await store.hoy(["exec", "-u", "1000", "-w", "/etc/passwd", id, "true"]);
  expect(code).toBe(126);
  await store.ok(["rm", "-f", id]);
});

ranged("-w through another process's /proc is entered with the user's own rights alone", async (store) => {
  const id = await store.ok(["run", "-d", "--network", "none", "--rootfs", store.rootfs, "sleep", "60"]);
  const { code, stderr } = await store.hoy(["exec", "-u", "1000", "-w", "/proc/1/root", id, "pwd"]);
  expect([code, stderr]).toEqual([126, expect.stringContaining("chdir to /proc/1/root: permission denied")]);
  await store.ok(["rm", "-f", id]);
});

const exec = (store: TestStore, id: string, flags: string[], script: string): Promise<string> =>
  store.ok(["exec", ...flags, id, "sh", "-c", script]);

ranged("exec -u: the groups of --group-add, and a home of the user's own unless one is configured", async (store) => {
  const start = (...flags: string[]) => store.ok(["run", "-d", "--network", "none", ...flags, "--rootfs", store.rootfs, "sleep", "60"]);
  const plain = await start("--group-add", "77", "-u", "1234");
  expect(await exec(store, plain, [], "id -G; echo $HOME")).toBe("0 77\n/");
  expect(await exec(store, plain, ["-u", "alice"], "id -G; echo $HOME")).toBe("1000 77 2000\n/home/alice");
  expect(await exec(store, plain, ["-u", "alice", "-e", "HOME=/mine"], "echo $HOME")).toBe("/mine");
  expect(await exec(store, plain, ["-u", "alice", "-e", "HOME="], "echo $HOME")).toBe("/home/alice");
  const configured = await start("-e", "HOME=/configured");
  expect(await exec(store, configured, ["-u", "alice"], "echo $HOME")).toBe("/configured");
  expect(await exec(store, configured, [], "echo $HOME")).toBe("/configured");
  await store.ok(["rm", "-f", plain, configured]);
});

each([ROOT], "busybox")("exec has the container's oom_score_adj, not the caller's", async (store) => {
  const id = await store.ok(["run", "-d", "--network", "none", "--rootfs", store.rootfs, "sleep", "60"]);
  const asked = ["exec", id, "cat", "/proc/self/oom_score_adj"];
  const { stdout } = Bun.spawnSync(["sh", "-c", 'echo 300 > /proc/self/oom_score_adj; exec "$@"', "sh", dist(), ...asked], {
    env: cleanEnv({ ...store.env, HOY_ROOT: store.root }),
  });
  expect(stdout.toString()).toBe("0\n");
  await store.ok(["rm", "-f", id]);
});
