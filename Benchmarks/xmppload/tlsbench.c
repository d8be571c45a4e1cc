/* SPDX-License-Identifier: Apache-2.0 */
/* tlsbench CERT KEY SECONDS: full TLS 1.3 handshakes through memory BIOs in one thread; the time spent in the
 * server half and in the client half is measured separately with CLOCK_THREAD_CPUTIME_ID. */
#define _GNU_SOURCE
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double cpu(void) { struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static double wall(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
int main(int c, char **v) {
  if (c < 4) return 64;
  int resume = c > 4;
  SSL_CTX *S = SSL_CTX_new(TLS_server_method()), *K = SSL_CTX_new(TLS_client_method());
  if (SSL_CTX_use_certificate_chain_file(S, v[1]) != 1 || SSL_CTX_use_PrivateKey_file(S, v[2], SSL_FILETYPE_PEM) != 1) { ERR_print_errors_fp(stderr); return 1; }
  SSL_CTX_set_min_proto_version(S, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(K, SSL_SESS_CACHE_OFF);
  if (resume) {}
  double ts = 0, tc = 0, e = wall() + atof(v[3]);
  long n = 0;
  const char *ver = "?", *cip = "?";
  while (wall() < e) {
    double a = cpu();
    SSL *s = SSL_new(S);
    BIO *sb = NULL, *cb = NULL;
    BIO_new_bio_pair(&sb, 0, &cb, 0);
    SSL_set_bio(s, sb, sb);
    SSL_set_accept_state(s);
    double b = cpu();
    ts += b - a;
    SSL *k = SSL_new(K);
    SSL_set_bio(k, cb, cb);
    SSL_set_connect_state(k);
    int rs = 0, rc = 0;
    tc += cpu() - b;
    for (int i = 0; i < 20 && (rs != 1 || rc != 1); i++) {
      a = cpu();
      if (rc != 1) rc = SSL_do_handshake(k);
      b = cpu();
      tc += b - a;
      if (rs != 1) rs = SSL_do_handshake(s);
      ts += cpu() - b;
    }
    if (rs != 1 || rc != 1) { fprintf(stderr, "handshake failed\n"); return 1; }
    ver = SSL_get_version(s); cip = SSL_get_cipher(s);
    a = cpu();
    SSL_free(s);
    b = cpu();
    ts += b - a;
    SSL_free(k);
    tc += cpu() - b;
    n++;
  }
  printf("{\"yard\":\"tls13_full_handshake\",\"cert\":\"%s\",\"version\":\"%s\",\"cipher\":\"%s\",\"n\":%ld,\"server_us\":%.1f,\"client_us\":%.1f,\"server_per_s\":%.0f}\n", v[1], ver, cip, n, ts / n * 1e6, tc / n * 1e6, n / ts);
}
