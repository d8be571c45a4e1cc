/* SPDX-License-Identifier: Apache-2.0 */
/* tlsmem N CERT KEY RELEASE(0|1) [MEMBIO 0|1]: N idle TLS 1.3 server connections over loopback TCP; the client half
 * lives in a child process. After the handshake and one 300-byte message each way, prints the server's RSS growth
 * per connection, and the same for plain TCP connections without any TLS (RELEASE=-1). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>
#include <sys/resource.h>
static long rss(void) { FILE *f = fopen("/proc/self/statm", "r"); long a, b = 0; if (fscanf(f, "%ld %ld", &a, &b) != 2) b = 0; fclose(f); return b * 4096; }
int main(int c, char **v) {
  if (c < 5) return 64;
  int n = atoi(v[1]), rel = atoi(v[4]);
  alarm(300);
  struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
  int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = 0, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  bind(l, (void *)&a, sizeof a);
  listen(l, 128);
  socklen_t al = sizeof a;
  getsockname(l, (void *)&a, &al);
  char m[300]; memset(m, 'x', sizeof m);
  pid_t p = fork();
  if (!p) {
    SSL_CTX *K = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(K, SSL_MODE_RELEASE_BUFFERS);
    for (int i = 0; i < n; i++) {
      int f = socket(AF_INET, SOCK_STREAM, 0);
      if (f < 0 || connect(f, (void *)&a, sizeof a)) { perror("connect"); _exit(1); }
      setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      char b[400];
      if (rel < 0) { if (write(f, m, sizeof m) < 0 || read(f, b, sizeof b) < 0) _exit(1); continue; }
      SSL *s = SSL_new(K);
      SSL_set_fd(s, f);
      if (SSL_connect(s) != 1) _exit(1);
      SSL_write(s, m, sizeof m);
      SSL_read(s, b, sizeof b);
    }
    pause();
    _exit(0);
  }
  SSL_CTX *S = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate_chain_file(S, v[2]);
  SSL_CTX_use_PrivateKey_file(S, v[3], SSL_FILETYPE_PEM);
  SSL_CTX_set_session_cache_mode(S, SSL_SESS_CACHE_OFF);
  if (rel == 1) SSL_CTX_set_mode(S, SSL_MODE_RELEASE_BUFFERS);
  SSL **all = calloc(n, sizeof *all);
  long r0 = 0;
  for (int i = -50; i < n - 50; i++) { /* the first 50 connections are warm-up (allocator, OpenSSL tables) */
    if (i == 0) r0 = rss();
    int f = accept(l, 0, 0);
    if (f < 0) { perror("accept"); break; }
    setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    char b[400];
    if (rel < 0) { if (read(f, b, sizeof b) < 0 || write(f, m, sizeof m) < 0) break; continue; }
    SSL *s = SSL_new(S);
    SSL_set_fd(s, f);
    if (SSL_accept(s) != 1) { fprintf(stderr, "accept failed\n"); break; }
    SSL_read(s, b, sizeof b);
    SSL_write(s, m, sizeof m);
    all[i + 50] = s;
  }
  long r1 = rss();
  printf("{\"yard\":\"tls_idle_memory\",\"n\":%d,\"release_buffers\":%d,\"bytes_per_conn\":%.0f}\n", n - 50, rel, (double)(r1 - r0) / (n - 50));
  kill(p, 9);
  waitpid(p, 0, 0);
}
