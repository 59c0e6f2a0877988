import { expect, test } from "bun:test";
import { inNetworkNamespace } from "../../ffi/netns.ts";
import { firewallStands, planFirewall, raiseFirewall, removeFirewall } from "../../src/network/firewall.ts";
import { parseCidr, type Subnet } from "../../src/network/ipv4.ts";
import { fingerprint } from "../../src/network/nftables.ts";
import { requires } from "../harness/requires.ts";
import { runInside, scratchNamespace } from "./scratch.ts";

const block = (text: string): Subnet => parseCidr(text)?.subnet ?? { base: 0, prefix: 0 };
const front = { interface: "hoy-front", subnet: block("172.17.0.0/16") };
const back = { interface: "hoy-back", subnet: block("10.99.4.0/22") };

const RULESET = `table ip hoy-test {
	chain forward {
		type filter hook forward priority filter; policy accept;
		oifname "hoy-back" ct state established,related accept
		iifname "hoy-back" oifname "hoy-back" accept
		oifname "hoy-back" drop
		oifname "hoy-front" ct state established,related accept
		iifname "hoy-front" oifname "hoy-front" accept
		oifname "hoy-front" drop
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.99.4.0/22 oifname != "hoy-back" masquerade
		ip saddr 172.17.0.0/16 oifname != "hoy-front" masquerade
	}
}
`;

test("the plan depends on the networks, not on their order", () => {
  expect(planFirewall("x", [front, back])).toEqual(planFirewall("x", [back, front]));
  expect(fingerprint(planFirewall("x", [front]))).not.toBe(fingerprint(planFirewall("x", [{ ...front, subnet: back.subnet }])));
});

const real = requires("root", "namespaces", "nf_tables", "nft", "nsenter");

real("nft reads the rules that were meant, each once", async () => {
  using host = scratchNamespace();
  inNetworkNamespace(host.number, () => {
    raiseFirewall("hoy-test", [front]);
    raiseFirewall("hoy-test", [front, back]);
    raiseFirewall("hoy-test", [back, front]);
  });
  expect((await runInside(host, "nft", "list", "ruleset"))?.replace(/ comment "hoy [0-9a-f]{12}"/g, "")).toBe(RULESET);
});

real("it is seen when rules were flushed, changed, or belong to other networks", async () => {
  using host = scratchNamespace();
  const within = <T>(work: () => T): T => inNetworkNamespace(host.number, work);
  const stands = (...bridges: (typeof front)[]): boolean => within(() => firewallStands("hoy-test", bridges));
  expect(stands(front)).toBe(false);
  within(() => raiseFirewall("hoy-test", [front]));
  expect([stands(front), stands(front, back)]).toEqual([true, false]);
  for (const damage of [
    ["flush", "ruleset"],
    ["flush", "table", "ip", "hoy-test"],
    ["flush", "chain", "ip", "hoy-test", "postrouting"],
    ["insert", "rule", "ip", "hoy-test", "forward", "accept"],
  ]) {
    expect(await runInside(host, "nft", ...damage)).toBe("");
    expect(stands(front)).toBe(false);
    within(() => raiseFirewall("hoy-test", [front]));
    expect(stands(front)).toBe(true);
  }
});

real("removal takes its own table only, and may be repeated", async () => {
  using host = scratchNamespace();
  inNetworkNamespace(host.number, () => {
    raiseFirewall("hoy-test", [front]);
    raiseFirewall("hoy-other", [back]);
    removeFirewall("hoy-test");
    removeFirewall("hoy-test");
  });
  const left = await runInside(host, "nft", "list", "tables");
  expect(left).toBe("table ip hoy-other\n");
});
