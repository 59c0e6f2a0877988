/**
 * Arguments that the kernel takes as int or unsigned int: it cuts off the upper half of the register, so a filter must not look
 * at it either. A comparison of all 64 bits would let `ioctl(fd, 1 << 32 | TIOCSTI)` past a rule against TIOCSTI (CVE-2019-10063),
 * and socket(1 << 32 | AF_ALG) past Docker's own "families above 40". libseccomp compares all 64 bits.
 */
const INT_ARGUMENTS: Record<string, readonly number[]> = {
  accept4: [0, 3],
  arch_prctl: [0],
  bpf: [0, 2],
  clock_adjtime: [0],
  clock_gettime: [0],
  clock_settime: [0],
  fcntl: [0, 1],
  futex: [1],
  getsockopt: [0, 1, 2],
  io_uring_setup: [0],
  ioctl: [0, 1],
  keyctl: [0],
  kill: [0, 1],
  madvise: [2],
  memfd_create: [1],
  mlockall: [0],
  open: [1],
  openat: [0, 2],
  personality: [0],
  prctl: [0],
  prlimit64: [0, 1],
  quotactl: [0],
  reboot: [0, 1, 2],
  sched_setscheduler: [0, 1],
  seccomp: [0, 1],
  setns: [0, 1],
  setrlimit: [0],
  setsockopt: [0, 1, 2, 4],
  socket: [0, 1, 2],
  socketpair: [0, 1, 2],
  syslog: [0, 2],
  tgkill: [0, 1, 2],
  tkill: [0, 1],
  umount2: [1],
  userfaultfd: [0],
};

/** True where the kernel sees only the lower 32 bits of the call's argument, whatever the ABI. */
export const isNarrow = (call: string, index: number): boolean => INT_ARGUMENTS[call]?.includes(index) ?? false;
