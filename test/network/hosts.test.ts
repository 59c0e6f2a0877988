import { expect, test } from "bun:test";
import { containerHosts, sharedHosts } from "../../src/network/hosts.ts";

const standard = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

test("as Docker writes it: the loopback names, added hosts, the container itself", () => {
  expect(containerHosts({ hostname: "web" })).toBe(standard);
  expect(containerHosts({ hostname: "web", address: "172.17.0.2" })).toBe(`${standard}172.17.0.2\tweb\n`);
  expect(
    containerHosts({ hostname: "web", domainname: "a.example", address: "172.17.0.2", extraHosts: ["db:10.0.0.1", "six:fd00::1"] }),
  ).toBe(`${standard}10.0.0.1\tdb\nfd00::1\tsix\n172.17.0.2\tweb.a.example web\n`);
  expect(containerHosts({ hostname: "web.a.example", address: "172.17.0.2" })).toBe(`${standard}172.17.0.2\tweb.a.example web\n`);
});

test("host-gateway stands for the host, where it can be reached", () => {
  const request = { hostname: "web", extraHosts: ["host.docker.internal:host-gateway"] };
  expect(containerHosts({ ...request, hostGateway: "172.17.0.1" })).toBe(`${standard}172.17.0.1\thost.docker.internal\n`);
  expect(() => containerHosts(request)).toThrow("--add-host host.docker.internal:host-gateway");
});

test("in the host's network it is the host's file, and what was added", () => {
  expect(sharedHosts("127.0.0.1 localhost", {})).toBe("127.0.0.1 localhost");
  expect(sharedHosts("127.0.0.1 localhost", { extraHosts: ["db:10.0.0.1"] })).toBe("127.0.0.1 localhost\n10.0.0.1\tdb\n");
});
