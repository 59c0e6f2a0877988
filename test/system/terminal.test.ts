/** -it on a pseudo terminal: size, resize, job control, detach keys, the caller's terminal afterwards. */
import { expect } from "bun:test";
import { dist, distForAll } from "../harness/build.ts";
import { cleanEnv } from "../harness/hoy.ts";
import { each, PLAIN, ROOT, ROOTLESS } from "../harness/people.ts";
import { CTRL, onPty, type PtySession } from "../harness/pty.ts";
import type { TestStore } from "../harness/store.ts";

const all = each([ROOT, ROOTLESS, PLAIN], "busybox");

/** A shell of the host on a terminal; `$HOY` is the binary. */
function shellFor(store: TestStore): PtySession {
  const env = cleanEnv({
    ...store.env,
    HOY_ROOT: store.root,
    HOY: store.user ? distForAll() : dist(),
    PS1: "host> ",
    ROOTFS: store.rootfs,
  });
  return onPty(["/bin/sh"], { env, user: store.user, columns: 91, rows: 17 });
}

all("a shell with size, resize, ^C and an exit code", async (store) => {
  await using host = shellFor(store);
  host.type("$HOY run --rm -it -e PS1='box> ' --network none --rootfs $ROOTFS sh; echo code=$?\n");
  await host.see("box> ");
  host.type("stty size; tty; echo term=$TERM\n");
  await host.see("17 91");
  await host.see("/dev/pts/0");
  await host.see("term=xterm");
  host.resize(101, 27);
  await Bun.sleep(200);
  host.type("stty size\n");
  await host.see("27 101");
  host.type("echo in''side; sleep 30\n");
  await host.see("inside");
  // The shell must have made sleep the foreground job, else the key is for the shell alone.
  await Bun.sleep(300);
  host.type(CTRL.C);
  await host.see("box> ");
  host.type("exit 7\n");
  await host.see("code=7");
  await host.see("host> ");
  // The terminal is as before: lines are echoed, and end as they should.
  host.type("stty -a | grep -c -w -e '-icanon' -e '-echo'\n");
  await host.see("\r\n0\r\n");
});

all("the detach keys leave the container running, attach comes back", async (store) => {
  await using host = shellFor(store);
  host.type("$HOY run --name box -it -e PS1='box> ' --network none --rootfs $ROOTFS sh; echo code=$?\n");
  await host.see("box> ");
  host.type("X=still; echo\n");
  await host.see("box> ");
  host.type(CTRL.P);
  host.type(CTRL.Q);
  await host.see("code=0");
  host.type("$HOY attach box; echo code=$?\n");
  await Bun.sleep(300);
  host.type("echo $X-here\n");
  await host.see("still-here");
  host.type("exit 3\n");
  await host.see("code=3");
});

all("-t without a terminal to read from is refused", async (store) => {
  const { code, stderr } = await store.hoy(["run", "--rm", "-it", "--network", "none", "--rootfs", store.rootfs, "true"]);
  expect(code).toBe(1);
  expect(stderr).toContain("TTY");
});

all("a program may close its terminal and open it again", async (store) => {
  const script =
    "exec </dev/null >/dev/null 2>&1; sleep 1; echo again >/dev/console; read -r line </dev/console; echo got $line >/dev/console";
  await using host = shellFor(store);
  host.type(`$HOY run --rm -it --network none --rootfs $ROOTFS sh -c '${script}'; echo code=$?\n`);
  await host.see("again\r\n");
  host.type("words\n");
  await host.see("got words");
  await host.see("code=0");
  const id = await store.ok(["run", "-dt", "--network", "none", "--rootfs", store.rootfs, "sh", "-c", script.replace(/; read.*/, "")]);
  await store.ok(["wait", id]);
  expect(await store.ok(["logs", id])).toBe("again\r");
});
