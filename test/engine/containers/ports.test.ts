/** Ports that an image exposes, as a running container shows them. */
import { expect, test } from "bun:test";
import { portText } from "../../../src/cli/container/port-text.ts";
import { defaultConfig, defaultHostConfig } from "../../../src/engine/containers/options.ts";
import { openPorts, parsePorts } from "../../../src/engine/containers/ports.ts";

const row = (NetworkMode: string, ...ports: string[]) => ({
  options: {
    config: { ...defaultConfig(), ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) },
    hostConfig: { ...defaultHostConfig(), NetworkMode },
    mounts: [],
  },
});

test("of a running container with a network of its own", () => {
  const ports = ["53/udp", "443/tcp", "80", "81/tcp", "9000-9002/TCP", "what/ever", "70000/tcp"];
  expect(portText(openPorts(row("bridge", ...ports), { status: "running" }))).toBe("80-81/tcp, 443/tcp, 9000-9002/tcp, 53/udp");
  expect(openPorts(row("bridge", ...ports), { status: "exited" })).toEqual([]);
  for (const mode of ["host", "none"]) expect(openPorts(row(mode, ...ports), { status: "running" })).toEqual([]);
  expect(openPorts(row("bridge"), { status: "running" })).toEqual([]);
});

test("what is no port is left out", () => {
  for (const text of ["", "x", "80/", "80/icmp", "9-8/tcp", "1-70000", "-5"]) expect([text, parsePorts(text)]).toEqual([text, []]);
});
