/** Counters of a container in the shape of `runc events` (runc types/events.go), and how numbers are read from files of cgroups. */

/** A count; a bigint beyond what a double holds. */
export type Count = number | bigint;

export interface Usage {
  limit: Count;
  usage: Count;
  max: Count;
  failcnt: Count;
}

export interface BlockEntry {
  major: Count;
  minor: Count;
  op?: string;
  value: Count;
}

export interface Stats {
  /** Nanoseconds. */
  cpu: {
    usage: { total: Count; kernel: Count; user: Count; percpu?: Count[]; percpu_kernel?: Count[]; percpu_user?: Count[] };
    throttling: { periods: Count; throttledPeriods: Count; throttledTime: Count };
  };
  cpuset: Record<string, Count | Count[]>;
  /** Bytes. `swap` counts memory too. */
  memory: { cache: Count; usage: Usage; swap: Usage; kernel: Usage; kernelTCP: Usage; raw: Record<string, Count> };
  /** Without a limit there is none. */
  pids: { current: Count; limit?: Count };
  blkio: Record<string, BlockEntry[]>;
  hugetlb: Record<string, Omit<Usage, "limit">>;
  intel_rdt: Record<string, never>;
  network_interfaces: null;
}

export const UNLIMITED = 0xffffffffffffffffn;

export const count = (text = "0"): Count => {
  const word = text.trim();
  if (word === "max") return UNLIMITED;
  const value = Number(word);
  if (!Number.isInteger(value)) return 0;
  return Number.isSafeInteger(value) ? value : BigInt(word);
};

/** A sum that stays exact. */
export const add = (one: Count, other: Count): Count => count(String(BigInt(one) + BigInt(other)));

/** Content of a file of the cgroup; "" where there is none. */
export type Reader = (file: string) => string;

/** Lines `name value`. */
export const keyed = (text: string): Record<string, Count> =>
  Object.fromEntries(
    text
      .split("\n")
      .map((line) => line.split(" "))
      .flatMap(([name, value]) => (name && value !== undefined ? [[name, count(value)]] : [])),
  );

export const NOTHING: Usage = { limit: 0, usage: 0, max: 0, failcnt: 0 };

/** Huge page sizes of this kernel as the files have them: `2MB`. */
export const pageSizesIn = (names: readonly string[]): string[] => [
  ...new Set(names.flatMap((name) => /^hugetlb\.(\d+[KMG]B)\./.exec(name)?.[1] ?? [])),
];
