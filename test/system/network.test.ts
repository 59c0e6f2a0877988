/** The default network of a container, as the compiled binary connects it: a host and an outside in network namespaces of their own. */
import { expect } from "bun:test";
import type { Fd } from "../../ffi/fd.ts";
import { distForAll } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { type Person, ROOT, ROOTLESS } from "../harness/people.ts";
import { requires } from "../harness/requires.ts";
import { type TestStore, testStore } from "../harness/store.ts";
import { HOST, hostAndOutside, NEIGHBOUR, runInside, whoAmI } from "../network/scratch.ts";

/** Runs `hoy ARGS…` on the host that the namespace is; `hidden` is a program that it does not find. */
async function hoyOn(host: Fd, store: TestStore, args: readonly string[], hidden?: string): Promise<[number, string, string]> {
  const { user } = store;
  const hide = hidden === undefined ? [] : ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"', hidden];
  const become = user ? ["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"] : [];
  const child = Bun.spawn(["nsenter", `--net=/proc/${process.pid}/fd/${host.number}`, ...hide, ...become, distForAll(), ...args], {
    cwd: "/",
    env: cleanEnv({ ...store.env, HOY_ROOT: store.root }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return [await child.exited, ...output];
}

interface Case {
  title: string;
  person: Person;
  needs: readonly string[];
  hidden?: string;
}

const slirp = Bun.which("slirp4netns");

const CASES: readonly Case[] = [
  { title: "root, bridge with NAT", person: ROOT, needs: ["nf_tables"] },
  { title: "rootless, slirp4netns", person: ROOTLESS, needs: ["user-tun", "slirp4netns"] },
  { title: "rootless, pasta", person: ROOTLESS, needs: ["user-tun", "pasta"], ...(slirp ? { hidden: slirp } : {}) },
];

for (const { title, person, needs, hidden } of CASES)
  requires(
    "root",
    ...person.needs,
    ...needs,
    "busybox",
    "nsenter",
    "setpriv",
    "unshare",
    "ip",
  )(`a container reaches the outside under the host's address (${title})`, async () => {
    const user = person.user();
    const { host, outside } = hostAndOutside();
    using _host = host;
    using _outside = outside;
    using server = whoAmI(outside);
    await runInside(host, "ip", "route", "add", "default", "via", NEIGHBOUR);
    await using store = await testStore(user ? { user } : {});
    // The input stays open for a moment: Debian 12's pasta loses the answer to a connection that is half closed at once.
    const ask = `sleep 0.5 | timeout 5 nc ${NEIGHBOUR} ${server.port}`;
    const call = ["run", "--rm", "--rootfs", store.rootfs, "sh", "-c", ask];
    for (let run = 0; run < 2; run++) expect(await hoyOn(host, store, call, hidden)).toEqual([0, HOST, ""]);
  });
