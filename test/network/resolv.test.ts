import { expect, test } from "bun:test";
import { containerResolvConf, hostResolvConf, sharedResolvConf } from "../../src/network/resolv.ts";

const host = (text: string) => ({ path: "/etc/resolv.conf", text, literal: text });
const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

test("the host's file, without what a container cannot reach", () => {
  const text =
    "; by dhcp\nnameserver 127.0.0.1\nnameserver 10.1.1.1 # office\nnameserver fe80::1\nsearch a.example b.example\noptions ndots:2 rotate\n";
  expect(containerResolvConf({ host: host(text) })).toBe(
    "# Made by hoy from /etc/resolv.conf.\nnameserver 10.1.1.1\nsearch a.example b.example\noptions ndots:2 rotate\n",
  );
});

test("public servers where only loopback ones are left, with a word on it", () => {
  for (const text of ["nameserver 127.0.0.53\noptions edns0\n", "nameserver ::1\n", ""]) {
    const made = containerResolvConf({ host: host(text) });
    expect(lines(made).slice(0, 2)).toEqual(["nameserver 8.8.8.8", "nameserver 8.8.4.4"]);
    expect(made).toContain("# No name server there can be reached");
  }
});

test("systemd-resolved's stub is followed to the real servers", () => {
  const files: Record<string, string> = {
    "/etc/resolv.conf": "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n",
    "/run/systemd/resolve/resolv.conf": "nameserver 192.0.2.53\nsearch lan\n",
  };
  const read = (path: string) => files[path];
  expect(lines(containerResolvConf({ host: hostResolvConf(read) }))).toEqual(["nameserver 192.0.2.53", "search lan"]);
  expect(hostResolvConf((path) => (path.startsWith("/etc") ? files[path] : undefined)).path).toBe("/etc/resolv.conf");
  expect(hostResolvConf(() => undefined).text).toBe("");
  files["/etc/resolv.conf"] = "nameserver 127.0.0.53\nnameserver 192.0.2.1\n";
  expect(hostResolvConf(read).path).toBe("/etc/resolv.conf");
});

test("the user's servers, search list and options replace the host's, each by itself", () => {
  const request = { host: host("nameserver 10.1.1.1\nsearch lan\noptions rotate\n") };
  expect(lines(containerResolvConf({ ...request, servers: ["127.0.0.1", "fd00::1"] }))).toEqual([
    "nameserver 127.0.0.1",
    "nameserver fd00::1",
    "search lan",
    "options rotate",
  ]);
  expect(lines(containerResolvConf({ ...request, search: ["x.example"], options: ["ndots:1"] }))).toEqual([
    "nameserver 10.1.1.1",
    "search x.example",
    "options ndots:1",
  ]);
  expect(lines(containerResolvConf({ ...request, search: ["."] }))).toEqual(["nameserver 10.1.1.1", "options rotate"]);
});

test("a forwarder comes first, and makes public servers needless", () => {
  expect(lines(containerResolvConf({ host: host("nameserver 127.0.0.1\n"), forwarders: ["10.0.2.3"] }))).toEqual(["nameserver 10.0.2.3"]);
  expect(lines(containerResolvConf({ host: host("nameserver 10.1.1.1\n"), forwarders: ["10.0.2.3"], servers: ["9.9.9.9"] }))).toEqual([
    "nameserver 9.9.9.9",
  ]);
});

test("in the host's network systemd-resolved's stub can be reached, and stays, unless something is to be different", () => {
  const files: Record<string, string> = {
    "/etc/resolv.conf": "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n",
    "/run/systemd/resolve/resolv.conf": "nameserver 192.0.2.53\nsearch lan\n",
  };
  const request = { host: hostResolvConf((path) => files[path]) };
  expect(sharedResolvConf(request)).toBe(files["/etc/resolv.conf"] as string);
  expect(sharedResolvConf({ ...request, servers: [], search: null })).toBe(files["/etc/resolv.conf"] as string);
  expect(lines(sharedResolvConf({ ...request, options: ["rotate"] }))).toEqual(["nameserver 192.0.2.53", "search lan", "options rotate"]);
});

test("in the host's network the host's file stays as it is, loopback servers too", () => {
  const text = "# mine\nnameserver 127.0.0.53\nsearch lan\n";
  expect(sharedResolvConf({ host: host(text) })).toBe(text);
  expect(lines(sharedResolvConf({ host: host(text), search: ["x.example"] }))).toEqual(["nameserver 127.0.0.53", "search x.example"]);
  expect(lines(sharedResolvConf({ host: host(text), servers: ["9.9.9.9"] }))).toEqual(["nameserver 9.9.9.9", "search lan"]);
});
