import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_CAPABILITIES } from "../../../src/runtime/capabilities.ts";
import { compileOci, compileProfile } from "../../../src/runtime/seccomp/compile.ts";
import { defaultProfile } from "../../../src/runtime/seccomp/default.ts";
import { ociSeccompFor } from "../../../src/runtime/seccomp/profile.ts";
import { type SyscallTable, syscallNumbers } from "../../../src/runtime/seccomp/syscalls.ts";
import type { Seccomp, SeccompArg } from "../../../src/spec/runtime.ts";
import { evaluate } from "./evaluate.ts";
import { run } from "./interpreter.ts";

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const ARM64 = 0xc00000b7;
const ARM = 0x40000028;
const X32 = 0x40000000;

const ALLOW = 0x7fff0000;
const EPERM = 0x50001;
const ENOSYS = 0x50026;
const KILL_PROCESS = 0x80000000;

const defaults = (arch: "amd64" | "arm64", capabilities: readonly string[] = DEFAULT_CAPABILITIES): Uint8Array =>
  compileProfile(defaultProfile(), { capabilities, arch, kernel: "6.1.0" });

const ask = (filter: Uint8Array, arch: number, nr: number, ...args: (number | bigint)[]): number =>
  run(filter, { arch, nr, args: args.map(BigInt) });

describe("Docker's default profile", () => {
  const amd64 = defaults("amd64");
  const arm64 = defaults("arm64");

  const rows: [what: string, filter: Uint8Array, arch: number, nr: number, args: (number | bigint)[], wanted: number][] = [
    ["read", amd64, X86_64, 0, [], ALLOW],
    ["execve", amd64, X86_64, 59, [], ALLOW],
    ["mount", amd64, X86_64, 165, [], EPERM],
    ["unshare", amd64, X86_64, 272, [], EPERM],
    ["bpf", amd64, X86_64, 321, [], EPERM],
    ["keyctl", amd64, X86_64, 250, [], EPERM],
    ["ptrace", amd64, X86_64, 101, [], ALLOW],
    ["chroot", amd64, X86_64, 161, [], ALLOW],
    ["clone3", amd64, X86_64, 435, [], ENOSYS],
    ["clone of a thread", amd64, X86_64, 56, [0x3d0f00], ALLOW],
    ["clone with CLONE_NEWUSER", amd64, X86_64, 56, [0x10000000], EPERM],
    ["clone with CLONE_NEWNS", amd64, X86_64, 56, [0x00020000], EPERM],
    ["socket AF_UNIX", amd64, X86_64, 41, [1], ALLOW],
    ["socket AF_ALG", amd64, X86_64, 41, [38], EPERM],
    ["socket AF_ALG with a bit that the kernel cuts off", amd64, X86_64, 41, [(1n << 32n) | 38n], EPERM],
    ["socket AF_NFC", amd64, X86_64, 41, [39], ALLOW],
    ["socket AF_VSOCK", amd64, X86_64, 41, [40], EPERM],
    ["socket AF_KCM", amd64, X86_64, 41, [41], ALLOW],
    ["personality 0", amd64, X86_64, 135, [0], ALLOW],
    ["personality PER_LINUX32", amd64, X86_64, 135, [8], ALLOW],
    ["personality query", amd64, X86_64, 135, [0xffffffff], ALLOW],
    ["personality ADDR_NO_RANDOMIZE", amd64, X86_64, 135, [0x40000], EPERM],
    ["a call of a later kernel", amd64, X86_64, 600, [], ENOSYS],
    ["x32 read", amd64, X86_64, X32 + 0, [], ALLOW],
    ["x32 mount", amd64, X86_64, X32 + 165, [], EPERM],
    ["x32 ptrace", amd64, X86_64, X32 + 521, [], ALLOW],
    ["x32 socket AF_ALG", amd64, X86_64, X32 + 41, [38], EPERM],
    ["i386 read", amd64, I386, 3, [], ALLOW],
    ["i386 mount", amd64, I386, 21, [], EPERM],
    ["i386 clone3", amd64, I386, 435, [], ENOSYS],
    ["i386 modify_ldt", amd64, I386, 123, [], ALLOW],
    ["an unknown architecture", amd64, ARM64, 63, [], KILL_PROCESS],
    ["arm64 read", arm64, ARM64, 63, [], ALLOW],
    ["arm64 mount", arm64, ARM64, 40, [], EPERM],
    ["arm64 clone with CLONE_NEWNET", arm64, ARM64, 220, [0x40000000], EPERM],
    ["arm64 clone3", arm64, ARM64, 435, [], ENOSYS],
    ["arm64 socket AF_ALG", arm64, ARM64, 198, [38], EPERM],
    ["arm read", arm64, ARM, 3, [], ALLOW],
    ["arm set_tls", arm64, ARM, 0xf0005, [], ALLOW],
    ["arm mount", arm64, ARM, 21, [], EPERM],
    ["amd64 on arm64", arm64, X86_64, 0, [], KILL_PROCESS],
  ];
  for (const [what, filter, arch, nr, args, wanted] of rows) {
    test(what, () => expect(ask(filter, arch, nr, ...args)).toBe(wanted));
  }

  test("CAP_SYS_ADMIN opens mount, clone and clone3", () => {
    const admin = defaults("amd64", ["CAP_SYS_ADMIN"]);
    expect(ask(admin, X86_64, 165)).toBe(ALLOW);
    expect(ask(admin, X86_64, 56, 0x10000000)).toBe(ALLOW);
    expect(ask(admin, X86_64, 435)).toBe(ALLOW);
    expect(ask(admin, X86_64, 161)).toBe(EPERM); // chroot wants a capability of its own
  });

  test("every call of every ABI gets what its rules say", () => {
    const abis: [arch: "amd64" | "arm64", audit: number, table: SyscallTable][] = [
      ["amd64", X86_64, "x86_64"],
      ["amd64", X86_64, "x32"],
      ["amd64", I386, "x86"],
      ["arm64", ARM64, "arm64"],
      ["arm64", ARM, "arm"],
    ];
    for (const capabilities of [DEFAULT_CAPABILITIES, [], ["CAP_SYS_ADMIN", "CAP_BPF"]]) {
      for (const [arch, audit, table] of abis) {
        const filter = defaults(arch, capabilities);
        const spec = ociSeccompFor(defaultProfile(), { capabilities, arch, kernel: "6.1" });
        const numbers = syscallNumbers(table);
        const named = new Set(spec.syscalls?.flatMap(({ names }) => names));
        const last = Math.max(...[...numbers].filter(([name]) => named.has(name)).map(([, nr]) => nr));
        for (const [name, nr] of numbers) {
          for (const value of [0n, 8n, 38n, 39n, 40n, 41n, 0xffffffffn, 0x10000000n]) {
            const args = [value, 0n, 0n, 0n, 0n, 0n];
            const wanted = evaluate(spec, { name, args, isNewer: nr > last });
            if (run(filter, { arch: audit, nr, args }) !== wanted)
              throw new Error(`${table} ${name}(${value}): not ${wanted.toString(16)}`);
          }
        }
      }
    }
  });
});

const OPERATORS = ["SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"] as const;

/** Values round the borders of the two halves. */
const value64 = fc.oneof(
  fc.constantFrom(0n, 1n, 0xffffffffn, 0x100000000n, 0x100000001n, 0xffffffff00000000n, 0xffffffffffffffffn, 0x7fffffffn, 0x80000000n),
  fc.bigInt({ min: 0n, max: 3n }),
  fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
);

// Calls whose arguments are 64 bits wide, so that the plain reading of the rules is the right one.
const CALLS = ["read", "write", "close", "lseek", "mmap", "getdents64", "statx", "sendfile", "openat2", "no_such_call"];
const ACTIONS = [
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
] as const;

const argument: fc.Arbitrary<SeccompArg> = fc.record({
  index: fc.integer({ min: 0, max: 5 }),
  value: value64,
  valueTwo: value64,
  op: fc.constantFrom(...OPERATORS),
});

const spec: fc.Arbitrary<Seccomp> = fc.record({
  defaultAction: fc.constantFrom(...ACTIONS),
  defaultErrnoRet: fc.constantFrom(undefined, 1, 38, 95),
  syscalls: fc.array(
    fc.record({
      names: fc.array(fc.constantFrom(...CALLS), { minLength: 1, maxLength: 4 }),
      action: fc.constantFrom(...ACTIONS),
      errnoRet: fc.constantFrom(undefined, 1, 2, 4095),
      args: fc.option(fc.array(argument, { maxLength: 4 }), { nil: undefined }),
    }),
    { maxLength: 12 },
  ),
});

describe("any profile", () => {
  test("the program answers what the rules say", () => {
    fc.assert(
      fc.property(
        spec,
        fc.array(fc.tuple(...Array.from({ length: 6 }, () => value64)), { minLength: 3, maxLength: 8 }),
        (seccomp, samples) => {
          for (const [arch, audit, table] of [
            ["amd64", X86_64, "x86_64"],
            ["arm64", ARM64, "arm64"],
          ] as const) {
            const filter = compileOci(seccomp, arch);
            const numbers = syscallNumbers(table);
            const named = new Set((seccomp.syscalls ?? []).flatMap(({ names }) => names));
            const last = Math.max(-1, ...[...numbers].filter(([name]) => named.has(name)).map(([, nr]) => nr));
            const borders = (seccomp.syscalls ?? []).flatMap(({ args = [] }) =>
              args.map(({ value }) => Array.from({ length: 6 }, () => BigInt(value))),
            );
            for (const name of [...CALLS, "getpid"]) {
              const nr = numbers.get(name);
              if (nr === undefined) continue;
              for (const args of [...samples, ...borders]) {
                const wanted = evaluate(seccomp, { name, args, isNewer: last >= 0 && nr > last });
                expect(run(filter, { arch: audit, nr, args })).toBe(wanted);
              }
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  const deny = (names: string[], args?: SeccompArg[]): Seccomp => ({
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [{ names, action: "SCMP_ACT_ERRNO", errnoRet: 13, args }],
  });

  test("i386 cannot go round a rule by socketcall or ipc", () => {
    const filter = compileOci(deny(["connect", "shmget"]), "amd64");
    expect(ask(filter, I386, 102, 3)).toBe(0x5000d);
    expect(ask(filter, I386, 102, 2)).toBe(ALLOW);
    expect(ask(filter, I386, 117, 23)).toBe(0x5000d);
    expect(ask(filter, I386, 117, 0x10017)).toBe(0x5000d); // with a version, which the kernel cuts off
    expect(ask(filter, I386, 362, 0)).toBe(0x5000d);
  });

  test("bits that the kernel cuts off an int do not help (CVE-2019-10063)", () => {
    const filter = compileOci(deny(["ioctl"], [{ index: 1, value: 0x5412, op: "SCMP_CMP_EQ" }]), "amd64");
    expect(ask(filter, X86_64, 16, 0, 0x5412)).toBe(0x5000d);
    expect(ask(filter, X86_64, 16, 0, (1n << 32n) | 0x5412n)).toBe(0x5000d);
    expect(ask(filter, X86_64, 16, 0, 0x5413)).toBe(ALLOW);
  });

  test("x32 and i386 are killed where they are not listed, but for the number of a call that a tracer skips", () => {
    const filter = compileOci({ defaultAction: "SCMP_ACT_ALLOW" }, "amd64");
    expect(ask(filter, X86_64, 0)).toBe(ALLOW);
    expect(ask(filter, X86_64, X32)).toBe(KILL_PROCESS);
    expect(ask(filter, X86_64, 0xffffffff)).toBe(ALLOW);
    expect(ask(filter, I386, 3)).toBe(KILL_PROCESS);
  });

  test("a program with jumps beyond 255 instructions", () => {
    const numbers = [...syscallNumbers("x86_64").keys()];
    const seccomp: Seccomp = {
      defaultAction: "SCMP_ACT_KILL_PROCESS",
      syscalls: numbers.slice(0, 300).map((name, at) => ({
        names: [name],
        action: "SCMP_ACT_ERRNO",
        errnoRet: (at % 100) + 1,
        args: [{ index: 5, value: BigInt(at) << 20n, op: "SCMP_CMP_GE" }],
      })),
    };
    const filter = compileOci(seccomp, "amd64");
    expect(filter.length / 8).toBeGreaterThan(1000);
    const table = syscallNumbers("x86_64");
    numbers.slice(0, 300).forEach((name, at) => {
      for (const value of [0n, (BigInt(at) << 20n) - 1n, BigInt(at) << 20n]) {
        if (value < 0n) continue;
        const args = [0n, 0n, 0n, 0n, 0n, value];
        expect(run(filter, { arch: X86_64, nr: table.get(name) ?? -1, args })).toBe(evaluate(seccomp, { name, args, isNewer: false }));
      }
    });
  });

  test("more rules than the kernel takes are an error", () => {
    const args: SeccompArg[] = Array.from({ length: 6 }, (_, index) => ({ index, value: 0x1234567890abn, op: "SCMP_CMP_GT" }));
    const syscalls = Array.from({ length: 250 }, () => ({ names: ["read"], action: "SCMP_ACT_ERRNO" as const, errnoRet: 5, args }));
    expect(() => compileOci({ defaultAction: "SCMP_ACT_ALLOW", syscalls }, "amd64")).toThrow(
      /the seccomp rules need \d+ instructions, the kernel takes 4096/,
    );
  });
});
