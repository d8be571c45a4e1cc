#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# store-bench.sh [SECONDS]: how fast the stores are: SQLite, and, in the same minutes, PostgreSQL by mimd's driver and by
# one connection of libpq's that blocks. MIMD_TEST_POSTGRESQL (host:port:role:password) names the server, whose disk
# decides; `scripts/backends.sh` starts one that does not wait for its disk.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
seconds=${1:-3}
setup_build
swift build --package-path Benchmarks --configuration release --product Stores
stores=Benchmarks/.build/release/Stores
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say "SQLite"
"$stores" sqlite "$work/sqlite" "$seconds"
[ -n "${MIMD_TEST_POSTGRESQL:-}" ] || exit 0
IFS=: read -r host port role PGPASSWORD <<<"$MIMD_TEST_POSTGRESQL"
export PGPASSWORD
database=mimd_bench_$$
psql=(psql --host "$host" --port "$port" --username "$role" --dbname postgres --quiet --no-psqlrc)
"${psql[@]}" --command "CREATE DATABASE $database"
trap 'rm -rf "$work"; "${psql[@]}" --command "DROP DATABASE $database WITH (FORCE)"' EXIT
say "PostgreSQL"
"$stores" pgsql "$host" "$port" "$database" "$role" "$PGPASSWORD" "$seconds"
# shellcheck disable=SC2046 # two words, or none
cc -O2 $(pkg-config --cflags libpq) -o "$work/pqbench" Benchmarks/xmppload/pqbench.c $(pkg-config --libs libpq)
"$work/pqbench" "host=$host port=$port dbname=$database user=$role" "$seconds"
