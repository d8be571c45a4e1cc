/* SPDX-License-Identifier: Apache-2.0 */
/* pbkdf2bench SECONDS: one PBKDF2 of 10,000 iterations with SHA-1, what checking a password takes at least: by OpenSSL's own
 * function, and by the one that mimd uses. CPU time of one thread. */
#include "../../Sources/COpenSSL/hmac.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double cpu(void) { struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static const unsigned char salt[16] = "0123456789abcdef";
static unsigned char out[20];
static int theirs(void) { return PKCS5_PBKDF2_HMAC("secret", 6, salt, sizeof salt, 10000, EVP_sha1(), sizeof out, out); }
static int ours(void) { return mimd_pbkdf2_sha1((const unsigned char *)"secret", 6, salt, sizeof salt, 10000, out); }
static double us(int (*f)(void), double seconds) {
  double start = cpu(), now = start;
  long n = 0;
  while (now < start + seconds) { if (f() != 1) exit(1); n++; now = cpu(); }
  return (now - start) / n * 1e6;
}
int main(int c, char **v) {
  double seconds = c > 1 ? atof(v[1]) : 1;
  printf("{\"yard\":\"pbkdf2_sha1_10000\",\"what\":\"OpenSSL\",\"server_us\":%.1f}\n", us(theirs, seconds));
  printf("{\"yard\":\"pbkdf2_sha1_10000\",\"what\":\"mimd\",\"server_us\":%.1f}\n", us(ours, seconds));
}
