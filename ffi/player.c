/*
 * The player and monitor: one freestanding program (no libc), started by hoy from a sealed memfd.
 *
 * It plays tapes: arrays of system calls that hoy's TypeScript has decided beforehand (ffi/tape.ts). There is no policy here.
 * Modes:
 *   PLAY   plays `early` and leaves; with an execve as the last operation it becomes that program
 *   EXEC   plays `early` (joins a container's namespaces), clones, the child plays `init`; waits and exits as the child did.
 *          With REPORT it tells the child's pid; with LEAVE it does not wait
 *   START  detaches, plays `early`, clones the container's first process (which plays `init`) and becomes its monitor
 *
 * The conversation of a start (frames on the owner's socket, see src/runtime/monitor.ts for the diagram):
 *   hoy -> PLAY;  monitor -> PID, then READY or FAILED;  hoy -> EXEC;  monitor -> STARTED or FAILED, output frames, EXIT;  hoy -> DONE
 *
 * The build defines NR_<name> for the system calls, so that one source serves x86-64 and arm64.
 * Everything is static: TinyCC reaches other globals through a table that the copied image does not have.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef long word;

#ifdef __aarch64__
static u32 thunk[] = {0xAA0003E8, 0xAA0103E0, 0xAA0203E1, 0xAA0303E2, 0xAA0403E3, 0xAA0503E4, 0xAA0603E5, 0xD4000001, 0xD65F03C0};
#else
static u8 thunk[] = {0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2,
                     0x4d, 0x89, 0xc8, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0xc3};
#endif
#define sys(n, a, b, c, d, e, f) \
  (((word(*)(word, word, word, word, word, word, word))(void *)thunk)((word)(n), (word)(a), (word)(b), (word)(c), (word)(d), (word)(e), (word)(f)))
#define sys1(n, a) sys(n, a, 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys(n, a, b, 0, 0, 0, 0)
#define sys3(n, a, b, c) sys(n, a, b, c, 0, 0, 0)
#define sys4(n, a, b, c, d) sys(n, a, b, c, d, 0, 0)

enum { EINTR = 4, EAGAIN = 11, ECONNRESET = 104, ANY = -1 };
enum { POLLIN = 1, POLLOUT = 4, POLLERR = 8, POLLHUP = 16, POLLNVAL = 32 };
enum { CLOEXEC = 02000000, NOCTTY = 0400, NONBLOCK = 04000, WRONLY = 1, CREATE = 0100, TRUNCATE = 01000, APPEND = 02000 };
enum { CLONE_PIDFD = 0x1000, CLONE_PARENT = 0x8000 };

/* --- the tape (ffi/tape.ts writes it; keep both in step) --- */
struct op { word nr, arg[6]; int out, slots, ignored, expected, step, skip; };
struct part { struct op *ops; word count; };
struct head {
  word version, mode, flags, keep, size;
  struct part early, join, init;
  word *clone, *monitor_clone;
  word log_max, log_files;
  char *engine, **engine_argv, **engine_env;
};
#define BASE 0x10000000
#define H ((struct head *)BASE)
enum { VERSION = 1 };
enum { MODE_PLAY = 0, MODE_EXEC = 1, MODE_START = 2 };
enum { TTY = 1, STDIN = 2, STDIN_ONCE = 4, NO_LOG = 8, ATTACHED = 16, REAPER = 32, FOLLOW_UP = 64, REPORT = 128, LEAVE = 256, ADOPT = 512 };

/* descriptors by agreement with ffi/player.ts */
enum { TAPE = 3, OWNER = 4, DATA = 5, RUN = 6, ALIVE = 7, ROOTFS = 8, MONITOR_CGROUP = 9, PAYLOAD_CGROUP = 10, ENGINE = 11 };
/* slots by agreement with ffi/tape.ts: the others are the tape's own */
enum { SLOT_STDIN = 48, SLOT_STDOUT, SLOT_STDERR, SLOT_SYNC, SLOT_LOG, SLOT_LISTEN, SLOTS = 64 };
static word slot[SLOTS];

/* A seccomp filter that a container asked for may refuse both ways out: then the only one left is a fault (SIGSEGV). */
static void leave(int code) {
  sys1(NR_exit_group, code);
  sys1(NR_exit, code);
  for (;;) *(volatile int *)0 = code;
}
enum { SIG_DEFAULT = 0, SIG_IGNORE = 1, SIGPIPE = 13, SIGCHLD = 17 };
static void handle(int signal, word how) { word action[4]; action[0] = how; action[1] = action[2] = action[3] = 0; sys4(NR_rt_sigaction, signal, action, 0, 8); }

/* One of up to four errnos, a byte each (ffi/tape.ts). */
static int ignores(int set, int e) { return set == ANY || (set & 255) == e || (set >> 8 & 255) == e || (set >> 16 & 255) == e || (set >> 24 & 255) == e; }

/* Plays one part; on failure fills {step, errno} and returns -1. */
static int play(struct part *part, int *fail) {
  word i;
  int k;
  for (i = 0; i < part->count; i++) {
    struct op *o = part->ops + i;
    word a[6], r;
    for (k = 0; k < 6; k++) a[k] = o->slots >> k & 1 ? slot[o->arg[k]] : o->arg[k];
    /* openat2(2): a mount or rename anywhere while `..` is walked gives EAGAIN, to be tried again */
    int tries = 0;
    do r = sys(o->nr, a[0], a[1], a[2], a[3], a[4], a[5]); while (r == -EINTR || (r == -EAGAIN && o->nr == NR_openat2 && ++tries < 1000));
    if (r < 0 && r > -4096) {
      int e = -r;
      if (!ignores(o->ignored, e)) { fail[0] = o->step; fail[1] = e; return -1; }
      i += o->skip;
    } else if (o->expected != ANY && r != o->expected) { fail[0] = o->step; fail[1] = 0; return -1; }
    if (o->out >= 0) slot[o->out] = r;
  }
  return 0;
}

static void copy(char *to, const char *from, word n) { while (n-- > 0) *to++ = *from++; } /* to may overlap when it lies before */
static word now_ns(void) { word t[2]; sys2(NR_clock_gettime, 1, t); return t[0] * 1000000000 + t[1]; }
static void put_number(char **p, word v, int width) { char b[24]; int i = 0; do { b[i++] = '0' + v % 10; v /= 10; } while (v || i < width); while (i) *(*p)++ = b[--i]; }
static void put_text(char **p, const char *s) { while (*s) *(*p)++ = *s++; }

/* RFC 3339 with nanoseconds, UTC (days to date after Howard Hinnant's civil_from_days) */
static void put_time(char **p) {
  word t[2], z, era, doe, yoe, doy, mp, d, m, y;
  sys2(NR_clock_gettime, 0, t);
  z = t[0] / 86400 + 719468; era = z / 146097; doe = z - era * 146097;
  yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365; doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  mp = (5 * doy + 2) / 153; d = doy - (153 * mp + 2) / 5 + 1; m = mp < 10 ? mp + 3 : mp - 9; y = yoe + era * 400 + (m <= 2);
  put_number(p, y, 4); *(*p)++ = '-'; put_number(p, m, 2); *(*p)++ = '-'; put_number(p, d, 2); *(*p)++ = 'T';
  put_number(p, t[0] / 3600 % 24, 2); *(*p)++ = ':'; put_number(p, t[0] / 60 % 60, 2); *(*p)++ = ':'; put_number(p, t[0] % 60, 2);
  *(*p)++ = '.'; put_number(p, t[1], 9); *(*p)++ = 'Z';
}

/* --- the log: Docker's json-file format, rotated by size --- */
enum { LINE = 16384, LOG_BUFFER = 65536 };
static char log_buffer[LOG_BUFFER + 256];
static int log_used;
static word log_size, log_max, log_files;
static char stamp[48];
static int stamp_size;

static void log_flush(void) {
  int at = 0;
  while (at < log_used) { word r = sys3(NR_write, slot[SLOT_LOG], log_buffer + at, log_used - at); if (r <= 0) break; at += r; } /* a full disk loses log lines, not the container */
  log_size += at;
  log_used = 0;
}

static void log_name(char *b, word i) { char *p = b; put_text(&p, "log.json"); if (i) { *p++ = '.'; put_number(&p, i, 1); } *p = 0; }

static void log_rotate(void) {
  char a[40], b[40];
  word i;
  int fd;
  log_flush();
  for (i = log_files - 1; i > 0; i--) { log_name(a, i - 1); log_name(b, i); sys4(NR_renameat, DATA, a, DATA, b); }
  fd = sys4(NR_openat, DATA, "log.json", WRONLY | CREATE | TRUNCATE | APPEND | CLOEXEC, 0640);
  if (fd < 0) return;
  sys3(NR_dup3, fd, slot[SLOT_LOG], CLOEXEC);
  sys1(NR_close, fd);
  log_size = 0;
}

/* Length of the UTF-8 sequence at s, 0 when it is none (RFC 3629). */
static int utf8_length(const u8 *s, int n) {
  u8 c = s[0];
  if (c < 0xc2) return 0;
  if (c < 0xe0) return n > 1 && (s[1] & 0xc0) == 0x80 ? 2 : 0;
  if (c < 0xf0) {
    if (n < 3 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80) return 0;
    if ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f)) return 0;
    return 3;
  }
  if (c > 0xf4 || n < 4 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 || (s[3] & 0xc0) != 0x80) return 0;
  if ((c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f)) return 0;
  return 4;
}

static void log_line(const char *text, int n, const char *stream) {
  static const char hex[] = "0123456789abcdef";
  const u8 *s = (const u8 *)text;
  char *p = log_buffer + log_used;
  int i = 0;
  put_text(&p, "{\"log\":\"");
  while (i < n) {
    u8 c = s[i];
    if (c < 0x80) {
      i++;
      if (c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&') *p++ = c;
      else if (c == '"' || c == '\\') { *p++ = '\\'; *p++ = c; }
      else if (c == '\n') { *p++ = '\\'; *p++ = 'n'; }
      else if (c == '\r') { *p++ = '\\'; *p++ = 'r'; }
      else if (c == '\t') { *p++ = '\\'; *p++ = 't'; }
      else { put_text(&p, "\\u00"); *p++ = hex[c >> 4]; *p++ = hex[c & 15]; }
    } else {
      int k = utf8_length(s + i, n - i);
      if (!k) { put_text(&p, "\\ufffd"); i++; }
      while (k-- > 0) *p++ = s[i++];
    }
    if (p > log_buffer + LOG_BUFFER) { log_used = p - log_buffer; log_flush(); p = log_buffer; }
  }
  put_text(&p, "\",\"stream\":\"");
  put_text(&p, stream);
  copy(p, stamp, stamp_size);
  log_used = p + stamp_size - log_buffer;
  if (log_max && log_size + log_used > log_max) log_rotate();
  else if (log_used > LOG_BUFFER / 2) log_flush();
}

/* --- clients: frames of Docker's shape, [type, 0, 0, 0, length in big endian] --- */
enum { F_STDOUT = 1, F_STDERR, F_HELLO, F_PID, F_READY, F_STARTED, F_FAILED, F_EXIT, F_MOUNTED, F_CREATED };
enum { C_STDIN = 0, C_CLOSE, C_RESIZE, C_DONE, C_PLAY, C_EXEC, C_WORD, C_ADOPT };
enum { CLIENTS = 64 };
struct client { int fd, sent, got; u8 head[8]; u32 left; u8 body[8]; int kept; };
static struct client client[CLIENTS];
static int clients;
static struct { int fd; short want, got; } poll_set[CLIENTS + 8];
static u8 frame_head[8];
static const char *frame_body;
static int frame_size; /* head and body of the frame that is being sent to all */
static char out_buffer[2][65536];
static int out_used[2], out_logged[2];
static char in_buffer[8192];
static int in_used, in_at;
static int out_fd = -1, err_fd = -1, in_fd = -1, pid_fd = -1, done, flags;
static int slave_fd = -1; /* of the terminal: as long as it is open, the master's end is not reached, and the container may open it again */

static void client_drop(int i) {
  if (client[i].fd < 0) return; /* an owner that is gone already */
  sys1(NR_close, client[i].fd);
  if (i == 0 && client[0].fd == OWNER) { client[0].fd = -1; client[0].sent = frame_size; return; } /* the owner keeps its place */
  copy((char *)(client + i), (char *)(client + --clients), sizeof client[0]);
}

static void client_add(int fd) {
  struct client *c = client + clients++;
  c->fd = fd; c->sent = frame_size; c->got = 0; c->left = 0; c->kept = 0;
}

/* Sends what the client still lacks of the current frame; 0 when it would block. */
static int client_send(int i) {
  while (i < clients && client[i].fd >= 0 && client[i].sent < frame_size) {
    int at = client[i].sent, k = 0;
    word part[4], message[7], r;
    if (at < 8) { part[0] = (word)(frame_head + at); part[1] = 8 - at; k = 1; at = 8; }
    part[2 * k] = (word)(frame_body + at - 8); part[2 * k + 1] = frame_size - at;
    message[0] = message[1] = message[4] = message[5] = message[6] = 0;
    message[2] = (word)part; message[3] = k + 1;
    r = sys3(NR_sendmsg, client[i].fd, message, 0x4040); /* MSG_NOSIGNAL | MSG_DONTWAIT */
    if (r == -EAGAIN || r == -EINTR) return 0;
    if (r < 0) { client_drop(i); continue; }
    client[i].sent += r;
  }
  return 1;
}

static void frame(int type, const char *body, int n) {
  int i;
  frame_head[0] = type; frame_head[4] = n >> 24; frame_head[5] = n >> 16; frame_head[6] = n >> 8; frame_head[7] = n;
  frame_body = body;
  frame_size = 8 + n;
  for (i = 0; i < clients; i++) client[i].sent = 0;
  for (i = clients - 1; i >= 0; i--) client_send(i);
}

static int pending(void) { int i; for (i = 0; i < clients; i++) if (client[i].fd >= 0 && client[i].sent < frame_size) return 1; return 0; }
static int wait_for(int n, int ms) { word t[2]; t[0] = ms / 1000; t[1] = ms % 1000 * 1000000; return sys(NR_ppoll, poll_set, n, ms < 0 ? 0 : t, 0, 8, 0); }

/* Gives slow clients two seconds for the frame that is on its way. */
static void settle(void) {
  word start = now_ns();
  while (pending() && now_ns() - start < 2000000000) {
    int i, k = 0;
    for (i = 0; i < clients; i++) if (client[i].fd >= 0 && client[i].sent < frame_size) { poll_set[k].fd = client[i].fd; poll_set[k].want = POLLOUT; k++; }
    wait_for(k, 100);
    for (i = clients - 1; i >= 0; i--) client_send(i);
  }
}

static void stdin_close(void) { if (in_fd >= 0 && in_fd != out_fd) sys1(NR_close, in_fd); in_fd = -1; in_used = in_at = 0; }
static void stdin_drain(void) {
  while (in_at < in_used && in_fd >= 0) {
    word r = sys3(NR_write, in_fd, in_buffer + in_at, in_used - in_at);
    if (r == -EAGAIN) return;
    if (r < 0) { stdin_close(); return; }
    in_at += r;
  }
  in_used = in_at = 0;
}

/* Reads one piece from a client; 0 when it is gone. */
static int client_read(int i) {
  struct client *c = client + i;
  word r;
  if (c->got < 8) {
    r = sys(NR_recvfrom, c->fd, c->head + c->got, 8 - c->got, 0x40, 0, 0);
    if (r == -EAGAIN || r == -EINTR) return 1;
    if (r <= 0) return 0;
    c->got += r;
    if (c->got < 8) return 1;
    c->left = (u32)c->head[4] << 24 | c->head[5] << 16 | c->head[6] << 8 | c->head[7];
    c->kept = 0;
  }
  if (c->left) {
    r = sys(NR_recvfrom, c->fd, in_buffer, c->left < sizeof in_buffer ? c->left : sizeof in_buffer, 0x40, 0, 0);
    if (r == -EAGAIN || r == -EINTR) return 1;
    if (r <= 0) return 0;
    c->left -= r;
    if (c->head[0] == C_STDIN) { in_used = r; in_at = 0; stdin_drain(); }
    else { int k; for (k = 0; k < r && c->kept < 8; k++) c->body[c->kept++] = in_buffer[k]; }
  }
  if (!c->left) {
    c->got = 0;
    if (c->head[0] == C_CLOSE && (flags & STDIN_ONCE) && !(flags & TTY)) stdin_close();
    if (c->head[0] == C_DONE && i == 0) done = 1;
    if (c->head[0] == C_RESIZE && c->kept >= 4 && (flags & TTY)) {
      u16 size[4];
      size[0] = c->body[0] << 8 | c->body[1]; size[1] = c->body[2] << 8 | c->body[3]; size[2] = size[3] = 0;
      sys3(NR_ioctl, out_fd, 0x5414, size); /* TIOCSWINSZ */
    }
  }
  return 1;
}

/* One read of the container's output, to the log and to the clients; 0 at its end. */
static int pump(int s, int fd) {
  const char *stream = s ? "stderr" : "stdout";
  char *b = out_buffer[s], *p;
  int i, from, line = 0;
  word n;
  if (out_logged[s]) { out_used[s] -= out_logged[s]; copy(b, b + out_logged[s], out_used[s]); out_logged[s] = 0; }
  from = out_used[s];
  n = sys3(NR_read, fd, b + from, sizeof out_buffer[s] - from);
  if (n == -EAGAIN || n == -EINTR) return 1;
  p = stamp; put_text(&p, "\",\"time\":\""); put_time(&p); put_text(&p, "\"}\n"); stamp_size = p - stamp;
  if (n <= 0) {
    if (from && !(flags & NO_LOG)) { log_line(b, from, stream); log_flush(); }
    out_used[s] = 0;
    return 0;
  }
  out_used[s] += n;
  if (flags & NO_LOG) out_logged[s] = out_used[s];
  else {
    for (i = from; i < out_used[s]; i++) if (b[i] == '\n' || i - line == LINE - 1) { log_line(b + line, i + 1 - line, stream); line = i + 1; }
    log_flush();
    out_logged[s] = line;
  }
  frame(s ? F_STDERR : F_STDOUT, b + from, n);
  return 1;
}

/* Writes a file of the run folder so that it is either whole or not there. */
static void record(const char *temporary, const char *name, char *b, word n) {
  int fd = sys4(NR_openat, RUN, temporary, WRONLY | CREATE | TRUNCATE | CLOEXEC, 0600);
  if (fd < 0) return;
  if (sys3(NR_write, fd, b, n) == n) sys4(NR_renameat, RUN, temporary, RUN, name);
  sys1(NR_close, fd);
}

/* --- words between init and monitor, on a SOCK_SEQPACKET pair (S_PID: on a pipe, see clone_joined) --- */
enum { S_FAILED = 1, S_TTY = 2, S_READY = 3, S_PID = 4, S_MOUNTED = 5 };
static int sync_fd;

/* recvmsg(2) with up to two descriptors; -1 for those that did not come. */
static int receive(int from, void *body, int size, int *passed) {
  word part[2], message[7];
  struct { word size; int level, type, fd[2]; } control;
  word r;
  part[0] = (word)body; part[1] = size;
  message[0] = message[1] = message[6] = 0;
  message[2] = (word)part; message[3] = 1; message[4] = (word)&control; message[5] = sizeof control;
  control.size = 0;
  /* ECONNRESET comes once, and before what the other side had sent: it left without having read the word that came too late */
  do r = sys3(NR_recvmsg, from, message, 0x40000000); while (r == -EINTR || r == -ECONNRESET); /* MSG_CMSG_CLOEXEC */
  if (message[5] < 16) control.size = 0;
  passed[0] = control.size >= 20 ? control.fd[0] : -1;
  passed[1] = control.size >= 24 ? control.fd[1] : -1;
  return r;
}

static void failed(int step, int error) {
  int f[2];
  f[0] = step; f[1] = error;
  frame(F_FAILED, (char *)f, 8);
  settle();
}

static int exit_code(int status) { return status & 127 ? 128 + (status & 127) : status >> 8 & 255; }
static void close_range(int from, int to) { sys3(NR_close_range, from, to, 0); }

/* PID 1 of `run --init`: forwards signals to the one child, reaps all others (what tini does). */
static void reaper(word pid) {
  word all = -1L, info[16];
  int status;
  for (;;) {
    word signal = sys4(NR_rt_sigtimedwait, &all, info, 0, 8), r;
    if (signal > 0 && signal != SIGCHLD) sys2(NR_kill, pid, signal);
    if (signal < 0 && signal != -EINTR && signal != -EAGAIN) leave(127); /* refused by the container's filter */
    while ((r = sys4(NR_wait4, -1, &status, 1, 0)) > 0) if (r == pid) leave(exit_code(status));
  }
}

/* The container's first process: plays its part, which ends in execve. Never returns. */
static void init(void) {
  int fail[3];
  /* its own copy of the tape: nothing that runs in a container can write to the monitor's */
  sys(NR_mmap, BASE, H->size, 3, 0x12, TAPE, 0); /* MAP_PRIVATE | MAP_FIXED */
  fail[1] = play(&H->init, fail + 1) < 0 ? fail[1] : 0;
  fail[0] = S_FAILED;
  sys3(NR_write, slot[SLOT_SYNC], fail, 12);
  leave(127);
}

/* With REAPER the last operation of `init` (execve) is played by a child of PID 1. */
static void split_for_reaper(void) {
  struct part rest;
  int fail[3];
  word all = -1L, none = 0, pid;
  int i;
  sys(NR_mmap, BASE, H->size, 3, 0x12, TAPE, 0);
  rest.ops = H->init.ops; rest.count = H->init.count; /* no struct copy: TinyCC would call memmove for it on arm64 */
  for (i = 0; i < rest.count && rest.ops[i].nr != NR_execve; i++) ;
  H->init.count = i;
  if (play(&H->init, fail + 1) < 0) { fail[0] = S_FAILED; sys3(NR_write, slot[SLOT_SYNC], fail, 12); leave(127); }
  sys4(NR_rt_sigprocmask, 2, &all, 0, 8); /* SIG_SETMASK */
  pid = sys(NR_clone, SIGCHLD, 0, 0, 0, 0, 0);
  if (pid == 0) {
    int group = sys(NR_getpid, 0, 0, 0, 0, 0, 0);
    /* a group of its own in the terminal's foreground: ^C reaches it from there, not from PID 1 as well */
    if (flags & TTY) { sys2(NR_setpgid, 0, 0); sys3(NR_ioctl, 0, 0x5410, &group); } /* TIOCSPGRP */
    sys4(NR_rt_sigprocmask, 2, &none, 0, 8);
    rest.ops += H->init.count; rest.count -= H->init.count;
    play(&rest, fail + 1);
    fail[0] = S_FAILED;
    sys3(NR_write, slot[SLOT_SYNC], fail, 12);
    leave(127);
  }
  sys2(NR_prctl, 15, "hoy-init"); /* PR_SET_NAME */
  close_range(0, 0x7fffffff);
  sys2(NR_munmap, BASE, H->size);
  reaper(pid);
}

static void run_init(void) { if (flags & REAPER) split_for_reaper(); init(); }

/*
 * A clone below the namespaces that `join` enters: an intermediate process joins, its child becomes ours by CLONE_PARENT.
 * The pid comes over a pipe of its own: on the socket, the child could speak before it.
 */
static word clone_joined(void) {
  int m[3], own[2];
  word middle = sys2(NR_pipe2, own, CLOEXEC), r;
  if (middle < 0) return middle;
  middle = sys(NR_clone, SIGCHLD, 0, 0, 0, 0, 0);
  if (middle == 0) {
    m[0] = S_FAILED;
    if (play(&H->join, m + 1) == 0) {
      word pid;
      H->clone[0] = (H->clone[0] & ~(word)CLONE_PIDFD) | CLONE_PARENT;
      H->clone[4] = 0; /* no exit signal with CLONE_PARENT: it takes the parent's */
      pid = sys2(NR_clone3, H->clone, 88);
      if (pid == 0) { sys1(NR_close, own[1]); run_init(); }
      m[0] = pid < 0 ? S_FAILED : S_PID; m[1] = pid < 0 ? -1 : (int)pid; m[2] = pid < 0 ? -(int)pid : 0;
    }
    sys3(NR_write, own[1], m, 12);
    leave(0);
  }
  if (middle < 0) return middle;
  /* ours goes first: when the intermediate process is killed together with the container, that is the end of the conversation */
  sys1(NR_close, own[1]);
  m[0] = S_FAILED; m[1] = -1; m[2] = 0;
  do r = sys3(NR_read, own[0], m, 12); while (r == -EINTR);
  if (r != 12 || m[0] != S_PID) { failed(m[1], m[2]); leave(1); }
  sys1(NR_close, own[0]);
  sys4(NR_wait4, middle, 0, 0, 0);
  pid_fd = sys2(NR_pidfd_open, m[1], 0);
  return m[1];
}

static void give_up(word pid) {
  if (pid > 0) { sys4(NR_pidfd_send_signal, pid_fd, 9, 0, 0); sys4(NR_wait4, pid, 0, 0, 0); }
  leave(1);
}

/* Pipes for the standard streams; the child's ends go into slots. */
static void make_streams(void) {
  int p[2];
  if (!(flags & TTY)) {
    if (flags & STDIN) { sys2(NR_pipe2, p, CLOEXEC); slot[SLOT_STDIN] = p[0]; in_fd = p[1]; }
    sys2(NR_pipe2, p, CLOEXEC); out_fd = p[0]; slot[SLOT_STDOUT] = p[1];
    sys2(NR_pipe2, p, CLOEXEC); err_fd = p[0]; slot[SLOT_STDERR] = p[1];
  }
  sys4(NR_socketpair, 1, 5 | CLOEXEC, 0, p); /* SOCK_SEQPACKET */
  sync_fd = p[0];
  slot[SLOT_SYNC] = p[1];
}

/*
 * Whether the first process came to an end without a word, as one whose filter refuses it even write(2). PF_FORKNOEXEC of
 * /proc/PID/stat is gone before execve closes the descriptor that tells; PID 1 of REAPER never executes, but ends by a fault then.
 */
static int died_unheard(word pid) {
  enum { PF_EXITING = 4, PF_FORKNOEXEC = 0x40, FLAGS = 7, SIGSEGV = 11 };
  char b[512], *p = b;
  word bits = 0, n, info[16];
  int fd, i;
  put_text(&p, "/proc/"); put_number(&p, pid, 1); put_text(&p, "/stat"); *p = 0;
  fd = sys4(NR_openat, -100, b, CLOEXEC, 0);
  if (fd < 0) return 0;
  n = sys3(NR_read, fd, b, sizeof b - 1);
  sys1(NR_close, fd);
  if (n <= 0) return 0;
  b[n] = 0;
  for (p = b + n; p > b && *p != ')'; p--) ; /* the name before it may hold anything */
  for (i = 0; i < FLAGS && *p; p++) if (*p == ' ') i++;
  while (*p >= '0' && *p <= '9') bits = bits * 10 + *p++ - '0';
  if (!(bits & PF_FORKNOEXEC)) return 0;
  if (!(flags & REAPER)) return 1;
  if (!(bits & PF_EXITING)) return 0;
  sys(NR_waitid, 1, pid, info, 4 | 0x01000000, 0, 0); /* P_PID, WEXITED | WNOWAIT */
  return ((int *)info)[2] != 1 && (((int *)info)[6] & 127) == SIGSEGV;
}

/* From clone to execve: passes the owner's word on, tells it what init says. Returns when the user's program runs. */
static void start_up(word pid) {
  int m[3], passed[2], going = 0;
  word r;
  char h[8];
  for (;;) {
    poll_set[0].fd = sync_fd; poll_set[0].want = POLLIN;
    poll_set[1].fd = going ? -1 : OWNER; poll_set[1].want = POLLIN;
    if (wait_for(2, -1) < 0) continue;
    if (poll_set[0].got) {
      r = receive(sync_fd, m, 12, passed);
      if (r == 12 && m[0] == S_TTY) {
        out_fd = passed[0]; in_fd = flags & STDIN ? out_fd : -1;
        slave_fd = sys3(NR_ioctl, out_fd, 0x5441, 2 | NOCTTY | CLOEXEC); /* TIOCGPTPEER */
      }
      else if (r == 12 && (m[0] == S_READY || m[0] == S_MOUNTED)) frame(m[0] == S_READY ? F_READY : F_MOUNTED, "", 0);
      else if (r == 12) { failed(m[1], m[2]); give_up(pid); }
      else if (going && !died_unheard(pid)) return; /* closed by execve */
      else { failed(-1, 0); give_up(pid); }
    }
    if (poll_set[1].got) {
      r = sys(NR_recvfrom, OWNER, h, 8, 0, 0, 0);
      if (r != 8 || (h[0] != C_EXEC && h[0] != C_WORD)) give_up(pid);
      going = h[0] == C_EXEC;
      sys3(NR_write, sync_fd, "x", 1);
    }
  }
}

/*
 * Another runtime makes the container: the child was its `create` (or a detached `exec`), and what that leaves behind becomes ours, as
 * we are its subreaper. The owner learns how the child ended, and names the process, with its terminal if it has one.
 */
static word adopt(word child) {
  int status = 0, passed[2], r;
  char h[16], b[8], *p = b;
  sys4(NR_wait4, child, &status, 0, 0);
  sys1(NR_close, pid_fd);
  put_number(&p, exit_code(status), 1);
  frame(F_CREATED, b, p - b);
  r = receive(OWNER, h, 16, passed);
  if (r != 16 || h[0] != C_ADOPT) leave(1);
  child = *(word *)(h + 8);
  pid_fd = sys2(NR_pidfd_open, child, 0);
  if (pid_fd < 0) { failed(-1, -pid_fd); leave(1); }
  if (passed[0] >= 0) {
    out_fd = passed[0]; in_fd = flags & STDIN ? out_fd : -1;
    slave_fd = sys3(NR_ioctl, out_fd, 0x5441, 2 | NOCTTY | CLOEXEC); /* TIOCGPTPEER */
  }
  return child;
}

static void hello(int i) {
  static char h[2];
  h[0] = VERSION; h[1] = flags & (TTY | STDIN);
  frame_head[0] = F_HELLO; frame_head[4] = frame_head[5] = frame_head[6] = 0; frame_head[7] = 2;
  frame_body = h; frame_size = 10;
  { int k; for (k = 0; k < clients; k++) client[k].sent = k == i ? 0 : 10; }
  client_send(i);
}

static int code; /* exit code of the container */

/* The record comes before the reaping: as long as it is not there, the pid is not used again. */
static void record_exit(word pid) {
  char b[96], *p = b;
  word info[16];
  sys(NR_waitid, 1, pid, info, 4 | 0x01000000, 0, 0); /* P_PID, WEXITED | WNOWAIT */
  code = ((int *)info)[2] == 1 ? ((int *)info)[6] & 255 : 128 + (((int *)info)[6] & 127);
  put_number(&p, code, 1); *p++ = ' '; put_time(&p); *p++ = '\n';
  record("exit.tmp", "exit", b, p - b);
}

/* From here on others may bring the container in order, or start it anew. */
static int released;
static void release(word pid) {
  int status;
  if (released) return;
  released = 1;
  sys4(NR_wait4, pid, &status, 0, 0);
  sys1(NR_close, ALIVE);
}

/* A listener that reads nothing for so long is let go; the owner never, it may be a pager that waits for a key. */
enum { STALL_MS = 10000, LAST_STALL_MS = 1000 };

static int drop_stalled(void) {
  int i;
  for (i = clients - 1; i > 0; i--) if (client[i].sent < frame_size) client_drop(i); /* the owner's place is the first, also when it is gone */
  return pending();
}

static void serve(word pid) {
  int i, n, exited = 0, r;
  static char b[24]; /* finish() may still be sending it */
  char *p;
  word since = 0; /* when the frame on its way first had to wait; 0: it did not */
  if (out_fd >= 0) sys3(NR_fcntl, out_fd, 4, NONBLOCK);
  if (err_fd >= 0) sys3(NR_fcntl, err_fd, 4, NONBLOCK);
  if (in_fd >= 0) sys3(NR_fcntl, in_fd, 4, NONBLOCK);
  for (;;) {
    int busy = pending(), limit = exited ? LAST_STALL_MS : STALL_MS;
    word now = busy ? now_ns() : 0;
    if (!busy || !since) since = now;
    if (busy && now - since >= limit * 1000000L) {
      busy = drop_stalled();
      since = now;
      if (exited && busy) release(pid);
    }
    poll_set[0].fd = busy ? -1 : out_fd; poll_set[1].fd = busy ? -1 : err_fd; poll_set[2].fd = exited ? -1 : pid_fd;
    poll_set[3].fd = clients < CLIENTS && !busy ? (int)slot[SLOT_LISTEN] : -1;
    poll_set[0].want = poll_set[1].want = poll_set[2].want = poll_set[3].want = POLLIN;
    poll_set[4].fd = in_at < in_used ? in_fd : -1; poll_set[4].want = POLLOUT;
    n = clients;
    for (i = 0; i < n; i++) { int want = (in_at < in_used ? 0 : POLLIN) | (client[i].sent < frame_size ? POLLOUT : 0); poll_set[5 + i].fd = want ? client[i].fd : -1; poll_set[5 + i].want = want; }
    r = wait_for(5 + n, busy ? limit : exited ? 0 : -1);
    if (exited && !busy && r == 0) break; /* the container is gone and nothing more comes */
    if (r <= 0) continue;
    for (i = n - 1; i >= 0; i--) {
      int got = poll_set[5 + i].got;
      if (!got || i >= clients || client[i].fd != poll_set[5 + i].fd) continue;
      if (got & POLLOUT) { client_send(i); since = 0; }
      if (i < clients && client[i].fd == poll_set[5 + i].fd && (got & (POLLIN | POLLERR | POLLHUP)) && in_at >= in_used && !client_read(i)) {
        if (i == 0 && client[0].fd == OWNER && (flags & STDIN_ONCE) && !(flags & TTY)) stdin_close();
        client_drop(i);
      }
    }
    if (poll_set[4].got) stdin_drain();
    if (poll_set[0].got && !pending() && !pump(0, out_fd)) { if (in_fd == out_fd) stdin_close(); sys1(NR_close, out_fd); out_fd = -1; }
    if (poll_set[1].got && !pending() && !pump(1, err_fd)) { sys1(NR_close, err_fd); err_fd = -1; }
    if (poll_set[3].got && !pending()) {
      int fd = sys4(NR_accept4, slot[SLOT_LISTEN], 0, 0, CLOEXEC | NONBLOCK);
      if (fd >= 0) { client_add(fd); hello(clients - 1); }
    }
    if (poll_set[2].got) { exited = 1; record_exit(pid); sys1(NR_close, slave_fd); }
  }
  release(pid);
  p = b; put_number(&p, code, 1);
  frame(F_EXIT, b, p - b);
  settle();
}

static void finish(void) {
  while (client[0].fd >= 0 && !done) {
    poll_set[0].fd = OWNER; poll_set[0].want = POLLIN | (client[0].sent < frame_size ? POLLOUT : 0);
    if (wait_for(1, -1) <= 0) continue;
    if (poll_set[0].got & POLLOUT) client_send(0);
    if (client[0].fd >= 0 && poll_set[0].got & (POLLIN | POLLERR | POLLHUP | POLLNVAL) && !client_read(0)) break;
  }
  if (done || !(flags & FOLLOW_UP)) leave(0);
  /* nobody is there for what follows the end: the engine itself, by its path, else by the descriptor held since the start */
  sys3(NR_execve, H->engine, H->engine_argv, H->engine_env);
  sys(NR_execveat, ENGINE, "", H->engine_argv, H->engine_env, 0x1000, 0);
  leave(1);
}

static void monitor(void) {
  int fail[2], passed[2], r;
  word pid;
  char h[8], *p, b[24];
  if (H->monitor_clone) {
    r = sys2(NR_clone3, H->monitor_clone, 88);
    if (r > 0) leave(0);
    if (r < 0) leave(126);
  }
  sys2(NR_prctl, 15, "hoy-monitor"); /* PR_SET_NAME */
  r = play(&H->early, fail);
  client_add(OWNER);
  if (receive(OWNER, h, 8, passed) != 8 || h[0] != C_PLAY) leave(0); /* hoy died before it gave the word */
  if (r < 0) { failed(fail[0], fail[1]); leave(1); }
  if (passed[0] >= 0) { sys3(NR_dup3, passed[0], ROOTFS, CLOEXEC); sys1(NR_close, passed[0]); }
  if (passed[1] >= 0) { sys3(NR_dup3, passed[1], PAYLOAD_CGROUP, CLOEXEC); sys1(NR_close, passed[1]); }
  flags = H->flags; log_max = H->log_max; log_files = H->log_files;
  if (!(flags & NO_LOG)) log_size = sys3(NR_lseek, slot[SLOT_LOG], 0, 2); /* SEEK_END: of earlier runs */
  make_streams();
  if (H->join.count) pid = clone_joined();
  else {
    H->clone[0] |= CLONE_PIDFD;
    H->clone[1] = (word)&pid_fd;
    pid = sys2(NR_clone3, H->clone, 88);
    if (pid == 0) run_init();
  }
  handle(SIGPIPE, SIG_IGNORE);
  if (pid < 0) { failed(-2, -pid); leave(1); }
  sys1(NR_close, slot[SLOT_SYNC]);
  sys1(NR_close, ROOTFS);
  sys1(NR_close, PAYLOAD_CGROUP);
  if (!(flags & TTY)) {
    if (flags & STDIN) sys1(NR_close, slot[SLOT_STDIN]);
    sys1(NR_close, slot[SLOT_STDOUT]); sys1(NR_close, slot[SLOT_STDERR]);
  }
  p = b; put_number(&p, pid, 1);
  frame(F_PID, b, p - b);
  start_up(pid);
  sys1(NR_close, sync_fd);
  if (flags & ADOPT) { pid = adopt(pid); p = b; put_number(&p, pid, 1); }
  record("pid.tmp", "pid", b, p - b);
  frame(F_STARTED, "", 0);
  /* only the first pages of the tape are needed from here on */
  if (H->size > H->keep) { word keep = H->keep, size = H->size; sys2(NR_munmap, BASE + keep, size - keep); sys2(NR_ftruncate, TAPE, keep); }
  if (!(flags & ATTACHED)) { settle(); client_drop(0); }
  serve(pid);
  finish();
}

static void exec_mode(void) {
  int fail[2], status, i;
  word pid = -1;
  char b[24], *p = b;
  flags = H->flags;
  if (play(&H->early, fail) == 0) {
    pid = sys2(NR_clone3, H->clone, 88);
    if (pid == 0) {
      sys(NR_mmap, BASE, H->size, 3, 0x12, TAPE, 0);
      play(&H->init, fail);
      client_add(slot[SLOT_SYNC] ? (int)slot[SLOT_SYNC] : OWNER); /* the tape moves it before it closes the rest */
      failed(fail[0], fail[1]);
      leave(127);
    }
    fail[0] = -2; fail[1] = -pid;
  }
  if (pid < 0) { client_add(OWNER); failed(fail[0], fail[1]); leave(126); }
  if (flags & REPORT) { client_add(OWNER); put_number(&p, pid, 1); frame(F_PID, b, p - b); }
  sys1(NR_close, OWNER);
  if (flags & LEAVE) leave(0);
  /* a signal of the terminal's is the child's business: whoever started us passes it on */
  if (flags & REPORT) for (i = 1; i < SIGCHLD; i++) handle(i, SIG_IGNORE);
  sys4(NR_wait4, pid, &status, 0, 0);
  leave(exit_code(status));
}

static void play_mode(void) {
  int fail[2];
  if (play(&H->early, fail) < 0) { client_add(OWNER); failed(fail[0], fail[1]); leave(126); }
  leave(0);
}

static void start(void) {
  word head[8], none = 0;
  int i;
  /* hoy's runtime ignores and blocks signals for itself; a container's programs must not inherit that */
  for (i = 1; i <= 64; i++) handle(i, SIG_DEFAULT);
  sys4(NR_rt_sigprocmask, 2, &none, 0, 8);
  /* the head tells the size; then the whole tape is mapped where its pointers say it is */
  if (sys4(NR_pread64, TAPE, head, sizeof head, 0) != sizeof head || head[0] != VERSION) leave(126);
  if (sys(NR_mmap, BASE, head[4], 3, 0x100001, TAPE, 0) != BASE) leave(126); /* MAP_SHARED | MAP_FIXED_NOREPLACE */
  if (H->mode == MODE_START) monitor();
  if (H->mode == MODE_EXEC) exec_mode();
  play_mode();
}
