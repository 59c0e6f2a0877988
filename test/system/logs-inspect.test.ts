/** `logs` and `inspect` of real containers. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import type { TestStore } from "../harness/store.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");

const detach = (store: TestStore, flags: readonly string[], script: string): Promise<string> =>
  store.ok(["run", "-d", "--network", "none", "--name", "box", ...flags, "--rootfs", store.rootfs, "sh", "-c", script]);

all("logs has both streams, tails, times, and ends with the container", async (store) => {
  await detach(store, [], "echo one; echo two >&2; sleep 0.3; echo three");
  const followed = await store.hoy(["logs", "-f", "box"]);
  expect(followed).toMatchObject({ code: 0, stdout: "one\nthree\n", stderr: "two\n" });
  expect(await store.ok(["logs", "--tail", "1", "box"])).toBe("three");
  expect(await store.ok(["logs", "-n1", "-t", "box"])).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z three$/);
  expect(await store.ok(["logs", "--since", "1h", "box"])).toBe("one\nthree");
  expect(await store.ok(["logs", "--until", "1h", "box"])).toBe("");
});

all("follow goes over rotations, of which the newest files stay", async (store) => {
  await detach(store, ["--log-opt", "max-size=4k", "--log-opt", "max-file=3"], "for i in $(seq 300); do echo line $i; done; sleep 0.2");
  await store.ok(["wait", "box"]);
  const kept = (await store.ok(["logs", "box"])).split("\n");
  expect(kept.length).toBeLessThan(300);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => `line ${301 - kept.length + i}`));
});

all("inspect tells the state and the requested options", async (store) => {
  await detach(
    store,
    ["-e", "A=1", "--read-only", "-v", "/here", "--stop-timeout", "1"],
    "trap 'exit 3' TERM; while :; do sleep 0.05; done",
  );
  const [running] = JSON.parse(await store.ok(["inspect", "box"]));
  expect(running).toMatchObject({
    Name: "/box",
    Path: "sh",
    State: { Status: "running", Running: true, ExitCode: 0 },
    HostConfig: { ReadonlyRootfs: true, NetworkMode: "none" },
    Config: { Env: ["A=1"], StopTimeout: 1 },
    Mounts: [{ Type: "volume", Destination: "/here", RW: true }],
  });
  expect(existsSync(`/proc/${running.State.Pid}`)).toBe(true);
  expect(existsSync(running.LogPath)).toBe(true);
  expect(await store.ok(["inspect", "-f", "{{.State.Status}} {{len .Mounts}}", "box"])).toBe("running 1");
  expect(await store.ok(["inspect", "--type", "volume", "-f", "{{.Mountpoint}}", running.Mounts[0].Name])).toBe(running.Mounts[0].Source);
  await store.ok(["kill", "box"]);
  await store.ok(["wait", "box"]);
  expect(await store.ok(["container", "inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}", "box"])).toBe(
    "exited 137 0",
  );
});

all("what is not there is said, and the rest is printed", async (store) => {
  await store.ok(["create", "--network", "none", "--name", "box", "--rootfs", store.rootfs, "true"]);
  const { code, stdout, stderr } = await store.hoy(["inspect", "nope", "box"]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toHaveLength(1);
  expect(stderr).toContain("No such object: nope");
  expect((await store.hoy(["container", "inspect", "nope"])).stderr).toContain("No such container: nope");
  expect((await store.hoy(["logs", "nope"])).stderr).toContain("No such container: nope");
  expect((await store.hoy(["logs", "--tail", "x", "box"])).stderr).toContain('invalid value "x" for "--tail"');
});
