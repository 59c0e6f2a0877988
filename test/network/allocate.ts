/** `allocate.ts STORE FIRST COUNT`: leases an address for each of COUNT containers from cFIRST on and prints them. */
import { allocateEndpoint } from "../../src/network/endpoint.ts";
import { networkByName } from "../../src/network/networks.ts";
import { openStore } from "../../src/state/store.ts";

const [root, first, count] = process.argv.slice(2);
const store = openStore(root);
const network = networkByName(store, "bridge");
if (!network) throw new Error("no network bridge");
for (let index = 0; index < Number(count); index++)
  console.log(allocateEndpoint(store, { network, containerId: `c${Number(first) + index}`, isRunning: () => true }).address);
