/**
 * `rootless-run.ts PROGRAM FOLDER ADDRESS PORT`, inside a user and mount namespace: connects a new network namespace through the
 * program, prints as JSON what a TCP server answers in there, and whether the program ended each way.
 */
import { readdirSync } from "node:fs";
import { pipe } from "../../ffi/fd.ts";
import { type RootlessHelper, startRootlessNetwork, stopRootlessNetwork } from "../../src/network/rootless.ts";

const [program = "", folder = "", address, port] = process.argv.slice(2);
const helper = { program, path: Bun.which(program) ?? program } as RootlessHelper;

async function ended(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt++) {
    // A zombie is a process that its parent, this one, has not yet waited for.
    const state = await Bun.file(`/proc/${pid}/stat`)
      .text()
      .then((text) => text.replace(/^.*\) /s, "")[0])
      .catch(() => "gone");
    if (state === "gone" || state === "Z") return true;
    await Bun.sleep(20);
  }
  return false;
}

async function inContainer<T>(work: (namespace: string) => Promise<T>): Promise<T> {
  const holder = Bun.spawn(["unshare", "--net", "sh", "-c", "echo ready; exec sleep 30"], { stdin: "ignore", stdout: "pipe" });
  try {
    await holder.stdout.getReader().read();
    return await work(`/proc/${holder.pid}/ns/net`);
  } finally {
    holder.kill();
    await holder.exited;
  }
}

const answer = await inContainer(async (namespace) => {
  const pid = startRootlessNetwork({ helper, namespace, folder });
  const client = Bun.spawn(
    ["nsenter", `--net=${namespace}`, "timeout", "3", "bash", "-c", `exec 3<>/dev/tcp/${address}/${port} && cat <&3`],
    { stdin: "ignore", stdout: "pipe" },
  );
  const text = await new Response(client.stdout).text();
  stopRootlessNetwork(folder);
  return { text, stopped: await ended(pid), left: readdirSync(folder) };
});

const endsWithPipe = await inContainer(async (namespace) => {
  if (program !== "slirp4netns") return undefined;
  const [exit, held] = pipe();
  const pid = startRootlessNetwork({ helper, namespace, folder, exit });
  exit.close();
  held.close();
  const gone = await ended(pid);
  stopRootlessNetwork(folder);
  return gone;
});

console.log(JSON.stringify({ ...answer, endsWithPipe }));
