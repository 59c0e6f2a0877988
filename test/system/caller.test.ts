/** What hoy says to whom called it, and what it takes from there: its name, exit codes of create, variables, cidfile, debug words. */
import { expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxImage, dockerArchive } from "../harness/images.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { failure, fileBeside } from "./image-store.ts";
import { rows } from "./rest.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");
const root = each([ROOT], "busybox");

root("called as docker, errors speak of docker", async (store) => {
  const as = async (argv0: string | undefined, ...args: string[]) => (await store.hoy(args, argv0 ? { argv0 } : {})).stderr.split("\n")[0];
  expect(await as("docker", "inspect", "--type", "nope", "x")).toStartWith("docker: unknown type");
  expect(await as("/usr/bin/docker", "rm", "nope")).toBe("docker: No such container: nope");
  expect(await as(undefined, "rm", "nope")).toBe("hoy: No such container: nope");
  const flags = ["--rm", "--network", "none", "--mount", "type=image,src=nope,dst=/x", "--rootfs", store.rootfs, "true"];
  expect((await store.hoy(["run", ...flags], { argv0: "docker" })).stderr).toContain("docker pull nope");
});

root("create: 125 for what the client refuses, 1 for the engine's errors", async (store) => {
  await store.ok(["create", "--name", "taken", "--rootfs", store.rootfs, "true"]);
  const code = async (...flags: string[]) => (await store.hoy(["create", ...flags, "--rootfs", store.rootfs, "true"])).code;
  const client = [
    ["-l", "=x"],
    ["--ulimit", "bogus=1"],
    ["--pull", "bogus"],
    ["--label-file", "/nope"],
    ["--env-file", "/nope"],
    ["--network", "none", "--network", "none"],
  ];
  for (const flags of client) expect([flags, await code(...flags)]).toEqual([flags, 125]);
  const engine = [
    ["--name", "taken"],
    ["--cidfile", "/nope/cid"],
    ["--name", "-bad-"],
  ];
  for (const flags of engine) expect([flags, await code(...flags)]).toEqual([flags, 1]);
  expect(rows(store).map(({ name }) => name)).toEqual(["taken"]);
});

all("--cidfile in a place that cannot be written: Docker's words, and no container", async (store) => {
  const where = ["--cidfile", "/nope/cid", "--network", "none", "--rootfs", store.rootfs, "true"];
  const words = "hoy: failed to create the container ID file: open /nope/cid: no such file or directory";
  expect(failure(await store.hoy(["create", ...where]))).toEqual([1, words]);
  expect(failure(await store.hoy(["run", ...where]))).toEqual([125, words]);
  expect(rows(store)).toEqual([]);
  const file = join(store.dir, "cid");
  const bad = ["--cidfile", file, "--network", "none", "--mount", "type=bind,src=/nope,dst=/x", "--rootfs", store.rootfs, "true"];
  expect((await store.hoy(["run", ...bad])).code).toBe(125);
  expect(existsSync(file)).toBe(false);
});

all("-e NAME and --env-file pass BUN_* on, which hoy itself does not see", async (store) => {
  const file = join(store.dir, "env");
  writeFileSync(file, "BUN_FROM_FILE\n", { mode: 0o644 });
  const env = { BUN_GIVEN: "one", BUN_FROM_FILE: "two", BUN_KEPT: "not asked for" };
  const common = ["--network", "none", "--rootfs", store.rootfs];
  const show = 'echo "$BUN_GIVEN,$BUN_FROM_FILE,$BUN_KEPT,$(env | grep -c HOY_)"';
  const flags = ["-e", "BUN_GIVEN", "--env-file", file];
  expect(await store.ok(["run", "--rm", ...flags, ...common, "sh", "-c", show], { env })).toBe("one,two,,0");
  const id = await store.ok(["run", "-d", ...common, "sleep", "60"]);
  expect(await store.ok(["exec", ...flags, id, "sh", "-c", show], { env })).toBe("one,two,,0");
  const { pid } = JSON.parse(await store.ok(["inspect", "-f", '{"pid":{{.State.Pid}}}', id]));
  expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toContain("BUN_");
  await store.ok(["rm", "-f", id]);
});

root("words of the container's command do not switch debugging on", async (store) => {
  const run = (...globals: string[]) =>
    store.hoy([...globals, "run", "--rm", "--network", "none", "--rootfs", store.rootfs, "/nope", "debug", "-D", "--debug"]);
  expect((await run()).stderr.trimEnd().split("\n")).toHaveLength(1);
  expect((await run("--debug")).stderr).toContain("\n    at ");
  expect((await run("--log-level", "debug")).stderr).toContain("\n    at ");
});

root("an image of another platform is warned of, unless it was asked for", async (store) => {
  const other = process.arch === "arm64" ? "amd64" : "arm64";
  const host = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
  await store.ok(["load", "-i", fileBeside(store, "foreign.tar", dockerArchive({ ...busyboxImage(), architecture: other }, "foreign:1"))]);
  await store.ok(["load", "-i", fileBeside(store, "own.tar", dockerArchive(busyboxImage(), "own:1"))]);
  const warning = `WARNING: The requested image's platform (linux/${other}) does not match the detected host platform (${host}) and no specific platform was requested\n`;
  const told = async (...args: string[]) => {
    const { code, stderr } = await store.hoy(args);
    return [code, stderr];
  };
  expect(await told("create", "foreign:1")).toEqual([0, warning]);
  // busybox is this machine's all the same
  expect(await told("run", "--rm", "--network", "none", "foreign:1", "true")).toEqual([0, warning]);
  expect(await told("create", "--platform", `linux/${other}`, "foreign:1")).toEqual([0, ""]);
  expect(await told("create", "own:1")).toEqual([0, ""]);
});
