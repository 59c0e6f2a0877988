import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSettings, settingsFiles } from "../../src/state/settings.ts";

describe("settings", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hoy-settings-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, content: unknown): string => {
    const file = join(folder, name);
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  };

  test("none is no settings", async () => {
    expect(await readSettings([join(folder, "a.json"), join(folder, "no/folder.json")])).toEqual({});
  });

  test("the user's keys win, the others stay", async () => {
    const all = write("a.json", {
      dns: ["1.1.1.1"],
      init: true,
      "default-shm-size": "128m",
      "default-address-pools": [{ base: "10.0.0.0/8", size: 24 }],
    });
    const own = write("b.json", { dns: ["9.9.9.9"], "registry-mirrors": ["https://mirror.example.com"] });
    expect(await readSettings([all, own])).toEqual({
      dns: ["9.9.9.9"],
      init: true,
      "default-shm-size": "128m",
      "default-address-pools": [{ base: "10.0.0.0/8", size: 24 }],
      "registry-mirrors": ["https://mirror.example.com"],
    });
  });

  test.each([
    [{ "registry-mirorrs": [] }, /a\.json: .*registry-mirorrs/],
    [{ "default-runtime": ["runc"] }, /a\.json: default-runtime: expected string/],
    [{ runtimes: { mine: { path: "" } } }, /a\.json: runtimes\.mine\.path/],
    [{ dns: "1.1.1.1" }, /a\.json: dns: expected an array/],
    [{ "max-concurrent-downloads": 0 }, /a\.json: max-concurrent-downloads/],
    [{ "default-shm-size": "much" }, /default-shm-size: is not a size/],
    [{ "registry-mirrors": ["mirror.example.com"] }, /registry-mirrors\[0\]: is not a registry's address/],
    [{ "default-address-pools": [{ base: "10.0.0.0/8", size: 24, x: 1 }] }, /default-address-pools\[0\]/],
    [{ "insecure-registries": ["a:5000", "10.0.0.0/8", "1.2.3.0/99"] }, /insecure-registries\[2\]: is not a block of addresses/],
    [{ "default-address-pools": [{ base: "10.0.0.0/33", size: 24 }] }, /default-address-pools\[0\]\.base: is not a block/],
    [{ "default-address-pools": [{ base: "10.0.0.0/8", size: 4 }] }, /default-address-pools\[0\]: the size/],
    [{ dns: ["1.1.1.1", "x"] }, /dns\[1\]: is not an IP address/],
    [{ bip: "300.1.1.1/24" }, /bip: is not an address with its prefix length/],
    [[], /a\.json/],
    ["{", /cannot read the settings in .*a\.json/],
  ])("%j is refused with file and key", async (content, words) => {
    await expect(readSettings([write("a.json", content)])).rejects.toThrow(words);
    await expect(readSettings([write("a.json", content)])).rejects.toHaveProperty("name", "HoyError");
  });

  test("XDG_CONFIG_HOME, else ~/.config", () => {
    const { XDG_CONFIG_HOME, HOME } = process.env;
    try {
      process.env.XDG_CONFIG_HOME = "/x";
      expect(settingsFiles()).toEqual(["/etc/hoy/config.json", "/x/hoy/config.json"]);
      delete process.env.XDG_CONFIG_HOME;
      process.env.HOME = "/home/me";
      expect(settingsFiles()).toEqual(["/etc/hoy/config.json", "/home/me/.config/hoy/config.json"]);
    } finally {
      if (XDG_CONFIG_HOME !== undefined) process.env.XDG_CONFIG_HOME = XDG_CONFIG_HOME;
      if (HOME !== undefined) process.env.HOME = HOME;
      else delete process.env.HOME;
    }
  });
});
