/** The unit that starts containers with the machine. */
import { expect, test } from "bun:test";
import { bootUnit } from "../../src/engine/system/unit.ts";

test("root's unit waits for the network, a user's is the user's manager's", () => {
  const root = bootUnit({ program: ["/usr/bin/hoy"], root: undefined, rootless: false });
  expect(root).toContain('\nExecStart="/usr/bin/hoy" "system" "boot"\n');
  expect(root).toContain("\nAfter=network-online.target\n");
  expect(root).toEndWith("\n[Install]\nWantedBy=multi-user.target\n");
  const user = bootUnit({ program: ["/usr/bin/hoy"], root: "/data/my $tore 50%", rootless: true });
  expect(user).toContain('\nExecStart="/usr/bin/hoy" "--root" "/data/my $$tore 50%%" "system" "boot"\n');
  expect(user).not.toContain("network-online");
  expect(user).toEndWith("\nWantedBy=default.target\n");
});

test("what no unit can hold is refused", () => {
  expect(() => bootUnit({ program: ["/usr/bin/hoy"], root: "/a\nb", rootless: true })).toThrow("cannot name");
});
