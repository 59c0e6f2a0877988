/** The harness against other tools: what it makes must be what skopeo, GNU tar and the registry take for an image. */
import { expect } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage, busyboxImage, dockerArchive, layeredImage, writeOciLayout } from "./images.ts";
import { skopeoCopy, startRegistry } from "./registry.ts";
import { requires } from "./requires.ts";
import { tar } from "./tar.ts";

async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "hoy-images-"));
  try {
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

requires("tar")("GNU tar reads the harness's archives", () =>
  inFolder(async (dir) => {
    const long = `${"d/".repeat(60)}file`;
    const archive = tar([
      { name: "a", data: "x".repeat(513), mtime: 1_700_000_000, mode: 0o640 },
      { name: "b", type: "1", link: "a" },
      { name: "c", type: "2", link: "a" },
      { name: long, data: "deep" },
    ]);
    writeFileSync(join(dir, "t.tar"), archive);
    mkdirSync(join(dir, "out"));
    const { exitCode, stderr } = Bun.spawnSync(["tar", "-xf", "../t.tar"], { cwd: join(dir, "out") });
    expect([stderr.toString(), exitCode]).toEqual(["", 0]);
    const a = statSync(join(dir, "out/a"));
    expect([a.size, a.mtimeMs, a.mode & 0o777, a.nlink]).toEqual([513, 1_700_000_000_000, 0o640, 2]);
    expect(await Bun.file(join(dir, "out", long)).text()).toBe("deep");
  }),
);

requires(
  "docker-registry",
  "skopeo",
  "busybox",
)("an image goes through skopeo and the registry unchanged", () =>
  inFolder(async (dir) => {
    await using registry = await startRegistry();
    const digest = writeOciLayout(join(dir, "oci"), busyboxImage());
    await skopeoCopy(`oci:${join(dir, "oci")}:latest`, `docker://${registry.address}/busybox:1`, ["--preserve-digests"]);
    const answer = await fetch(`http://${registry.address}/v2/busybox/manifests/1`, {
      headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
    });
    expect(answer.headers.get("docker-content-digest")).toBe(digest);
    expect(readdirSync(join(registry.folder, "docker/registry/v2/repositories"))).toEqual(["busybox"]);
  }),
);

requires("skopeo", "busybox")("skopeo takes the Docker archive, and finds the same config in it", () =>
  inFolder(async (dir) => {
    writeFileSync(join(dir, "i.tar"), dockerArchive(layeredImage(), "example/layered:2"));
    const run = Bun.spawnSync(["skopeo", "inspect", "--raw", "--config", `docker-archive:${join(dir, "i.tar")}:example/layered:2`]);
    expect(run.stderr.toString()).toBe("");
    expect(run.stdout.toString()).toBe(new TextDecoder().decode(buildImage(layeredImage()).config.data));
  }),
);

requires("docker-registry")("a registry with a login refuses others", async () => {
  await using registry = await startRegistry({ login: { user: "me", password: "secret" } });
  const ask = async (password: string) =>
    (await fetch(`http://${registry.address}/v2/`, { headers: { authorization: `Basic ${btoa(`me:${password}`)}` } })).status;
  expect(await ask("wrong")).toBe(401);
  expect(await ask("secret")).toBe(200);
});
