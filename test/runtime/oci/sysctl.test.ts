import { describe, expect, test } from "bun:test";
import { checkSpecSysctls } from "../../../src/runtime/oci/sysctl.ts";
import type { Namespace, Spec } from "../../../src/spec/runtime.ts";

const spec = (name: string, namespaces: Namespace[]): Spec => ({
  ociVersion: "1.2.1",
  linux: { namespaces, sysctl: { [name]: "1" } },
});
const own: Namespace[] = [{ type: "ipc" }, { type: "network" }, { type: "uts" }];

describe("linux.sysctl", () => {
  test.each([
    "kernel.sem",
    "kernel.shm_rmid_forced",
    "fs.mqueue.msg_max",
    "net.ipv4.ip_forward",
    "net/ipv4/conf/eth0.1/forwarding",
    "kernel/domainname",
  ])("%s is the container's", (name) => expect(() => checkSpecSysctls(spec(name, own))).not.toThrow());

  test.each([
    "kernel.core_pattern",
    "vm.swappiness",
    "netx.a",
    "net",
    "kernel.sem.x",
    "net/../kernel/panic",
    "net.ipv4/../../vm/x",
    "/net/x",
    "",
  ])("%p is the machine's", (name) =>
    expect(() => checkSpecSysctls(spec(name, own))).toThrow(`sysctl "${name}" is not in a separate kernel namespace`),
  );

  test("the host's namespaces, left out or by path", () => {
    for (const namespaces of [[], own.map(({ type }) => ({ type, path: `/proc/self/ns/${type === "network" ? "net" : type}` }))]) {
      expect(() => checkSpecSysctls(spec("net.ipv4.ip_forward", namespaces))).toThrow("not allowed in host network namespace");
      expect(() => checkSpecSysctls(spec("kernel.sem", namespaces))).toThrow("not allowed in the hosts ipc namespace");
      expect(() => checkSpecSysctls(spec("kernel.domainname", namespaces))).toThrow("not allowed in the hosts uts namespace");
    }
  });

  test("the host name has a field of its own", () => {
    expect(() => checkSpecSysctls(spec("kernel.hostname", own))).toThrow('conflicts with the OCI "hostname" field');
  });
});
