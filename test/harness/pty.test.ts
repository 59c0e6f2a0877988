import { expect, test } from "bun:test";
import { cleanEnv } from "./hoy.ts";
import { CTRL, onPty } from "./pty.ts";

test("types, sees, resizes and gets the exit code", async () => {
  await using shell = onPty(["/bin/sh"], { env: cleanEnv({ PS1: "> " }), columns: 91, rows: 17 });
  shell.type("stty size; tty\n");
  await shell.see("17 91");
  await shell.see(/\/dev\/pts\/\d+/);
  shell.resize(101, 27);
  shell.type("stty size\n");
  await shell.see("27 101");
  shell.type("echo wait''; sleep 30\n");
  await shell.see("wait\r\n");
  await Bun.sleep(300);
  shell.type(CTRL.C);
  await shell.see("> ");
  shell.type("exit 7\n");
  expect(await shell.exited).toBe(7);
});

test("says what was shown when the text does not come", async () => {
  await using shell = onPty(["/bin/sh", "-c", "echo something; sleep 5"], { env: cleanEnv() });
  await expect(shell.see("else", 300)).rejects.toThrow("something");
});
