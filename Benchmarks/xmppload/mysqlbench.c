/* SPDX-License-Identifier: Apache-2.0 */
/* mysqlbench HOST PORT DATABASE USER SECONDS: what one connection does that blocks: inserts of an offline message, each
 * durable when the next begins, look-ups of an account, and a roster of 200 items. The password is in MYSQL_PWD. Needs the
 * tables of mimd and the rows of Benchmarks/Sources/Stores. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VALUE_COUNT_MAX = 5, VALUE_BYTE_COUNT_MAX = 1024 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *message) {
  fprintf(stderr, "mysqlbench: %s\n", message);
  exit(1);
}

static char results[VALUE_COUNT_MAX][VALUE_BYTE_COUNT_MAX];

/* A statement whose values are always the same. */
static MYSQL_STMT *prepare(MYSQL *c, const char *text, int count, const char *const *values) {
  MYSQL_STMT *s = mysql_stmt_init(c);
  if (!s) fail("no memory");
  if (mysql_stmt_prepare(s, text, strlen(text))) fail(mysql_stmt_error(s));
  MYSQL_BIND in[VALUE_COUNT_MAX] = {0}, out[VALUE_COUNT_MAX] = {0};
  for (int i = 0; i < VALUE_COUNT_MAX; i++) {
    in[i].buffer_type = out[i].buffer_type = MYSQL_TYPE_STRING;
    in[i].buffer = i < count ? (char *)values[i] : NULL;
    in[i].buffer_length = i < count ? strlen(values[i]) : 0;
    out[i].buffer = results[i];
    out[i].buffer_length = VALUE_BYTE_COUNT_MAX;
  }
  if (mysql_stmt_bind_param(s, in)) fail(mysql_stmt_error(s));
  if (mysql_stmt_field_count(s) && mysql_stmt_bind_result(s, out)) fail(mysql_stmt_error(s));
  return s;
}

static long execute(MYSQL_STMT *s) {
  long rows = 0;
  if (mysql_stmt_execute(s)) fail(mysql_stmt_error(s));
  if (mysql_stmt_field_count(s)) {
    int status;
    if (mysql_stmt_store_result(s)) fail(mysql_stmt_error(s));
    while ((status = mysql_stmt_fetch(s)) == 0) rows++;
    if (status != MYSQL_NO_DATA) fail(status == MYSQL_DATA_TRUNCATED ? "a value is too long" : mysql_stmt_error(s));
    mysql_stmt_free_result(s);
  }
  return rows;
}

static void run(const char *name, int count, MYSQL_STMT *const *statements, double seconds) {
  double start = now();
  long n = 0;
  while (now() < start + seconds) {
    for (int i = 0; i < count; i++) execute(statements[i]);
    n++;
  }
  printf("{\"store\":\"%s, one connection that blocks\",\"callers\":1,\"per_s\":%.0f}\n", name, n / (now() - start));
}

int main(int argc, char **argv) {
  if (argc < 6) return 64;
  MYSQL *c = mysql_init(NULL);
  if (!c) fail("no memory");
  /* MYSQL_PWD is a custom of the client programs. */
  if (!mysql_real_connect(c, argv[1], argv[4], getenv("MYSQL_PWD"), argv[3], atoi(argv[2]), NULL, 0)) fail(mysql_error(c));
  double seconds = atof(argv[5]);
  static char packet[300];
  memset(packet, 'x', sizeof packet - 1);
  const char *row[] = {"1", "capulet.example", "juliet", "romeo@montague.example/orchard", packet};
  const char *key[] = {"capulet.example", "juliet"};
  MYSQL_STMT *insert = prepare(c, "INSERT INTO offline_message (timestamp, server, username, from_jid, packet) VALUES (?, ?, ?, ?, ?)", 5, row);
  MYSQL_STMT *select = prepare(c, "SELECT pass_details, password FROM users WHERE server = ? AND username = ?", 2, key);
  MYSQL_STMT *roster[] = {
    prepare(c, "SELECT version FROM roster_version WHERE server = ? AND username = ?", 2, key),
    prepare(c, "SELECT jid, nick, subscription, ask, askmessage FROM rosterusers WHERE server = ? AND username = ? ORDER BY jid LIMIT 201", 2, key),
    prepare(c, "SELECT jid, grp FROM rostergroups WHERE server = ? AND username = ?", 2, key),
  };
  if (execute(select) != 1 || execute(roster[1]) != 200) fail("the rows of Stores are not there");
  run("insert", 1, &insert, seconds);
  run("select", 1, &select, seconds);
  run("roster of 200", 3, roster, seconds);
  mysql_close(c);
}
