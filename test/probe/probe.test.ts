/** The probe on this machine itself, against what other sources say: what it reports of a container is worth as much. */
import { expect } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { requires } from "../harness/requires.ts";
import { type ProbeQuestions, probeArgs, probeElf, type Report, readReport } from "./probe.ts";

async function probeHere(questions: ProbeQuestions = {}, env: Record<string, string> = {}, wrap: string[] = []): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), "hoy-probe-"));
  try {
    chmodSync(dir, 0o755);
    const path = join(dir, "probe");
    writeFileSync(path, probeElf(), { mode: 0o755 });
    const child = Bun.spawn([...wrap, path, ...probeArgs(questions)], {
      env,
      cwd: "/usr",
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    const output = await new Response(child.stdout).text();
    expect(await child.exited).toBe(0);
    return readReport(output, questions);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

requires("sh")("reports ids, environment, folder, namespaces and files", async () => {
  const report = await probeHere(
    { read: ["/proc/none", "/dev/null"], list: ["/proc/self/ns"], cat: ["/proc/version"], calls: [] },
    { A: 'b="ü"\n' },
  );
  expect(report.env).toEqual({ A: 'b="ü"\n' });
  expect(report.cwd).toBe("/usr");
  expect(report.exe).toEndWith("/probe");
  expect(report.uids).toEqual(Array(4).fill(process.getuid?.()));
  expect(report.namespaces.pid).toBe(readlinkSync("/proc/self/ns/pid"));
  expect(report.hostname).toBe(hostname());
  expect(report.readable).toEqual({ "/proc/none": "ENOENT", "/dev/null": "" });
  expect(report.empty["/dev/null"]).toBe(true);
  expect(report.listings["/proc/self/ns"]).toContain("mnt");
  expect(report.texts["/proc/version"]).toBe(readFileSync("/proc/version", "utf8"));
  expect(report.fds).toEqual([0, 1, 2]);
  expect(report.mounts.find(({ point }) => point === "/proc")?.type).toBe("proc");
  expect(report.limits["Max open files"]).toHaveLength(2);
});

requires(
  "root",
  "setpriv",
  "prlimit",
)("reports what a wrapper took away", async () => {
  const wrap = [
    "prlimit",
    "--nofile=77:88",
    "setpriv",
    "--reuid=1234",
    "--regid=4321",
    "--groups=5,6",
    "--no-new-privs",
    "--bounding-set=-all",
  ];
  const report = await probeHere({ calls: ["mount", "socket_inet"] }, {}, wrap);
  expect([report.uids, report.gids, report.groups]).toEqual([
    [1234, 1234, 1234, 1234],
    [4321, 4321, 4321, 4321],
    [5, 6],
  ]);
  expect(report.noNewPrivileges).toBe(true);
  expect([report.capabilities.bounding, report.capabilities.effective]).toEqual([0n, 0n]);
  expect(report.limits["Max open files"]).toEqual(["77", "88"]);
  expect(report.calls).toEqual({ mount: "EPERM", socket_inet: "" });
});

requires("root")("tries each system call in a process of its own", async () => {
  const report = await probeHere({ calls: ["clone3", "unshare_net", "setns", "socket_inet"] });
  expect(report.calls).toEqual({ clone3: "EINVAL", unshare_net: "", setns: "EBADF", socket_inet: "" });
});
