/** `bun swap-child.ts A B`: exchanges two names, again and again, until it is killed or its parent is gone; see swapper.ts. */
import { sys } from "../../ffi/libc.ts";
import { NR } from "../../ffi/syscalls.ts";

const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;
const ROUND = 200;

const [a = "", b = ""] = process.argv.slice(2);
const [first, second] = [a, b].map((path) => Buffer.from(`${path}\0`)) as [Buffer, Buffer];
const parent = process.ppid;

console.log("swapping");
for (let round = 0; process.ppid === parent; round++) {
  for (let turn = 0; turn < ROUND; turn++) sys(NR.renameat2, AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE);
  // now and then one name stays for a moment, so that the other one's turn comes further down the start
  Bun.sleepSync(round % 3);
  if (round % 2) sys(NR.renameat2, AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE);
}
