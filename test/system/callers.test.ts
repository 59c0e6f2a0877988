/** Other engines run containers on `hoy runtime`, as Debian has them: podman with conmon, containerd with its shim. */
import { expect } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dist } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { busyboxImage, dockerArchive } from "../harness/images.ts";
import { requires } from "../harness/requires.ts";

const IMAGE = "localhost/callers:1";

/** A folder with the image's archive, and a link by which hoy is a runtime; the engine's own data goes with it. */
class Place implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), "hoyc-"));
  readonly archive = join(this.dir, "image.tar");
  readonly runtime = join(this.dir, "hoy-runtime");

  constructor() {
    writeFileSync(this.archive, dockerArchive(busyboxImage(), IMAGE));
    symlinkSync(dist(), this.runtime);
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Runs an engine's command and returns its standard output; throws with what it said unless it ends with `code`. */
async function say(
  command: readonly string[],
  { code = 0, env = {} }: { code?: number; env?: Record<string, string> } = {},
): Promise<string> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe", env: cleanEnv(env) });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (child.exitCode !== code) throw new Error(`${command.join(" ")} ended with ${child.exitCode}: ${err}${out}`);
  return out.trimEnd();
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await done()); await Bun.sleep(50))
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`);
}

requires(
  "root",
  "namespaces",
  "busybox",
  "podman",
  "conmon",
)(
  "podman: run, exec, logs, pause, stop and rm",
  async () => {
    using place = new Place();
    const { dir } = place;
    // its own limits would need rights that a container has not
    writeFileSync(join(dir, "containers.conf"), '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n');
    const env = { CONTAINERS_CONF: join(dir, "containers.conf"), XDG_RUNTIME_DIR: join(dir, "xdg") };
    const flags = ["--root", join(dir, "root"), "--runroot", join(dir, "run"), "--tmpdir", join(dir, "tmp"), "--storage-driver", "vfs"];
    const own = ["--runtime", place.runtime, "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
    const podman = (...args: string[]) => say(["podman", ...flags, ...own, ...args], { env });
    const run = ["run", "--network", "none", "--log-driver", "k8s-file"];
    mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 });
    await podman("load", "-q", "-i", place.archive);
    try {
      const seen = await podman(
        ...run,
        "--rm",
        "-m",
        "32m",
        "--pids-limit",
        "50",
        "-e",
        "A=b",
        IMAGE,
        "sh",
        "-c",
        "echo $A; id -u; exit 0",
      );
      expect(seen).toBe("b\n0");
      await say(["podman", ...flags, ...own, ...run, "--rm", IMAGE, "sh", "-c", "exit 7"], { env, code: 7 });
      expect(await podman(...run, "-t", "--rm", IMAGE, "tty")).toMatch(/^\/dev\/(pts\/\d+|console)$/);
      await podman(...run, "-d", "--name", "c", IMAGE, "sh", "-c", "echo hello; exec sleep 600");
      expect(await podman("inspect", "-f", "{{.State.Status}} {{.OCIRuntime}}", "c")).toBe(`running ${place.runtime}`);
      expect(await podman("exec", "-e", "X=y", "-w", "/bin", "c", "sh", "-c", "echo $X; pwd")).toBe("y\n/bin");
      await until("the output is logged", async () => (await podman("logs", "c")) === "hello");
      await podman("pause", "c");
      expect(await podman("inspect", "-f", "{{.State.Status}}", "c")).toBe("paused");
      await podman("unpause", "c");
      await podman("stop", "-t", "1", "c");
      expect(await podman("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "c")).toBe("exited 137");
      await podman("start", "c");
      await podman("rm", "-f", "-t", "0", "c");
      expect(await podman("ps", "-aq")).toBe("");
    } finally {
      await podman("rm", "-af", "-t", "0");
      await podman("rmi", "-af");
    }
  },
  180_000,
);

requires(
  "root",
  "namespaces",
  "busybox",
  "containerd",
  "ctr",
)(
  "containerd: run, exec, pause, metrics, kill and rm",
  async () => {
    using place = new Place();
    const { dir } = place;
    const socket = join(dir, "c.sock");
    const config = [
      "version = 2",
      `root = ${JSON.stringify(join(dir, "root"))}`,
      `state = ${JSON.stringify(join(dir, "state"))}`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\n  address = ${JSON.stringify(socket)}`,
    ];
    writeFileSync(join(dir, "config.toml"), config.join("\n"));
    const daemon = Bun.spawn(["containerd", "-c", join(dir, "config.toml"), "-l", "error"], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    const ctr = (...args: string[]) => say(["ctr", "-a", socket, ...args]);
    const run = ["run", "--runc-binary", place.runtime, "--runc-root", join(dir, "runtime"), "--snapshotter", "native"];
    try {
      await until("containerd answers", async () => (await Bun.$`ctr -a ${socket} version`.quiet().nothrow()).exitCode === 0);
      await ctr("image", "import", "--snapshotter", "native", place.archive);
      expect(await ctr(...run, "--rm", "--env", "A=b", IMAGE, "a", "sh", "-c", "echo $A; id -u")).toBe("b\n0");
      await say(["ctr", "-a", socket, ...run, "--rm", IMAGE, "b", "sh", "-c", "exit 7"], { code: 7 });
      await ctr(...run, "-d", IMAGE, "c", "sleep", "600");
      expect(await ctr("task", "exec", "--exec-id", "e", "c", "echo", "hi")).toBe("hi");
      await ctr("task", "pause", "c");
      expect(await ctr("task", "ls")).toMatch(/^c +\d+ +PAUSED$/m);
      await ctr("task", "resume", "c");
      expect(await ctr("task", "metrics", "c")).toMatch(/^memory\.usage/m);
      await ctr("task", "kill", "-s", "KILL", "c");
      await until("the task has ended", async () => (await ctr("task", "ls")).includes("STOPPED"));
      // it ends with the task's exit code, whatever that means to it
      await Bun.$`ctr -a ${socket} task rm c`.quiet().nothrow();
      expect(await ctr("task", "ls", "-q")).toBe("");
      await ctr("container", "rm", "c");
      expect(await ctr("container", "ls", "-q")).toBe("");
    } finally {
      daemon.kill();
      await daemon.exited;
    }
  },
  120_000,
);
