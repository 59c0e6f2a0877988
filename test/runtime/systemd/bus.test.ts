/** A conversation with a server of D-Bus that the test plays, in a process of its own: the client's calls block. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bus, BusError } from "../../../src/runtime/systemd/bus.ts";

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

/** Starts bus-child.ts, and waits until it listens. */
async function serve(kind: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "hoyb-"));
  const path = join(dir, "bus");
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "bus-child.ts"), path, kind], { stdout: "pipe", stdin: "ignore" });
  undo.push(() => {
    child.kill();
    rmSync(dir, { recursive: true });
  });
  await child.stdout.getReader().read();
  return path;
}

const CALL = { path: "/p", interface: "i.f", destination: "d.e" };

test("authenticates, says Hello, and takes answers, errors and signals apart, however they are cut", async () => {
  using bus = Bus.open(await serve("bus"), { direct: false });
  expect(bus).toBeDefined();
  expect(bus?.call({ ...CALL, member: "Echo", signature: "su", body: ["a", 5] })).toEqual(["a", 5]);
  expect(() => bus?.call({ ...CALL, member: "Fail" })).toThrow(new BusError("x.y.Failed", "it failed"));
  // a signal before the answer is kept for who asks later
  expect(bus?.call({ ...CALL, member: "Signal", signature: "s", body: ["one"] })).toEqual(["one"]);
  expect(bus?.signal(({ member }) => member === "Done").body).toEqual(["one"]);
});

test("a server without a bus gets no Hello", async () => {
  using bus = Bus.open(await serve("direct"), { direct: true });
  expect(bus?.call({ ...CALL, member: "Echo", signature: "s", body: ["x"] })).toEqual(["x"]);
});

test("nobody there, or one that refuses us: undefined; one that hangs up: an error that names it", async () => {
  expect(Bus.open("/nonexistent/bus", { direct: true })).toBeUndefined();
  expect(Bus.open(await serve("rejects"), { direct: true })).toBeUndefined();
  const path = await serve("direct");
  using bus = Bus.open(path, { direct: true });
  expect(() => bus?.call({ ...CALL, member: "Leave" })).toThrow(`the D-Bus server at ${path} closed the connection`);
});
