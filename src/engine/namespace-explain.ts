/** Why a host refuses user namespaces, for the error: looked up only after it did. */
import { existsSync, readFileSync } from "node:fs";
import type { SysError } from "../../ffi/errno.ts";
import { HoyError } from "../spec/error.ts";

const setting = (name: string): string | undefined => {
  const path = `/proc/sys/${name}`;
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
};

/** The error with the setting that explains it. */
export function explainNamespaces(error: SysError): HoyError {
  const message = `this host lets ordinary users make no user namespace: ${error.message}`;
  const hints: [name: string, refuses: (value: string) => boolean, remedy: string][] = [
    ["kernel/unprivileged_userns_clone", (value) => value === "0", "sysctl kernel.unprivileged_userns_clone=1"],
    ["user/max_user_namespaces", (value) => value === "0", "sysctl user.max_user_namespaces=15000"],
    [
      "kernel/apparmor_restrict_unprivileged_userns",
      (value) => value === "1",
      "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for hoy",
    ],
  ];
  for (const [name, refuses, remedy] of hints) {
    const value = setting(name);
    if (value !== undefined && refuses(value))
      return new HoyError(message, { hint: `root can allow it: ${remedy}`, exitCode: 125, cause: error });
  }
  return new HoyError(message, { hint: "root can run hoy without", exitCode: 125, cause: error });
}
