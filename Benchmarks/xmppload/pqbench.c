/* SPDX-License-Identifier: Apache-2.0 */
/* pqbench CONNINFO SECONDS: what one connection does that blocks: inserts of an offline message, each durable when the next
 * begins, look-ups of an account, and a roster of 200 items. Needs the tables of mimd and the rows of
 * Benchmarks/Sources/Stores. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void check(PGconn *c, PGresult *r, ExecStatusType wanted) {
  if (PQresultStatus(r) != wanted) {
    fprintf(stderr, "pqbench: %s", PQerrorMessage(c));
    exit(1);
  }
  PQclear(r);
}

static void prepare(PGconn *c, const char *name, const char *text, int count) {
  check(c, PQprepare(c, name, text, count, NULL), PGRES_COMMAND_OK);
}

/* Runs the statements of these names, the last of which is followed by NULL, again and again. */
static void run(PGconn *c, const char *workload, const char *const *names, int count, const char *const *values, ExecStatusType wanted, double seconds) {
  double start = now();
  long n = 0;
  while (now() < start + seconds) {
    for (const char *const *name = names; *name; name++) check(c, PQexecPrepared(c, *name, count, values, NULL, NULL, 0), wanted);
    n++;
  }
  printf("{\"store\":\"%s, one connection that blocks\",\"callers\":1,\"per_s\":%.0f}\n", workload, n / (now() - start));
}

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  PGconn *c = PQconnectdb(argv[1]);
  if (PQstatus(c) != CONNECTION_OK) {
    fprintf(stderr, "pqbench: %s", PQerrorMessage(c));
    return 1;
  }
  static char packet[300];
  memset(packet, 'x', sizeof packet - 1);
  const char *row[] = {"1", "capulet.example", "juliet", "romeo@montague.example/orchard", packet};
  const char *key[] = {"capulet.example", "juliet"};
  prepare(c, "insert", "INSERT INTO offline_message (timestamp, server, username, from_jid, packet) VALUES ($1, $2, $3, $4, $5)", 5);
  prepare(c, "select", "SELECT pass_details, password FROM users WHERE server = $1 AND username = $2", 2);
  prepare(c, "version", "SELECT version FROM roster_version WHERE server = $1 AND username = $2", 2);
  prepare(c, "items", "SELECT jid, nick, subscription, ask, askmessage FROM rosterusers WHERE server = $1 AND username = $2 ORDER BY jid LIMIT 201", 2);
  prepare(c, "groups", "SELECT jid, grp FROM rostergroups WHERE server = $1 AND username = $2", 2);
  double seconds = atof(argv[2]);
  run(c, "insert", (const char *[]){"insert", NULL}, 5, row, PGRES_COMMAND_OK, seconds);
  run(c, "select", (const char *[]){"select", NULL}, 2, key, PGRES_TUPLES_OK, seconds);
  run(c, "roster of 200", (const char *[]){"version", "items", "groups", NULL}, 2, key, PGRES_TUPLES_OK, seconds);
  PQfinish(c);
}
