/**
 * Docker's default profile (moby/profiles apparmor/template.go), rule by rule, with what its `#include <abstractions/base>` adds where
 * a plain `file,` and `network,` do not grant it already. `network,` and `capability,` need no rule here: the first leaves its class
 * unrestricted, the second is the profile's capability mask.
 */
import type { Rule } from "./automaton.ts";
import { globExpression, literal } from "./expression.ts";
import type { Profile } from "./policy.ts";

/** File permissions (Linux security/apparmor/policy_compat.c, map_old_perms): of the owner, and of everybody else 14 bits above. */
const BITS: Readonly<Record<string, number>> = { x: 0x1, w: 0x2 | 0x8, r: 0x4, k: 0x20, m: 0x40 };
const OTHERS = 14;
const forAll = (bits: number): number => bits | (bits << OTHERS);
/** A program that is executed runs under the same profile. */
const INHERIT = 0x200;
const LINK = 0x10;
const LINK_SUBSET = 0x20;
const LINKS = forAll(LINK) | LINK_SUBSET;

/** One rule of the profile's text: a link is a pair of names with NUL between them, and a rule of its own. */
function fileRules(glob: string, letters: string, deny: boolean): Rule[] {
  const expression = globExpression(glob);
  const bits = [...letters].reduce((sum, letter) => sum | (BITS[letter] ?? 0), 0);
  const inheriting = letters.includes("x") ? INHERIT : 0;
  const rules: Rule[] = [{ expression, permissions: forAll(bits | inheriting | (deny ? 0 : LINK)), deny }];
  if (letters.includes("l")) rules.push({ expression: `${expression}\\x00/[^/].*`, permissions: LINKS, deny, quiet: forAll(LINK) });
  return rules;
}

const DENIED: readonly (readonly [glob: string, letters: string])[] = [
  // nothing directly in /proc is written to, nor below what is neither a process nor sys, nor in sys but for kernel/shm*
  ["/proc/*", "w"],
  ["/proc/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/**", "w"],
  ["/proc/sys/[^k]**", "w"],
  ["/proc/sys/kernel/{?,??,[^s][^h][^m]**}", "w"],
  ["/proc/sysrq-trigger", "rwklx"],
  ["/proc/kcore", "rwklx"],
  // of /sys, cgroups alone
  ["/sys/[^f]*/**", "wklx"],
  ["/sys/f[^s]*/**", "wklx"],
  ["/sys/fs/[^c]*/**", "wklx"],
  ["/sys/fs/c[^g]*/**", "wklx"],
  ["/sys/fs/cg[^r]*/**", "wklx"],
  ["/sys/firmware/**", "rwklx"],
  ["/sys/devices/virtual/powercap/**", "rwklx"],
  ["/sys/kernel/security/**", "rwklx"],
];

/** The first byte of a question that is not about a file (Linux security/apparmor/include/apparmor.h, AA_CLASS_*). */
const MOUNT_CLASS = "\\x07";
/** Files, ptrace and signals by their class alone: "this profile restricts it" (apparmor_parser's mediation markers). */
const RESTRICTED: Rule = { expression: "(\\x02|\\x09|\\x0a)", permissions: 4 };
/** Both in the older form, and behind the class of labels, as kernels with stacked policies ask. */
const PTRACE_CLASS = "(\\x10|)\\x09";
const SIGNAL_CLASS = "(\\x10\\x0a|\\x0a.)";
const EXISTENCE_ONLY = "\\x0a\\x23";
const ANY_PEER = "[^\\x00]+";
const ANY_MOUNT = "[^\\x00]*\\x00[^\\x00]*\\x00[^\\x00]*\\x00[^\\x00]*";

const Ptrace = { trace: 2, read: 4, tracedby: 8, readby: 16 } as const;
const Signal = { send: 2, receive: 4 } as const;
const Mount = { mount: 2, unmount: 4 } as const;

const signal = (peer: string, permissions: number): Rule => ({ expression: SIGNAL_CLASS + literal(peer), permissions });

/**
 * The profile under `name`. `engine` is the profile that hoy itself runs under: whoever stops a container has to be let.
 * Capabilities, networking and files are open but for what is denied; mounts are denied; processes trace and signal their like.
 */
export function dockerDefault(name: string, engine: string): Profile {
  const anySignal = Signal.send | Signal.receive;
  return {
    name,
    files: [...fileRules("/{**,}", "rwklxm", false), ...DENIED.flatMap(([glob, letters]) => fileRules(glob, letters, true))],
    others: [
      RESTRICTED,
      ...["unconfined", "runc", "crun", engine].map((peer) => signal(peer, Signal.receive)),
      signal(name, anySignal),
      { expression: EXISTENCE_ONLY + ANY_PEER, permissions: anySignal },
      { expression: PTRACE_CLASS + ANY_PEER, permissions: Ptrace.readby | Ptrace.tracedby },
      { expression: PTRACE_CLASS + literal(name), permissions: Ptrace.trace | Ptrace.read | Ptrace.tracedby | Ptrace.readby },
      { expression: `${MOUNT_CLASS}[^\\x00]*`, permissions: Mount.unmount },
      { expression: MOUNT_CLASS + ANY_MOUNT, permissions: Mount.mount, deny: true },
    ],
  };
}
