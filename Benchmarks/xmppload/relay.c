/* SPDX-License-Identifier: Apache-2.0 */
/* relay PORT [CERT KEY]: minimal epoll relay; the 2k-th and (2k+1)-th accepted sockets are a pair,
 * bytes are forwarded verbatim. Upper bound for any single-core message router using one
 * recv+send per readiness event. With CERT/KEY both legs are TLS 1.3. Stops on SIGTERM or after 10 min. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
typedef struct cn { int fd; SSL *s; int hs; struct cn *peer; } cn;
static char buf[65536];
int main(int c, char **v) {
  if (c < 2) return 64;
  alarm(600);
  signal(SIGPIPE, SIG_IGN);
  SSL_CTX *x = NULL;
  if (c > 3) {
    x = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(x, v[2]);
    SSL_CTX_use_PrivateKey_file(x, v[3], SSL_FILETYPE_PEM);
  }
  int l = socket(AF_INET, SOCK_STREAM, 0), one = 1, ep = epoll_create1(0);
  setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(v[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(l, (void *)&a, sizeof a) || listen(l, 4096)) { perror("bind"); return 1; }
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ev[512];
  epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
  cn *half = NULL;
  for (;;) {
    int n = epoll_wait(ep, ev, 512, -1);
    for (int i = 0; i < n; i++) {
      cn *k = ev[i].data.ptr;
      if (!k) {
        int f = accept4(l, 0, 0, SOCK_NONBLOCK);
        if (f < 0) continue;
        setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        k = calloc(1, sizeof *k);
        k->fd = f;
        if (x) { k->s = SSL_new(x); SSL_set_fd(k->s, f); SSL_set_accept_state(k->s); k->hs = 1; }
        if (half) { k->peer = half; half->peer = k; half = NULL; } else half = k;
        e.data.ptr = k;
        epoll_ctl(ep, EPOLL_CTL_ADD, f, &e);
        continue;
      }
      if (k->hs) { if (SSL_do_handshake(k->s) == 1) k->hs = 0; else continue; }
      for (;;) {
        ssize_t r = k->s ? SSL_read(k->s, buf, sizeof buf) : recv(k->fd, buf, sizeof buf, 0);
        if (r <= 0) {
          if (k->s ? SSL_get_error(k->s, r) == SSL_ERROR_WANT_READ : errno == EAGAIN && r < 0) break;
          if (k->s) SSL_free(k->s);
          if (k->peer) k->peer->peer = NULL;
          close(k->fd);
          free(k);
          break;
        }
        if (k->peer) {
          ssize_t w = k->peer->s ? SSL_write(k->peer->s, buf, r) : send(k->peer->fd, buf, r, MSG_NOSIGNAL);
          if (w != r) { fprintf(stderr, "short write\n"); return 1; } /* windows are small: never happens */
        }
        if (!k->s) break;
        if (!SSL_pending(k->s)) { if (r < 16000) break; }
      }
    }
  }
}
