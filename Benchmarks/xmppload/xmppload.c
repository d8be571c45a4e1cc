/* SPDX-License-Identifier: Apache-2.0 */
/* xmppload - a small, fast, server-neutral XMPP load generator.
 *
 * Single thread, epoll, non-blocking; OpenSSL for STARTTLS; hand-rolled
 * incremental stream splitter (each byte looked at once, no tree).
 * One JSON line on stdout per run; diagnostics on stderr.
 *
 * Modes: register login idle chat iq rosters fanout muc muclight mam   (see usage())
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;
#define NS 1000000000ull

/* ---------------------------------------------------------------- options */
static const char *o_mode = "", *o_host = "127.0.0.1", *o_domain = "localhost", *o_pass = "pass",
                  *o_prefix = "user", *o_auth = "plain", *o_label = "", *o_iq = "ping", *o_resource = "r",
                  *o_cache = NULL, *o_muc = NULL, *o_mampage = "last", *o_steps = NULL;
static int o_port = 5222, o_n = 100, o_first = 0, o_conc = 64, o_tls = 0, o_window = 1, o_body = 100, o_k = 10,
           o_src = 8, o_pid = 0, o_bare = 0, o_raw = 0, o_close = 0, o_page = 50, o_print = 0, o_abrupt = 0,
           o_verbose = 0, o_nopres = 0, o_apart = 1, o_idle = 0;
static double o_dur = 5, o_warm = 1, o_rate = 0, o_timeout = 120, o_settle = 3;
static long o_count = 0;

/* ------------------------------------------------------------------- util */
static inline u64 now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (u64)t.tv_sec * NS + t.tv_nsec;
}
static void die(const char *f, ...) {
  va_list a;
  va_start(a, f);
  char b[512];
  vsnprintf(b, sizeof b, f, a);
  va_end(a);
  fprintf(stderr, "xmppload: %s\n", b);
  printf("{\"mode\":\"%s\",\"label\":\"%s\",\"error\":\"%s\"}\n", o_mode, o_label, b);
  fflush(stdout);
  _exit(2);
}
static void *xm(size_t n) {
  void *p = malloc(n);
  if (!p) die("out of memory");
  return p;
}
/* log-linear histogram of nanoseconds, 64 sub-buckets per octave (<1.6% error) */
typedef struct { u64 n, sum, max; u64 b[64 * 64]; } hist;
static int hidx(u64 v) {
  if (v < 64) return (int)v;
  int e = 63 - __builtin_clzll(v);
  return ((e - 5) << 6) | (int)((v >> (e - 6)) & 63);
}
static u64 hval(int i) {
  if (i < 64) return i;
  int e = (i >> 6) + 5;
  return ((u64)(64 | (i & 63)) << (e - 6)) + ((1ull << (e - 6)) >> 1);
}
static inline void hadd(hist *h, u64 v) {
  h->n++;
  h->sum += v;
  if (v > h->max) h->max = v;
  h->b[hidx(v)]++;
}
static double hpct(hist *h, double p) {
  if (!h->n) return 0;
  u64 want = (u64)ceil(h->n * p), c = 0;
  if (want < 1) want = 1;
  for (int i = 0; i < 64 * 64; i++) {
    c += h->b[i];
    if (c >= want) return hval(i) / 1000.0;
  }
  return h->max / 1000.0;
}
static hist H;

/* ------------------------------------------------- server /proc accounting */
typedef struct { double cpu; long rss, pss; } srv;
static void srv_one(int pid, srv *s, int mem, int root) {
  char f[400], b[8192];
  snprintf(f, sizeof f, "/proc/%d/stat", pid);
  int fd = open(f, O_RDONLY);
  if (fd < 0) return;
  int n = read(fd, b, sizeof b - 1);
  close(fd);
  if (n <= 0) return;
  b[n] = 0;
  char *p = strrchr(b, ')');
  unsigned long ut = 0, st = 0;
  long cut = 0, cst = 0;
  sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &ut, &st, &cut, &cst);
  s->cpu += (double)(ut + st + (root ? cut + cst : 0)) / sysconf(_SC_CLK_TCK);
  if (mem) {
    snprintf(f, sizeof f, "/proc/%d/smaps_rollup", pid);
    FILE *fp = fopen(f, "r");
    long v;
    if (fp) {
      while (fgets(b, sizeof b, fp)) {
        if (sscanf(b, "Rss: %ld", &v) == 1) s->rss += v;
        else if (sscanf(b, "Pss: %ld", &v) == 1) s->pss += v;
      }
      fclose(fp);
    }
  }
  snprintf(f, sizeof f, "/proc/%d/task", pid);
  DIR *d = opendir(f);
  if (!d) return;
  struct dirent *e;
  while ((e = readdir(d))) {
    if (e->d_name[0] == '.') continue;
    snprintf(f, sizeof f, "/proc/%d/task/%s/children", pid, e->d_name);
    FILE *fp = fopen(f, "r");
    if (!fp) continue;
    int ch;
    while (fscanf(fp, "%d", &ch) == 1) srv_one(ch, s, mem, 0);
    fclose(fp);
  }
  closedir(d);
}
static srv srv_get(int mem) {
  srv s = {0, 0, 0};
  if (o_pid) srv_one(o_pid, &s, mem, 1);
  return s;
}
static double gen_cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
static double all_cpu(void) { /* busy CPU seconds of the whole machine */
  FILE *f = fopen("/proc/stat", "r");
  unsigned long long v[8] = {0};
  if (!f) return 0;
  if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7) < 4) v[0] = 0;
  fclose(f);
  return (double)(v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / sysconf(_SC_CLK_TCK);
}
typedef struct { u64 t; srv s; double g, a; u64 ops, items; } snap;
static u64 g_ops, g_items; /* completed operations / delivered items */
static snap snapshot(int mem) {
  snap x;
  x.s = srv_get(mem);
  x.g = gen_cpu();
  x.a = all_cpu();
  x.ops = g_ops;
  x.items = g_items;
  x.t = now();
  return x;
}

/* ------------------------------------------------------------- connections */
enum { S_NONE, S_CONN, S_FEAT0, S_PROCEED, S_HS, S_FEAT1, S_SASL, S_FEAT2, S_BIND, S_SESS, S_ROSTER, S_READY, S_REG, S_CLOSING, S_CLOSED };
static const char *SN[] = {"none", "connecting", "features0", "proceed", "handshake", "features1", "sasl", "features2", "bind", "session", "roster", "ready", "register", "closing", "closed"};
typedef struct scram { char nonce[40]; char bare[128]; int step; } scram;
typedef struct conn {
  int fd, idx, user;
  uint8_t st, dirty, wantw, failed, tls_on, mode /*scanner*/, quote, restart;
  int depth;
  size_t pos, tag, elem; /* scanner offsets relative to buffer start */
  char *in; size_t inl, inc;
  char *out; size_t outl, outo, outc;
  SSL *ssl;
  u64 t0;
  scram *sc;
  char *jid;
  /* traffic */
  char *tmpl; size_t tmpll, tmplid; /* message template and offset of the 16 hex digits */
  struct conn *peer;
  long sent, rcvd;
  int joined;
  int nboth; /* contacts with subscription=both */
  char after[96];
} conn;
static conn *C;
static int EP, NC;
static SSL_CTX *CTX;
static conn **dirty;
static int ndirty;
static int inflight, nready, nfailed, nclosed, next_conn;
static u64 errors, last_rx, rx_bytes, tx_bytes, rx_stanzas;
static int measuring, stopping, phase_ready;
static char rbuf[1 << 18];

static void on_stanza(conn *c, const char *p, size_t n);
static void conn_fail(conn *c, const char *why);

static void out(conn *c, const char *p, size_t n) {
  if (c->st == S_CLOSED) return;
  if (c->outl + n > c->outc) {
    size_t nc = c->outc ? c->outc : 256;
    while (nc < c->outl + n) nc *= 2;
    c->out = realloc(c->out, nc);
    if (!c->out) die("out of memory");
    c->outc = nc;
  }
  memcpy(c->out + c->outl, p, n);
  c->outl += n;
  if (!c->dirty) {
    c->dirty = 1;
    dirty[ndirty++] = c;
  }
}
static void outf(conn *c, const char *f, ...) {
  char b[4096];
  va_list a;
  va_start(a, f);
  int n = vsnprintf(b, sizeof b, f, a);
  va_end(a);
  if (n >= (int)sizeof b) die("outf overflow");
  out(c, b, n);
}
static void ep_mod(conn *c, uint32_t ev) {
  struct epoll_event e = {.events = ev, .data.ptr = c};
  epoll_ctl(EP, EPOLL_CTL_MOD, c->fd, &e);
}
static void closefd(conn *c) {
  if (c->fd >= 0) {
    if (c->ssl) { SSL_free(c->ssl); c->ssl = NULL; }
    close(c->fd);
    c->fd = -1;
  }
  free(c->in); c->in = NULL; c->inl = c->inc = 0;
  free(c->out); c->out = NULL; c->outl = c->outo = c->outc = 0;
  if (c->st != S_CLOSED) { c->st = S_CLOSED; nclosed++; }
}
static void flush_conn(conn *c) {
  if (c->st == S_CLOSED || c->st == S_CONN || c->st == S_HS) return;
  while (c->outo < c->outl) {
    ssize_t r;
    if (c->tls_on) {
      r = SSL_write(c->ssl, c->out + c->outo, c->outl - c->outo);
      if (r <= 0) {
        int e = SSL_get_error(c->ssl, r);
        ERR_clear_error();
        if (e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ) {
          if (!c->wantw) { c->wantw = 1; ep_mod(c, EPOLLIN | EPOLLOUT); }
          return;
        }
        conn_fail(c, "SSL_write");
        return;
      }
    } else {
      r = send(c->fd, c->out + c->outo, c->outl - c->outo, MSG_NOSIGNAL);
      if (r < 0) {
        if (errno == EAGAIN) {
          if (!c->wantw) { c->wantw = 1; ep_mod(c, EPOLLIN | EPOLLOUT); }
          return;
        }
        if (errno == EINTR) continue;
        conn_fail(c, strerror(errno));
        return;
      }
    }
    c->outo += r;
    tx_bytes += r;
  }
  c->outo = c->outl = 0;
  if (c->outc > 4096 || c->st >= S_READY) { if (!measuring || c->outc > 1 << 16) { free(c->out); c->out = NULL; c->outc = 0; } }
  if (c->wantw) { c->wantw = 0; ep_mod(c, EPOLLIN); }
}
static void flush_dirty(void) {
  for (int i = 0; i < ndirty; i++) {
    conn *c = dirty[i];
    c->dirty = 0;
    flush_conn(c);
  }
  ndirty = 0;
}
static void stream_open(conn *c) {
  c->restart = 1;
  outf(c, "<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>", o_domain);
}
static void conn_start(conn *c) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) die("socket: %s (raise ulimit -n)", strerror(errno));
  int one = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (o_src > 1 && !strncmp(o_host, "127.", 4)) {
    setsockopt(c->fd, IPPROTO_IP, 24 /*IP_BIND_ADDRESS_NO_PORT*/, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET};
    a.sin_addr.s_addr = htonl(0x7f000002u + c->idx % o_src);
    if (bind(c->fd, (void *)&a, sizeof a)) die("bind source: %s", strerror(errno));
  }
  struct sockaddr_in d = {.sin_family = AF_INET, .sin_port = htons(o_port)};
  inet_pton(AF_INET, o_host, &d.sin_addr);
  c->t0 = now();
  c->st = S_CONN;
  if (o_raw) { /* blocking, in order: the relay pairs sockets in accept order */
    int fl = fcntl(c->fd, F_GETFL);
    fcntl(c->fd, F_SETFL, fl & ~O_NONBLOCK);
    if (connect(c->fd, (void *)&d, sizeof d)) die("connect: %s", strerror(errno));
    fcntl(c->fd, F_SETFL, fl | O_NONBLOCK);
    struct epoll_event e = {.events = o_tls ? EPOLLOUT | EPOLLIN : EPOLLIN, .data.ptr = c};
    epoll_ctl(EP, EPOLL_CTL_ADD, c->fd, &e);
    c->depth = 1;
    if (o_tls) {
      c->ssl = SSL_new(CTX);
      SSL_set_fd(c->ssl, c->fd);
      SSL_set_connect_state(c->ssl);
      c->st = S_HS;
      inflight++;
    } else {
      c->st = S_READY;
      nready++;
    }
    return;
  }
  inflight++;
  if (connect(c->fd, (void *)&d, sizeof d) && errno != EINPROGRESS) {
    struct epoll_event e0 = {.events = 0, .data.ptr = c};
    epoll_ctl(EP, EPOLL_CTL_ADD, c->fd, &e0);
    conn_fail(c, strerror(errno));
    return;
  }
  struct epoll_event e = {.events = EPOLLOUT | EPOLLIN, .data.ptr = c};
  epoll_ctl(EP, EPOLL_CTL_ADD, c->fd, &e);
}
static void conn_fail(conn *c, const char *why) {
  if (c->st == S_CLOSED) return;
  if (c->st == S_CLOSING || stopping) { closefd(c); return; }
  errors++;
  if (errors <= 8 || o_verbose) fprintf(stderr, "xmppload: user%d: failed in state %s: %s\n", c->user, SN[c->st], why);
  if (c->st < S_READY || c->st == S_REG) inflight--;
  else nready--;
  c->failed = 1;
  nfailed++;
  closefd(c);
}

/* ---------------------------------------------------------- stream splitter */
/* modes */
enum { M_TEXT, M_TAG, M_CDATA };
/* returns number of bytes of buf which may be dropped */
static size_t scan(conn *c, char *b, size_t n) {
  size_t p = c->pos;
  while (p < n) {
    if (c->mode == M_TEXT) {
      char *q = memchr(b + p, '<', n - p);
      if (!q) { p = n; break; }
      p = q - b;
      c->tag = p++;
      c->mode = M_TAG;
      c->quote = 0;
    } else if (c->mode == M_TAG) {
      int done = 0;
      for (; p < n; p++) {
        char ch = b[p];
        if (c->quote) {
          char *q = memchr(b + p, c->quote, n - p);
          if (!q) { p = n; break; }
          p = q - b;
          c->quote = 0;
        } else if (ch == '>') { done = 1; break; }
        else if (ch == '\'' || ch == '"') c->quote = ch;
        else if (ch == '[' && p == c->tag + 2 && b[p - 1] == '!') { c->mode = M_CDATA; break; }
      }
      if (c->mode == M_CDATA) continue;
      if (!done) break;
      size_t t = c->tag;
      c->mode = M_TEXT;
      p++;
      if (b[t + 1] == '?') continue;
      if (b[t + 1] == '/') {
        c->depth--;
        if (c->depth == 1) {
          c->pos = p;
          on_stanza(c, b + c->elem, p - c->elem);
          if (c->st == S_CLOSED) return n;
          if (c->restart) { c->restart = 0; c->depth = 0; c->mode = M_TEXT; c->pos = 0; return n; }
        } else if (c->depth == 0) {
          if (c->st == S_CLOSING || stopping) closefd(c);
          else conn_fail(c, "stream closed by server");
          return n;
        }
      } else {
        int self = b[p - 2] == '/';
        if (c->depth == 0) c->depth = 1;
        else {
          if (c->depth == 1) c->elem = t;
          if (self) {
            if (c->depth == 1) {
              c->pos = p;
              on_stanza(c, b + c->elem, p - c->elem);
              if (c->st == S_CLOSED) return n;
              if (c->restart) { c->restart = 0; c->depth = 0; c->mode = M_TEXT; c->pos = 0; return n; }
            }
          } else c->depth++;
        }
      }
    } else { /* CDATA */
      char *q = memmem(b + p, n - p, "]]>", 3);
      if (!q) { p = n > 2 && n - 2 > p ? n - 2 : p; c->pos = p; break; }
      p = q - b + 3;
      c->mode = M_TEXT;
    }
  }
  size_t keep = n;
  if (c->depth > 1) keep = c->elem;
  else if (c->mode != M_TEXT) keep = c->tag;
  c->pos = p - keep;
  c->tag -= c->tag >= keep ? keep : c->tag;
  c->elem -= c->elem >= keep ? keep : c->elem;
  return keep;
}
static void feed(conn *c, char *data, size_t n) { /* data may be rbuf */
  rx_bytes += n;
  if (c->inl == 0) {
    size_t used = scan(c, data, n);
    if (c->st == S_CLOSED) return;
    size_t left = n - used;
    if (left) {
      if (left > c->inc) { c->in = realloc(c->in, left * 2); c->inc = left * 2; }
      memcpy(c->in, data + used, left);
      c->inl = left;
    } else if (c->in && (!measuring || c->inc > 1 << 16)) { free(c->in); c->in = NULL; c->inc = 0; }
  } else {
    if (c->inl + n > c->inc) {
      c->inc = (c->inl + n) * 2;
      c->in = realloc(c->in, c->inc);
      if (!c->in) die("out of memory");
    }
    memcpy(c->in + c->inl, data, n);
    c->inl += n;
    size_t used = scan(c, c->in, c->inl);
    if (c->st == S_CLOSED) return;
    if (used) {
      memmove(c->in, c->in + used, c->inl - used);
      c->inl -= used;
    }
  }
}

/* ------------------------------------------------------------- xml helpers */
static int attr(const char *p, size_t n, const char *name, const char **v, size_t *vl) {
  size_t nl = strlen(name), i = 1;
  while (i < n && p[i] != ' ' && p[i] != '>' && p[i] != '\n' && p[i] != '\t') i++;
  while (i < n && p[i] != '>') {
    while (i < n && (p[i] == ' ' || p[i] == '\n' || p[i] == '\t' || p[i] == '/')) i++;
    if (i >= n || p[i] == '>') break;
    size_t s = i;
    while (i < n && p[i] != '=' && p[i] != ' ') i++;
    size_t l = i - s;
    while (i < n && p[i] != '\'' && p[i] != '"') i++;
    if (i >= n) break;
    char q = p[i++];
    size_t vs = i;
    const char *e = memchr(p + i, q, n - i);
    if (!e) break;
    i = e - p + 1;
    if (l == nl && !memcmp(p + s, name, nl)) { *v = p + vs; *vl = e - (p + vs); return 1; }
  }
  return 0;
}
static int attreq(const char *p, size_t n, const char *name, const char *want) {
  const char *v;
  size_t l;
  return attr(p, n, name, &v, &l) && l == strlen(want) && !memcmp(v, want, l);
}
static int has(const char *p, size_t n, const char *s) { return memmem(p, n, s, strlen(s)) != NULL; }
static int isel(const char *p, size_t n, const char *name) { /* local name of root */
  size_t i = 1, s = 1;
  while (i < n && p[i] != ' ' && p[i] != '>' && p[i] != '/') { if (p[i] == ':') s = i + 1; i++; }
  return i - s == strlen(name) && !memcmp(p + s, name, i - s);
}
static int text_of(const char *p, size_t n, const char *open, char *o, size_t ol) { /* text after e.g. "<jid" ...> */
  const char *q = memmem(p, n, open, strlen(open));
  if (!q) return 0;
  q = memchr(q, '>', p + n - q);
  if (!q) return 0;
  q++;
  const char *e = memchr(q, '<', p + n - q);
  if (!e || (size_t)(e - q) >= ol) return 0;
  memcpy(o, q, e - q);
  o[e - q] = 0;
  return 1;
}
static const char HX[] = "0123456789abcdef";
static inline void puthex(char *d, u64 v) { for (int i = 15; i >= 0; i--) { d[i] = HX[v & 15]; v >>= 4; } }
static inline int gethex(const char *d, u64 *v) {
  u64 r = 0;
  for (int i = 0; i < 16; i++) {
    char c = d[i];
    if (c >= '0' && c <= '9') r = r << 4 | (c - '0');
    else if (c >= 'a' && c <= 'f') r = r << 4 | (c - 'a' + 10);
    else return 0;
  }
  *v = r;
  return 1;
}
/* user number out of prefixNNN@... */
static int usernum(const char *v, size_t l) {
  size_t pl = strlen(o_prefix), i;
  if (l <= pl || memcmp(v, o_prefix, pl)) return -1;
  int r = 0;
  for (i = pl; i < l && v[i] >= '0' && v[i] <= '9'; i++) r = r * 10 + v[i] - '0';
  return i > pl ? r : -1;
}

/* ------------------------------------------------------------------- SCRAM */
/* cache of ClientKey per user so the generator does not pay PBKDF2 in the measured pass */
typedef struct { uint8_t ok, alg; int iter; uint8_t saltl, salt[48], ck[32]; } sckey;
static sckey *SK;
static int nSK;
static u64 pbkdf2_runs;
static int b64d(const char *s, int l, uint8_t *o) {
  static int8_t T[256];
  static int init;
  if (!init) {
    memset(T, -1, 256);
    for (int i = 0; i < 64; i++) T[(int)"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[i]] = i;
    init = 1;
  }
  int n = 0, bits = 0;
  uint32_t a = 0;
  for (int i = 0; i < l; i++) {
    int v = T[(uint8_t)s[i]];
    if (v < 0) continue;
    a = a << 6 | v;
    bits += 6;
    if (bits >= 8) { bits -= 8; o[n++] = a >> bits; }
  }
  return n;
}
static void cache_load(void) {
  nSK = o_first + o_n + 1;
  SK = calloc(nSK, sizeof *SK);
  if (!o_cache) return;
  FILE *f = fopen(o_cache, "r");
  if (!f) return;
  sckey k;
  int u;
  while (fread(&u, sizeof u, 1, f) == 1 && fread(&k, sizeof k, 1, f) == 1)
    if (u >= 0 && u < nSK) SK[u] = k;
  fclose(f);
}
static void cache_save(void) {
  if (!o_cache || !pbkdf2_runs) return;
  FILE *f = fopen(o_cache, "w");
  if (!f) return;
  for (int u = 0; u < nSK; u++)
    if (SK[u].ok) { fwrite(&u, sizeof u, 1, f); fwrite(&SK[u], sizeof *SK, 1, f); }
  fclose(f);
}
static void scram_start(conn *c, int alg) {
  c->sc = calloc(1, sizeof *c->sc);
  uint8_t r[18];
  RAND_bytes(r, 18);
  EVP_EncodeBlock((uint8_t *)c->sc->nonce, r, 18);
  snprintf(c->sc->bare, sizeof c->sc->bare, "n=%s%d,r=%s", o_prefix, c->user, c->sc->nonce);
  char m[200], e[300];
  int n = snprintf(m, sizeof m, "n,,%s", c->sc->bare);
  EVP_EncodeBlock((uint8_t *)e, (uint8_t *)m, n);
  c->sc->step = alg;
  outf(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>%s</auth>", alg == 1 ? "SCRAM-SHA-1" : "SCRAM-SHA-256", e);
}
static void scram_challenge(conn *c, const char *b64, size_t l) {
  const EVP_MD *md = c->sc->step == 1 ? EVP_sha1() : EVP_sha256();
  int hl = EVP_MD_size(md);
  char s[1024];
  if (l > 1300) { conn_fail(c, "long challenge"); return; }
  int n = b64d(b64, l, (uint8_t *)s);
  s[n] = 0;
  char *r = strstr(s, "r="), *sa = strstr(s, ",s="), *it = strstr(s, ",i=");
  if (!r || !sa || !it) { conn_fail(c, "bad challenge"); return; }
  char nonce[256], fin[600], am[2048], proof64[100];
  snprintf(nonce, sizeof nonce, "%.*s", (int)(sa - r - 2), r + 2);
  int iter = atoi(it + 3);
  uint8_t salt[64];
  int sl = b64d(sa + 3, it - sa - 3, salt);
  if (sl > 48) { conn_fail(c, "long salt"); return; }
  sckey *k = &SK[c->user];
  if (!k->ok || k->alg != c->sc->step || k->iter != iter || k->saltl != sl || memcmp(k->salt, salt, sl)) {
    uint8_t sp[32];
    unsigned ol;
    PKCS5_PBKDF2_HMAC(o_pass, strlen(o_pass), salt, sl, iter, md, hl, sp);
    HMAC(md, sp, hl, (const uint8_t *)"Client Key", 10, k->ck, &ol);
    k->ok = 1; k->alg = c->sc->step; k->iter = iter; k->saltl = sl;
    memcpy(k->salt, salt, sl);
    pbkdf2_runs++;
  }
  int fl = snprintf(fin, sizeof fin, "c=biws,r=%s", nonce);
  int al = snprintf(am, sizeof am, "%s,%s,%s", c->sc->bare, s, fin);
  uint8_t stored[32], sig[32];
  unsigned ol;
  EVP_Digest(k->ck, hl, stored, &ol, md, NULL);
  HMAC(md, stored, hl, (uint8_t *)am, al, sig, &ol);
  for (int i = 0; i < hl; i++) sig[i] ^= k->ck[i];
  EVP_EncodeBlock((uint8_t *)proof64, sig, hl);
  fl += snprintf(fin + fl, sizeof fin - fl, ",p=%s", proof64);
  char e[900];
  EVP_EncodeBlock((uint8_t *)e, (uint8_t *)fin, fl);
  outf(c, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</response>", e);
}

/* -------------------------------------------------------------- login steps */
static void send_auth(conn *c, const char *p, size_t n) {
  c->st = S_SASL;
  if (!strcmp(o_auth, "plain")) {
    if (!has(p, n, ">PLAIN<")) { conn_fail(c, "PLAIN not offered"); return; }
    char m[256], e[400];
    int l = snprintf(m, sizeof m, "%c%s%d%c%s", 0, o_prefix, c->user, 0, o_pass);
    EVP_EncodeBlock((uint8_t *)e, (uint8_t *)m, l);
    outf(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", e);
  } else if (!strcmp(o_auth, "scram-sha-1")) {
    if (!has(p, n, ">SCRAM-SHA-1<")) { conn_fail(c, "SCRAM-SHA-1 not offered"); return; }
    scram_start(c, 1);
  } else {
    if (!has(p, n, ">SCRAM-SHA-256<")) { conn_fail(c, "SCRAM-SHA-256 not offered"); return; }
    scram_start(c, 2);
  }
}
static void traffic(conn *c, const char *p, size_t n);
static void begin_close(conn *c) {
  if (c->st == S_CLOSED || c->st == S_NONE) return;
  c->st = S_CLOSING;
  if (o_abrupt || o_raw) { closefd(c); return; }
  out(c, "</stream:stream>", 16);
}
static void ready(conn *c) {
  c->st = S_READY;
  inflight--;
  nready++;
  if (!o_nopres) out(c, "<presence/>", 11);
  if (!strcmp(o_mode, "login") || !strcmp(o_mode, "idle")) {
    hadd(&H, now() - c->t0);
    g_ops++;
    if (o_close) begin_close(c);
  }
}
static void after_auth(conn *c, const char *p, size_t n) {
  (void)p; (void)n;
  c->st = S_BIND;
  outf(c, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>%s</resource></bind></iq>", o_resource);
}
static void on_stanza(conn *c, const char *p, size_t n) {
  rx_stanzas++;
  switch (c->st) {
  case S_READY:
    traffic(c, p, n);
    return;
  case S_FEAT0:
    if (!isel(p, n, "features")) goto unexpected;
    if (o_tls) {
      if (!has(p, n, "xmpp-tls")) { conn_fail(c, "STARTTLS not offered"); return; }
      c->st = S_PROCEED;
      outf(c, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
      return;
    }
    /* fall through */
  case S_FEAT1:
    if (!isel(p, n, "features")) goto unexpected;
    if (!strcmp(o_mode, "register")) {
      c->st = S_REG;
      outf(c, "<iq type='set' id='g'><query xmlns='jabber:iq:register'><username>%s%d</username><password>%s</password></query></iq>", o_prefix, c->user, o_pass);
      return;
    }
    send_auth(c, p, n);
    return;
  case S_PROCEED:
    if (!isel(p, n, "proceed")) goto unexpected;
    c->st = S_HS;
    c->restart = 1;
    c->ssl = SSL_new(CTX);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    SSL_set_tlsext_host_name(c->ssl, o_domain);
    return;
  case S_REG:
    if (!isel(p, n, "iq")) return;
    if (attreq(p, n, "type", "result")) g_ops++;
    else if (has(p, n, "conflict")) g_items++; /* already there */
    else { char b[400]; snprintf(b, sizeof b, "%.*s", (int)(n < 300 ? n : 300), p); conn_fail(c, b); return; }
    hadd(&H, now() - c->t0);
    inflight--;
    nready++;
    begin_close(c);
    return;
  case S_SASL:
    if (isel(p, n, "success")) {
      free(c->sc); c->sc = NULL;
      c->st = S_FEAT2;
      stream_open(c);
      return;
    }
    if (isel(p, n, "challenge")) {
      char t[1400];
      if (!text_of(p, n, "<challenge", t, sizeof t)) { conn_fail(c, "bad challenge"); return; }
      scram_challenge(c, t, strlen(t));
      return;
    }
    goto unexpected;
  case S_FEAT2:
    if (!isel(p, n, "features")) goto unexpected;
    /* RFC 3921 session only when offered and not optional */
    { const char *q = memmem(p, n, "<session", 8);
      c->joined = 0;
      if (q && !memmem(q, (size_t)(p + n - q) < 120 ? (size_t)(p + n - q) : 120, "optional", 8)) c->joined = 1; }
    after_auth(c, p, n);
    return;
  case S_BIND: {
    if (!isel(p, n, "iq") || !attreq(p, n, "id", "b")) return;
    char j[512];
    if (!text_of(p, n, "<jid", j, sizeof j)) { conn_fail(c, "bind failed"); return; }
    c->jid = strdup(j);
    if (c->joined) { c->joined = 0; c->st = S_SESS; outf(c, "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"); return; }
    c->st = S_ROSTER;
    outf(c, "<iq type='get' id='o'><query xmlns='jabber:iq:roster'/></iq>");
    return;
  }
  case S_SESS:
    if (!isel(p, n, "iq") || !attreq(p, n, "id", "s")) return;
    c->st = S_ROSTER;
    outf(c, "<iq type='get' id='o'><query xmlns='jabber:iq:roster'/></iq>");
    return;
  case S_ROSTER:
    if (!isel(p, n, "iq") || !attreq(p, n, "id", "o")) return;
    if (!attreq(p, n, "type", "result")) { conn_fail(c, "roster error"); return; }
    ready(c);
    return;
  case S_CLOSING:
    return;
  default:
    return;
  }
unexpected: {
    char b[400];
    snprintf(b, sizeof b, "unexpected: %.*s", (int)(n < 300 ? n : 300), p);
    conn_fail(c, b);
  }
}

/* ------------------------------------------------------------------ events */
static void on_event(conn *c, uint32_t ev) {
  if (c->st == S_CLOSED) return;
  if (c->st == S_CONN) {
    int e = 0;
    socklen_t l = sizeof e;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &l);
    if (e) { conn_fail(c, strerror(e)); return; }
    if (!(ev & EPOLLOUT)) return;
    ep_mod(c, EPOLLIN);
    c->st = S_FEAT0;
    stream_open(c);
    c->restart = 0;
    return;
  }
  if (c->st == S_HS) {
  hs:;
    int r = SSL_do_handshake(c->ssl);
    if (r == 1) {
      c->tls_on = 1;
      c->wantw = 0;
      ep_mod(c, EPOLLIN);
      if (o_raw) { c->st = S_READY; inflight--; nready++; c->depth = 1; return; }
      c->st = S_FEAT1;
      stream_open(c);
      c->restart = 0;
    } else {
      int e = SSL_get_error(c->ssl, r);
      if (e == SSL_ERROR_WANT_READ) { if (ev & EPOLLOUT) ep_mod(c, EPOLLIN); return; }
      if (e == SSL_ERROR_WANT_WRITE) { ep_mod(c, EPOLLIN | EPOLLOUT); return; }
      char b[200];
      ERR_error_string_n(ERR_get_error(), b, sizeof b);
      ERR_clear_error();
      conn_fail(c, b);
      return;
    }
  }
  if (ev & EPOLLOUT) flush_conn(c);
  if (c->st == S_CLOSED) return;
  if (ev & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    last_rx = now();
    for (;;) {
      ssize_t r;
      if (c->tls_on) {
        r = SSL_read(c->ssl, rbuf, sizeof rbuf);
        if (r <= 0) {
          int e = SSL_get_error(c->ssl, r);
          ERR_clear_error();
          if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) return;
          if (c->st == S_CLOSING || stopping) closefd(c);
          else conn_fail(c, "TLS connection lost");
          return;
        }
      } else {
        r = recv(c->fd, rbuf, sizeof rbuf, 0);
        if (r < 0) {
          if (errno == EAGAIN || errno == EINTR) return;
          conn_fail(c, strerror(errno));
          return;
        }
        if (r == 0) {
          if (c->st == S_CLOSING || stopping) closefd(c);
          else conn_fail(c, "connection closed");
          return;
        }
      }
      feed(c, rbuf, r);
      if (c->st == S_CLOSED) return;
      if (c->st == S_HS) { ev = 0; goto hs; }
      if (!c->tls_on && r < (ssize_t)sizeof rbuf) return;
    }
  }
}
static void poll_once(int64_t wait_ns) {
  struct epoll_event ev[512];
  struct timespec ts = {wait_ns / NS, wait_ns % NS};
  flush_dirty();
  int n = epoll_pwait2(EP, ev, 512, &ts, NULL);
  for (int i = 0; i < n; i++) on_event(ev[i].data.ptr, ev[i].events);
  flush_dirty();
}
/* log everybody in; returns when all are ready or failed */
static void login_all(int upto) {
  u64 start = now(), dead = start + (u64)(o_timeout * NS);
  int base = next_conn;
  while (nready + nfailed < upto || inflight > 0) {
    u64 t = now();
    if (t > dead) { fprintf(stderr, "xmppload: login phase timed out: %d ready %d failed %d in flight\n", nready, nfailed, inflight); break; }
    int64_t w = 10000000;
    while (next_conn < upto) {
      if (o_rate > 0 && (!strcmp(o_mode, "login"))) {
        u64 due = start + (u64)((next_conn - base) / o_rate * NS);
        t = now();
        if (due > t) { w = due - t; break; }
        conn_start(&C[next_conn]);
        C[next_conn++].t0 = due;
      } else {
        if (inflight >= o_conc) break;
        conn_start(&C[next_conn++]);
      }
    }
    if (nfailed > 50 && nfailed > upto / 10) die("too many failures (%d)", nfailed);
    poll_once(w);
  }
}
static void run_for(double s) {
  u64 e = now() + (u64)(s * NS);
  for (;;) {
    u64 t = now();
    if (t >= e) break;
    poll_once((int64_t)(e - t) < 10000000 ? (int64_t)(e - t) : 10000000);
  }
}
static void wait_quiet(double quiet, double max) {
  u64 st = now();
  last_rx = st;
  for (;;) {
    u64 t = now();
    if (t - last_rx > (u64)(quiet * NS) && t - st > (u64)(quiet * NS)) break;
    if (t - st > (u64)(max * NS)) break;
    poll_once(10000000);
  }
}
static void close_all(void) {
  stopping = 1;
  measuring = 0;
  u64 e = now() + 10 * NS;
  int i = 0;
  while (now() < e) { /* gently: at most 500 outstanding closes */
    int open_closing = 0;
    for (int j = 0; j < i; j++) if (C[j].st == S_CLOSING) open_closing++;
    while (i < NC && open_closing < 500) {
      if (C[i].st != S_NONE && C[i].st != S_CLOSED) { begin_close(&C[i]); open_closing++; }
      i++;
    }
    if (i >= NC && !open_closing) break;
    poll_once(20000000);
  }
  for (i = 0; i < NC; i++) if (C[i].st != S_NONE) closefd(&C[i]);
}

/* ----------------------------------------------------------------- traffic */
static char *body_text;
/* The sender of a pair; its receiver connected --apart connections later. */
static conn *pair(int p) { return &C[p / o_apart * 2 * o_apart + p % o_apart]; }
static int is_chat, is_iq, is_pres, is_muc, is_mam, is_rosters;
static int groups;
static void mk_tmpl(conn *c, const char *to, const char *type) {
  char *b = xm(512 + o_body);
  int n = snprintf(b, 512, "<message to='%s' type='%s' id='t", to, type);
  c->tmplid = n;
  memset(b + n, '0', 16);
  n += 16;
  n += sprintf(b + n, "'><body>%s</body></message>", body_text);
  c->tmpl = b;
  c->tmpll = n;
}
static inline void send_msg(conn *c, u64 t) {
  puthex(c->tmpl + c->tmplid, t);
  out(c, c->tmpl, c->tmpll);
  c->sent++;
}
static u64 iq_seq;
static void send_iq(conn *c) {
  u64 t = now();
  char h[17];
  puthex(h, t);
  h[16] = 0;
  iq_seq++;
  if (!strcmp(o_iq, "ping")) outf(c, "<iq type='get' to='%s' id='t%s'><ping xmlns='urn:xmpp:ping'/></iq>", o_domain, h);
  else if (!strcmp(o_iq, "disco")) outf(c, "<iq type='get' to='%s' id='t%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", o_domain, h);
  else if (!strcmp(o_iq, "roster")) outf(c, "<iq type='get' id='t%s'><query xmlns='jabber:iq:roster'/></iq>", h);
  else die("unknown --iq %s", o_iq);
}
static void send_mam(conn *c) {
  char h[17];
  puthex(h, now());
  h[16] = 0;
  if (!strcmp(o_mampage, "walk") && c->after[0])
    outf(c, "<iq type='set' id='t%s'><query xmlns='urn:xmpp:mam:2' queryid='q'><set xmlns='http://jabber.org/protocol/rsm'><max>%d</max><after>%s</after></set></query></iq>", h, o_page, c->after);
  else if (!strcmp(o_mampage, "walk"))
    outf(c, "<iq type='set' id='t%s'><query xmlns='urn:xmpp:mam:2' queryid='q'><set xmlns='http://jabber.org/protocol/rsm'><max>%d</max></set></query></iq>", h, o_page);
  else
    outf(c, "<iq type='set' id='t%s'><query xmlns='urn:xmpp:mam:2' queryid='q'><set xmlns='http://jabber.org/protocol/rsm'><max>%d</max><before/></set></query></iq>", h, o_page);
}
static void send_pres(conn *c) {
  char h[17];
  puthex(h, now());
  h[16] = 0;
  outf(c, "<presence><show>away</show><status>t%s</status></presence>", h);
  c->sent++;
}
static inline int stamp(const char *p, size_t n, u64 *t) {
  const char *v;
  size_t l;
  return attr(p, n, "id", &v, &l) && l >= 17 && v[0] == 't' && gethex(v + 1, t);
}
static conn *room_conn(int room, int k) { return &C[room * o_k + k]; }
static struct { long rcvd, next; } *rooms;
static long mam_bytes;
static void reply_iq(conn *c, const char *p, size_t n) {
  const char *id, *fr;
  size_t il, fl;
  if (!attr(p, n, "id", &id, &il)) return;
  if (!attr(p, n, "from", &fr, &fl)) { fr = o_domain; fl = strlen(o_domain); }
  if (attreq(p, n, "type", "set") && has(p, n, "jabber:iq:roster")) outf(c, "<iq type='result' id='%.*s'/>", (int)il, id);
  else if (has(p, n, "urn:xmpp:ping")) outf(c, "<iq type='result' to='%.*s' id='%.*s'/>", (int)fl, fr, (int)il, id);
  else outf(c, "<iq type='error' to='%.*s' id='%.*s'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", (int)fl, fr, (int)il, id);
}
static void count_both(conn *c, const char *p, size_t n) {
  int k = 0;
  const char *q = p, *e = p + n;
  while ((q = memmem(q, e - q, "<item", 5))) {
    if (attreq(q, e - q, "subscription", "both")) k++;
    q += 5;
  }
  c->nboth = k;
}
static void traffic(conn *c, const char *p, size_t n) {
  u64 t;
  if (p[1] == 'm' && isel(p, n, "message")) {
    if (is_mam) {
      if (has(p, n < 400 ? n : 400, "<result")) { g_items++; mam_bytes += n; }
      return;
    }
    if (!stamp(p, n, &t)) { if (has(p, n, "type='error'") || has(p, n, "type=\"error\"")) errors++; return; }
    if (attreq(p, n, "type", "error")) {
      errors++;
      if (errors < 5) fprintf(stderr, "error stanza: %.*s\n", (int)(n < 300 ? n : 300), p);
      return;
    }
    if (is_chat) {
      u64 x = now();
      if (measuring) hadd(&H, x - t);
      g_ops++;
      c->rcvd++;
      if (measuring != 2 && o_rate == 0 && phase_ready && !stopping) send_msg(c->peer, x);
    } else if (is_muc) {
      u64 x = now();
      if (measuring) hadd(&H, x - t);
      g_items++;
      int r = c->idx / o_k;
      if (++rooms[r].rcvd % o_k == 0) {
        g_ops++;
        if (phase_ready && !stopping && o_rate == 0) send_msg(room_conn(r, rooms[r].next++ % o_k), now());
      }
    }
    return;
  }
  if (p[1] == 'i' && isel(p, n, "iq")) {
    const char *ty;
    size_t tl;
    if (!attr(p, n, "type", &ty, &tl)) return;
    if (tl == 3) { reply_iq(c, p, n); return; } /* get / set */
    if (is_rosters && attreq(p, n, "id", "rq")) { count_both(c, p, n); c->joined = 1; return; }
    if (is_muc && attreq(p, n, "id", "cfg")) { if (tl != 6) errors++; c->joined = 2; return; }
    if (is_iq || is_mam) {
      if (!stamp(p, n, &t)) return;
      if (ty[0] != 'r') { errors++; if (errors < 5) fprintf(stderr, "error iq: %.*s\n", (int)(n < 400 ? n : 400), p); }
      u64 x = now();
      if (measuring) hadd(&H, x - t);
      g_ops++;
      if (is_mam) {
        if (!strcmp(o_mampage, "walk")) {
          if (has(p, n, "complete='true'") || has(p, n, "complete=\"true\"") || !text_of(p, n, "<last", c->after, sizeof c->after)) c->after[0] = 0;
        }
      }
      if (phase_ready && !stopping) { if (is_iq) send_iq(c); else send_mam(c); }
    }
    return;
  }
  if (p[1] == 'p' && isel(p, n, "presence")) {
    const char *f;
    size_t fl;
    if (is_rosters) {
      if (attreq(p, n, "type", "subscribe") && attr(p, n, "from", &f, &fl)) {
        const char *s = memchr(f, '/', fl);
        if (s) fl = s - f;
        outf(c, "<presence to='%.*s' type='subscribed'/>", (int)fl, f);
        int u = usernum(f, fl);
        if (u >= 0 && u < c->user) outf(c, "<presence to='%.*s' type='subscribe'/>", (int)fl, f); /* subscribe back */
      }
      return;
    }
    if (is_pres) {
      const char *s = memmem(p, n, "<status>t", 9);
      if (!s || (size_t)(p + n - s) < 26 || !gethex(s + 9, &t) || !attr(p, n, "from", &f, &fl)) return;
      int u = usernum(f, fl) - o_first;
      if (u < 0 || u >= NC || u == c->idx) return;
      if (measuring) hadd(&H, now() - t);
      g_items++;
      conn *s2 = &C[u];
      if (++s2->rcvd % o_k == 0) {
        g_ops++;
        if (phase_ready && !stopping) send_pres(s2);
      }
      return;
    }
    if (is_muc && !c->joined && attr(p, n, "from", &f, &fl)) {
      if (attreq(p, n, "type", "error")) { errors++; fprintf(stderr, "join error: %.*s\n", (int)(n < 400 ? n : 400), p); return; }
      char me[64];
      int ml = snprintf(me, sizeof me, "/n%d", c->idx % o_k);
      if ((int)fl > ml && !memcmp(f + fl - ml, me, ml)) c->joined = 1;
    }
    return;
  }
  if (isel(p, n, "error")) {
    errors++;
    fprintf(stderr, "stream error: %.*s\n", (int)(n < 300 ? n : 300), p);
  }
}

/* ------------------------------------------------------------------ report */
static void jopen(void) {
  double l[3] = {0};
  if (getloadavg(l, 3) < 0) l[0] = -1;
  printf("{\"mode\":\"%s\",\"label\":\"%s\",\"n\":%d,\"tls\":%d,\"load1\":%.2f", o_mode, o_label, o_n, o_tls, l[0]);
}
static void jlat(void) {
  printf(",\"lat_us\":{\"n\":%llu,\"mean\":%.1f,\"p50\":%.1f,\"p95\":%.1f,\"p99\":%.1f,\"max\":%.1f}", (unsigned long long)H.n,
         H.n ? H.sum / 1000.0 / H.n : 0, hpct(&H, .5), hpct(&H, .95), hpct(&H, .99), H.max / 1000.0);
}
static void jcost(snap a, snap b, double per, const char *what) {
  double s = (b.t - a.t) / 1e9, cpu = b.s.cpu - a.s.cpu, g = b.g - a.g;
  printf(",\"secs\":%.3f,\"srv_cpu_s\":%.3f,\"srv_util\":%.3f,\"gen_cpu_s\":%.3f,\"gen_util\":%.3f,\"other_util\":%.3f", s, cpu, cpu / s, g, g / s,
         ((b.a - a.a) - cpu - g) / s);
  if (per > 0 && o_pid) printf(",\"srv_us_per_%s\":%.2f,\"gen_us_per_%s\":%.2f", what, cpu / per * 1e6, what, g / per * 1e6);
}
static void jclose(void) {
  printf(",\"errors\":%llu}\n", (unsigned long long)errors);
  fflush(stdout);
}

static void need_all_ready(void) {
  if (nready < NC) die("only %d of %d logged in (%d failed)", nready, NC, nfailed);
}
/* warm-up, measured window; the traffic is self-clocked (or open loop in chat) */
static snap A, B;
static void open_loop(u64 until, u64 *k, u64 base) {
  for (;;) {
    u64 t = now();
    if (t >= until) break;
    u64 due;
    while ((due = base + (u64)(*k / o_rate * NS)) <= t) {
      conn *c = is_muc ? room_conn(*k % groups, (*k / groups) % o_k) : pair(*k % o_n);
      send_msg(c, due);
      (*k)++;
    }
    int64_t w = due - t;
    poll_once(w > 5000000 ? 5000000 : w);
  }
}
static int dead_conns(void) { return nfailed; }
static void measure(void) {
  u64 k = 0, base = now();
  if (o_rate > 0) open_loop(base + (u64)(o_warm * NS), &k, base);
  else run_for(o_warm);
  memset(&H, 0, sizeof H);
  measuring = 1;
  A = snapshot(0);
  u64 kA = k;
  if (o_rate > 0) open_loop(now() + (u64)(o_dur * NS), &k, base);
  else if (o_count > 0) {
    u64 dead = now() + (u64)(o_timeout * NS);
    while (g_ops - A.ops < (u64)o_count && now() < dead && !dead_conns()) poll_once(10000000);
  } else run_for(o_dur);
  B = snapshot(0);
  measuring = 2;
  if (o_rate > 0) { /* let the tail arrive so that it is counted in the latency */
    wait_quiet(0.3, 5);
    (void)kA;
  }
}

static void usage(void) {
  fprintf(stderr,
    "xmppload MODE [options]\n"
    "  register  -n N            in-band registration of N accounts (--print: only list 'user pass')\n"
    "  login     -n N            N logins kept open (--close: closed again), --rate R = open loop\n"
    "  idle      -n N            hold N connections, report RSS growth (--steps a,b,..)\n"
    "  chat      -n PAIRS -w W   closed loop; --rate R open loop; --bare; --raw (against ./relay)\n"
    "            --apart D (how many connections lie between those of a pair), --idle N (sessions that only listen)\n"
    "  iq        -n N -w W --iq ping|disco|roster\n"
    "  rosters   -n GROUPS -k K  make groups of K+1 users with mutual subscriptions\n"
    "  fanout    -n GROUPS -k K -w W  presence broadcasts in these groups\n"
    "  muc       -n ROOMS -k K -w W --muc conference.localhost   (muclight: same with a MUC Light host)\n"
    "  mam       -n N -w W --page 50 --mampage last|walk\n"
    "options: --host --port --domain --prefix --pass --first U --conc C --tls --auth plain|scram-sha-1|scram-sha-256\n"
    "  --cache FILE (SCRAM keys) --pid SERVERPID --dur S --warm S --count N --timeout S --settle S --body BYTES\n"
    "  --src N (source addresses 127.0.0.2..) --label TEXT --nopres --abrupt -v\n");
  exit(64);
}

int main(int argc, char **argv) {
  if (argc < 2 || argv[1][0] == '-') usage();
  o_mode = argv[1];
  enum { H_ = 1000, PORT, DOM, PRE, PASS, FIRST, CONC, TLS, AUTH, CACHE, PID, DUR, WARM, COUNT, TMO, SETTLE, BODY, SRC, LABEL, BARE, RAW, CLOSE, RATE, IQ, MUC, PAGE, MP, STEPS, PRINT, ABR, NOPRES, RES, APART, IDLE };
  static struct option lo[] = {{"host", 1, 0, H_}, {"port", 1, 0, PORT}, {"domain", 1, 0, DOM}, {"prefix", 1, 0, PRE}, {"pass", 1, 0, PASS}, {"first", 1, 0, FIRST}, {"conc", 1, 0, CONC}, {"tls", 0, 0, TLS}, {"auth", 1, 0, AUTH}, {"cache", 1, 0, CACHE}, {"pid", 1, 0, PID}, {"dur", 1, 0, DUR}, {"warm", 1, 0, WARM}, {"count", 1, 0, COUNT}, {"timeout", 1, 0, TMO}, {"settle", 1, 0, SETTLE}, {"body", 1, 0, BODY}, {"src", 1, 0, SRC}, {"label", 1, 0, LABEL}, {"bare", 0, 0, BARE}, {"raw", 0, 0, RAW}, {"close", 0, 0, CLOSE}, {"rate", 1, 0, RATE}, {"iq", 1, 0, IQ}, {"muc", 1, 0, MUC}, {"page", 1, 0, PAGE}, {"mampage", 1, 0, MP}, {"steps", 1, 0, STEPS}, {"print", 0, 0, PRINT}, {"abrupt", 0, 0, ABR}, {"nopres", 0, 0, NOPRES}, {"apart", 1, 0, APART}, {"idle", 1, 0, IDLE}, {"resource", 1, 0, RES}, {0, 0, 0, 0}};
  int o;
  optind = 2;
  while ((o = getopt_long(argc, argv, "n:w:k:v", lo, NULL)) != -1) switch (o) {
    case 'n': o_n = atoi(optarg); break;
    case 'w': o_window = atoi(optarg); break;
    case 'k': o_k = atoi(optarg); break;
    case 'v': o_verbose = 1; break;
    case H_: o_host = optarg; break;
    case PORT: o_port = atoi(optarg); break;
    case DOM: o_domain = optarg; break;
    case PRE: o_prefix = optarg; break;
    case PASS: o_pass = optarg; break;
    case FIRST: o_first = atoi(optarg); break;
    case CONC: o_conc = atoi(optarg); break;
    case TLS: o_tls = 1; break;
    case AUTH: o_auth = optarg; break;
    case CACHE: o_cache = optarg; break;
    case PID: o_pid = atoi(optarg); break;
    case DUR: o_dur = atof(optarg); break;
    case WARM: o_warm = atof(optarg); break;
    case COUNT: o_count = atol(optarg); break;
    case TMO: o_timeout = atof(optarg); break;
    case SETTLE: o_settle = atof(optarg); break;
    case BODY: o_body = atoi(optarg); break;
    case SRC: o_src = atoi(optarg); break;
    case LABEL: o_label = optarg; break;
    case BARE: o_bare = 1; break;
    case APART: o_apart = atoi(optarg); break;
    case IDLE: o_idle = atoi(optarg); break;
    case RAW: o_raw = 1; break;
    case CLOSE: o_close = 1; break;
    case RATE: o_rate = atof(optarg); break;
    case IQ: o_iq = optarg; break;
    case MUC: o_muc = optarg; break;
    case PAGE: o_page = atoi(optarg); break;
    case MP: o_mampage = optarg; break;
    case STEPS: o_steps = optarg; break;
    case PRINT: o_print = 1; break;
    case ABR: o_abrupt = 1; break;
    case NOPRES: o_nopres = 1; break;
    case RES: o_resource = optarg; break;
    default: usage();
  }
  if (o_n < 1 || o_window < 1 || o_k < 1) usage();
  if (o_dur > 600) o_dur = 600;
  if (o_timeout > 1800) o_timeout = 1800;
  if (!strcmp(o_mode, "register") && o_print) {
    for (int i = 0; i < o_n; i++) printf("%s%d %s\n", o_prefix, o_first + i, o_pass);
    return 0;
  }
  is_chat = !strcmp(o_mode, "chat");
  is_iq = !strcmp(o_mode, "iq");
  is_pres = !strcmp(o_mode, "fanout");
  int light = !strcmp(o_mode, "muclight");
  is_muc = light || !strcmp(o_mode, "muc");
  is_mam = !strcmp(o_mode, "mam");
  is_rosters = !strcmp(o_mode, "rosters");
  int is_reg = !strcmp(o_mode, "register"), is_login = !strcmp(o_mode, "login"), is_idle = !strcmp(o_mode, "idle");
  if (!(is_chat || is_iq || is_pres || is_muc || is_mam || is_rosters || is_reg || is_login || is_idle)) usage();
  groups = o_n;
  if (o_apart < 1 || o_n % o_apart) die("--apart must divide the number of pairs");
  NC = is_chat ? 2 * o_n + o_idle : (is_pres || is_rosters) ? o_n * (o_k + 1) : is_muc ? o_n * o_k : o_n;
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1000);
  alarm(3600); /* whatever happens, stop */
  struct rlimit rl;
  getrlimit(RLIMIT_NOFILE, &rl);
  rl.rlim_cur = rl.rlim_max;
  setrlimit(RLIMIT_NOFILE, &rl);
  if (!o_close && !is_reg && (rlim_t)NC + 16 > rl.rlim_cur) die("%d connections but RLIMIT_NOFILE is %lu", NC, (unsigned long)rl.rlim_cur);
  if (o_tls) {
    CTX = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(CTX, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(CTX, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(CTX, SSL_SESS_CACHE_OFF); /* always full handshakes */
  }
  EP = epoll_create1(EPOLL_CLOEXEC);
  C = calloc(NC, sizeof *C);
  dirty = calloc(NC, sizeof *dirty);
  body_text = xm(o_body + 1);
  for (int i = 0; i < o_body; i++) body_text[i] = (i % 7 == 6) ? ' ' : 'a' + i % 26;
  body_text[o_body] = 0;
  for (int i = 0; i < NC; i++) { C[i].fd = -1; C[i].idx = i; C[i].user = o_first + i; }
  { int save = o_n; o_n = NC; cache_load(); o_n = save; }

  if (is_reg) {
    A = snapshot(0);
    o_close = 1;
    login_all(NC);
    B = snapshot(0);
    jopen();
    printf(",\"created\":%llu,\"existed\":%llu,\"failed\":%d,\"rate\":%.1f", (unsigned long long)g_ops, (unsigned long long)g_items, nfailed, (g_ops + g_items) / ((B.t - A.t) / 1e9));
    jlat();
    jcost(A, B, g_ops, "reg");
    close_all();
    jclose();
    return nfailed ? 1 : 0;
  }
  if (is_login) {
    A = snapshot(1);
    login_all(NC);
    snap M = snapshot(0);
    run_for(0.3);
    wait_quiet(0.3, 10); /* initial presence etc. still belongs to the login */
    B = snapshot(1);
    jopen();
    printf(",\"auth\":\"%s\",\"conc\":%d,\"ok\":%llu,\"failed\":%d,\"rate\":%.1f,\"pbkdf2_in_generator\":%llu,\"wall\":%.3f", o_auth, o_conc, (unsigned long long)g_ops, nfailed, g_ops / ((M.t - A.t) / 1e9), (unsigned long long)pbkdf2_runs, (M.t - A.t) / 1e9);
    jlat();
    printf(",\"login_srv_util\":%.3f,\"login_gen_util\":%.3f", (M.s.cpu - A.s.cpu) / ((M.t - A.t) / 1e9), (M.g - A.g) / ((M.t - A.t) / 1e9));
    jcost(A, B, g_ops, "login");
    u64 t0 = now();
    close_all();
    snap D = snapshot(0);
    printf(",\"logout_srv_us\":%.1f,\"logout_s\":%.2f", g_ops ? (D.s.cpu - B.s.cpu) / g_ops * 1e6 : 0, (now() - t0) / 1e9);
    cache_save();
    jclose();
    return nfailed ? 1 : 0;
  }
  if (is_idle) {
    A = snapshot(1);
    jopen();
    printf(",\"auth\":\"%s\",\"rss0_kb\":%ld,\"pss0_kb\":%ld,\"steps\":[", o_auth, A.s.rss, A.s.pss);
    char *st = strdup(o_steps ? o_steps : ""), *tok = strtok(st, ",");
    int first = 1;
    for (;;) {
      int upto = tok ? atoi(tok) : NC;
      if (upto > NC) upto = NC;
      login_all(upto);
      snap e = snapshot(1);
      run_for(o_settle);
      snap s = snapshot(1);
      printf("%s{\"conns\":%d,\"rss_kb\":%ld,\"pss_kb\":%ld,\"rss_at_end_of_ramp_kb\":%ld,\"bytes_per_conn\":%.0f,\"idle_cpu_util\":%.4f}", first ? "" : ",", nready, s.s.rss, s.s.pss, e.s.rss,
             nready ? (s.s.rss - A.s.rss) * 1024.0 / nready : 0, (s.s.cpu - e.s.cpu) / ((s.t - e.t) / 1e9));
      first = 0;
      if (!tok || upto >= NC) break;
      tok = strtok(NULL, ",");
    }
    B = snapshot(1);
    close_all();
    sleep(2);
    snap D = snapshot(1);
    printf("],\"failed\":%d,\"rss_after_close_kb\":%ld", nfailed, D.s.rss);
    cache_save();
    jclose();
    return nfailed ? 1 : 0;
  }
  /* the rest: everybody in first */
  if (o_raw) { for (int i = 0; i < NC; i++) conn_start(&C[i]); u64 e = now() + 20 * NS; while (inflight > 0 && now() < e) poll_once(10000000); next_conn = NC; }
  else login_all(NC);
  need_all_ready();
  wait_quiet(0.5, 20);

  if (is_rosters) {
    A = snapshot(0);
    int G = o_k + 1;
    u64 subs = 0;
    for (int round = 0; round < 4; round++) {
      /* lower index subscribes; the other one accepts and subscribes back */
      for (int g = 0; g < groups; g++)
        for (int a = 0; a < G; a++) {
          conn *c = &C[g * G + a];
          if (round && c->nboth >= o_k) continue;
          for (int b = round ? 0 : a + 1; b < G; b++) {
            if (b == a) continue;
            outf(c, "<presence to='%s%d@%s' type='subscribe'/>", o_prefix, C[g * G + b].user, o_domain);
            subs++;
          }
          poll_once(0);
        }
      wait_quiet(o_settle > 3 ? o_settle : 3, 180); /* a single-threaded server may be silent for seconds while it writes rosters */
      for (int i = 0; i < NC; i++) { C[i].joined = 0; outf(&C[i], "<iq type='get' id='rq'><query xmlns='jabber:iq:roster'/></iq>"); }
      for (u64 e = now() + 60 * NS; now() < e;) {
        int j = 0;
        for (int i = 0; i < NC; i++) j += C[i].joined == 1;
        if (j == NC) break;
        poll_once(10000000);
      }
      int bad = 0;
      for (int i = 0; i < NC; i++) if (C[i].nboth < o_k) bad++;
      if (!bad) break;
      fprintf(stderr, "rosters: round %d, %d users incomplete\n", round, bad);
    }
    int bad = 0;
    for (int i = 0; i < NC; i++) if (C[i].nboth < o_k) bad++;
    B = snapshot(0);
    jopen();
    printf(",\"k\":%d,\"users\":%d,\"subscribes\":%llu,\"incomplete\":%d", o_k, NC, (unsigned long long)subs, bad);
    jcost(A, B, subs, "sub");
    close_all();
    jclose();
    return bad ? 1 : 0;
  }
  if (is_chat) {
    for (int p = 0; p < o_n; p++) {
      conn *a = pair(p), *b = a + o_apart;
      b->peer = a;
      char to[600];
      if (o_bare || o_raw) snprintf(to, sizeof to, "%s%d@%s%s", o_prefix, b->user, o_domain, o_bare ? "" : "/r");
      else snprintf(to, sizeof to, "%s", b->jid);
      mk_tmpl(a, to, "chat");
    }
    phase_ready = 1;
    if (o_rate == 0) for (int p = 0; p < o_n; p++) for (int w = 0; w < o_window; w++) send_msg(pair(p), now());
    measure();
    u64 lost = 0;
    if (o_rate > 0) { long s = 0, r = 0; for (int p = 0; p < o_n; p++) { s += pair(p)->sent; r += pair(p)[o_apart].rcvd; } lost = s - r; }
    double ops = B.ops - A.ops, s = (B.t - A.t) / 1e9;
    jopen();
    printf(",\"pairs\":%d,\"w\":%d,\"body\":%d,\"bare\":%d,\"offered\":%.0f,\"rate\":%.1f,\"count\":%.0f,\"lost\":%llu", o_n, o_window, o_body, o_bare, o_rate, ops / s, ops, (unsigned long long)lost);
    jlat();
    jcost(A, B, ops, "msg");
    close_all();
    jclose();
    return 0;
  }
  if (is_iq || is_mam) {
    phase_ready = 1;
    for (int i = 0; i < NC; i++) for (int w = 0; w < o_window; w++) { if (is_iq) send_iq(&C[i]); else send_mam(&C[i]); }
    measure();
    double ops = B.ops - A.ops, s = (B.t - A.t) / 1e9, it = B.items - A.items;
    jopen();
    if (is_iq) printf(",\"iq\":\"%s\",\"w\":%d,\"rate\":%.1f,\"count\":%.0f", o_iq, o_window, ops / s, ops);
    else printf(",\"w\":%d,\"page\":%d,\"mampage\":\"%s\",\"rate\":%.1f,\"count\":%.0f,\"results_per_s\":%.1f,\"results_per_page\":%.1f", o_window, o_page, o_mampage, ops / s, ops, it / s, ops ? it / ops : 0);
    jlat();
    jcost(A, B, ops, is_iq ? "iq" : "page");
    close_all();
    jclose();
    return 0;
  }
  if (is_pres) {
    phase_ready = 1;
    for (int i = 0; i < NC; i++) for (int w = 0; w < o_window; w++) send_pres(&C[i]);
  }
  if (is_muc) {
    char dom[256];
    snprintf(dom, sizeof dom, "%s%s", o_muc ? o_muc : light ? "muclight." : "conference.", o_muc ? "" : o_domain);
    rooms = calloc(groups, sizeof *rooms);
    int tag = getpid() % 100000;
    for (int g = 0; g < groups; g++) {
      char room[400];
      snprintf(room, sizeof room, "room%d-%d@%s", tag, g, dom);
      for (int k = 0; k < o_k; k++) { mk_tmpl(room_conn(g, k), room, "groupchat"); }
      conn *c = room_conn(g, 0);
      if (light) { /* UNTESTED here: no MUC Light server at hand */
        outf(c, "<iq type='set' to='%s' id='cfg'><query xmlns='urn:xmpp:muclight:0#create'><configuration><roomname>r</roomname></configuration><occupants>", room);
        for (int k = 1; k < o_k; k++) outf(c, "<user affiliation='member'>%s%d@%s</user>", o_prefix, room_conn(g, k)->user, o_domain);
        outf(c, "</occupants></query></iq>");
        u64 e = now() + 20 * NS;
        while (c->joined < 2 && now() < e) poll_once(5000000);
        if (c->joined < 2) die("muc light room not created");
        continue;
      }
      outf(c, "<presence to='%s/n0'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>", room);
      u64 e = now() + 20 * NS;
      while (!c->joined && now() < e) poll_once(5000000);
      if (!c->joined) die("room not created");
      outf(c, "<iq type='set' to='%s' id='cfg'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>", room);
      while (c->joined < 2 && now() < e) poll_once(5000000);
      if (c->joined < 2) die("room not unlocked");
      for (int k = 1; k < o_k; k++) {
        outf(room_conn(g, k), "<presence to='%s/n%d'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>", room, k);
        poll_once(0);
      }
      e = now() + 30 * NS;
      for (;;) {
        int j = 0;
        for (int k = 0; k < o_k; k++) j += room_conn(g, k)->joined > 0;
        if (j == o_k) break;
        if (now() > e) die("only %d of %d joined the room", j, o_k);
        poll_once(5000000);
      }
    }
    wait_quiet(0.5, 20);
    phase_ready = 1;
    if (o_rate == 0)
      for (int g = 0; g < groups; g++) for (int w = 0; w < o_window; w++) send_msg(room_conn(g, rooms[g].next++ % o_k), now());
  }
  measure();
  double ops = B.ops - A.ops, s = (B.t - A.t) / 1e9, it = B.items - A.items;
  jopen();
  printf(",\"k\":%d,\"w\":%d,\"users\":%d,\"rate\":%.1f,\"broadcasts_per_s\":%.1f,\"count\":%.0f", o_k, o_window, NC, it / s, ops / s, it);
  jlat();
  jcost(A, B, it, "delivery");
  close_all();
  jclose();
  return 0;
}
