/*
 * The probe: runs inside a container and prints as JSON what it finds there. Freestanding like ffi/player.c and made by the same
 * ffi/elf.ts, so it needs no library of the container's. It knows no names: each argument is one question (see probe.ts):
 *
 *   cat:PATH             {"text": first 60 KiB} or {"errno": n}
 *   link:PATH            the target of a symbolic link
 *   list:PATH            the names in a folder, separated by slashes
 *   open:FLAGS:PATH      opens (FLAGS decimal), reads one byte where it may, and tells the errno; 0 is success
 *   call:NR,A,B,…        one system call in a child of its own; an argument is a number, 'TEXT for a string, or @ for 4 KiB of zeros
 *
 * The answer to each is a member of one object with the question as its key; "pid", "ppid" and "umask" come first.
 */
typedef unsigned char u8;
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

enum { HERE = -100, CLOEXEC = 02000000, ENOENT = 2, ACCESS_MODE = 3, WRITE_ONLY = 1, CHILD_SIGNAL = 17 };
enum { QUESTIONS = 65536, CONTENT = 61440, OUTPUT = 65536, ZEROS = 4096 };

static char questions[QUESTIONS];
static char content[CONTENT];
static char output[OUTPUT];
static char zeros[ZEROS];
static int used;

/* makeElf's layout names the player's function */
static void play(void) {}

static void leave(int code) { for (;;) sys1(NR_exit_group, code); }

static void flush(void) {
  int at = 0;
  while (at < used) { word r = sys3(NR_write, 1, output + at, used - at); if (r <= 0) leave(1); at += r; }
  used = 0;
}

static void put(char c) { if (used == OUTPUT) flush(); output[used++] = c; }
static void put_text(const char *s) { while (*s) put(*s++); }
static void put_number(word v) { char b[24]; int i = 0; if (v < 0) { put('-'); v = -v; } do { b[i++] = '0' + v % 10; v /= 10; } while (v); while (i) put(b[--i]); }
static char hex(int v) { return v < 10 ? '0' + v : 'a' + v - 10; }

/* A JSON string of bytes; what is not plain ASCII is escaped as the code point of its byte. */
static void put_string(const char *s, word n) {
  put('"');
  for (; n > 0; n--, s++) {
    u8 c = *s;
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') { put(c); continue; }
    put_text("\\u00"); put(hex(c >> 4)); put(hex(c & 15));
  }
  put('"');
}

static word length(const char *s) { word n = 0; while (s[n]) n++; return n; }
static int starts(const char *s, const char *with) { while (*with) if (*s++ != *with++) return 0; return 1; }
static word number(char **s) { word v = 0, sign = 1; if (**s == '-') { sign = -1; (*s)++; } while (**s >= '0' && **s <= '9') v = v * 10 + *(*s)++ - '0'; return sign * v; }

static void put_errno(word r) { put_text("{\"errno\":"); put_number(-r); put('}'); }
static void put_content(word n) { put_text("{\"text\":"); put_string(content, n); put('}'); }

static void cat(const char *path) {
  word n = 0, r, fd = sys4(NR_openat, HERE, path, CLOEXEC, 0);
  if (fd < 0) { put_errno(fd); return; }
  while (n < CONTENT && (r = sys3(NR_read, fd, content + n, CONTENT - n)) > 0) n += r;
  sys1(NR_close, fd);
  if (n == 0 && r < 0) put_errno(r); else put_content(n);
}

static void link(const char *path) {
  word n = sys4(NR_readlinkat, HERE, path, content, CONTENT);
  if (n < 0) put_errno(n); else put_content(n);
}

/* linux_dirent64: inode 8, offset 8, length 2, type 1, name */
static void list(const char *path) {
  char entries[4096];
  word at, n, end = 0, fd = sys4(NR_openat, HERE, path, CLOEXEC, 0);
  if (fd < 0) { put_errno(fd); return; }
  while ((n = sys3(NR_getdents64, fd, entries, sizeof entries)) > 0)
    for (at = 0; at < n; at += (u8)entries[at + 16] | (u8)entries[at + 17] << 8) {
      const char *name = entries + at + 19;
      if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]))) continue;
      while (*name && end < CONTENT - 1) content[end++] = *name++;
      if (end < CONTENT) content[end++] = '/';
    }
  sys1(NR_close, fd);
  if (n < 0) put_errno(n); else put_content(end ? end - 1 : 0);
}

static void open(char *question) {
  word flags = number(&question), fd = sys4(NR_openat, HERE, question + 1, flags | CLOEXEC, 0600), r = 0;
  char byte;
  if (fd < 0) { put_errno(fd); return; }
  if ((flags & ACCESS_MODE) != WRITE_ONLY) r = sys3(NR_read, fd, &byte, 1);
  sys1(NR_close, fd);
  put_text("{\"errno\":"); put_number(r < 0 ? -r : 0); put_text(",\"read\":"); put_number(r); put('}');
}

/* In a child, for calls that change or end the caller. A call that itself makes a child returns twice: both leave. */
static void call(char *question) {
  word arg[7], pid;
  int i, status = 0;
  for (i = 0; i < 7; i++) arg[i] = 0;
  for (i = 0; i < 7 && *question; i++) {
    if (*question == '\'') { arg[i] = (word)++question; while (*question && *question != ',') question++; }
    else if (*question == '@') { arg[i] = (word)zeros; question++; }
    else arg[i] = number(&question);
    if (*question == ',') *question++ = 0;
  }
  flush();
  pid = sys(NR_clone, CHILD_SIGNAL, 0, 0, 0, 0, 0);
  if (pid == 0) {
    word r = sys(arg[0], arg[1], arg[2], arg[3], arg[4], arg[5], arg[6]);
    leave(r < 0 && r > -256 ? -r : 0);
  }
  if (pid < 0) { put_errno(pid); return; }
  sys4(NR_wait4, pid, &status, 0x40000000, 0); /* __WALL */
  put_text(status & 0x7f ? "{\"signal\":" : "{\"errno\":");
  put_number(status & 0x7f ? status & 0x7f : status >> 8 & 0xff);
  put('}');
}

static void member(const char *name, word value) { put('"'); put_text(name); put_text("\":"); put_number(value); }

static void start(void) {
  word n = 0, r, at, mask, fd = sys4(NR_openat, HERE, "/proc/self/cmdline", CLOEXEC, 0);
  if (fd < 0) leave(125);
  while (n < QUESTIONS - 1 && (r = sys3(NR_read, fd, questions + n, QUESTIONS - 1 - n)) > 0) n += r;
  sys1(NR_close, fd);
  mask = sys1(NR_umask, 0);
  sys1(NR_umask, mask);
  put('{'); member("pid", sys1(NR_getpid, 0)); put(','); member("ppid", sys1(NR_getppid, 0)); put(','); member("umask", mask);
  for (at = length(questions) + 1; at < n; ) {
    char *question = questions + at;
    at += length(question) + 1;
    put_text(",\n"); put_string(question, length(question)); put(':');
    if (starts(question, "cat:")) cat(question + 4);
    else if (starts(question, "link:")) link(question + 5);
    else if (starts(question, "list:")) list(question + 5);
    else if (starts(question, "open:")) open(question + 5);
    else if (starts(question, "call:")) call(question + 5);
    else leave(124);
  }
  put_text("}\n");
  flush();
  leave(0);
}
