#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# store-bench.sh [SECONDS]: how fast the stores are: SQLite, and, in the same minutes, each database by mimd's driver and by
# one connection that blocks. MIMD_TEST_POSTGRESQL, MIMD_TEST_MARIADB and MIMD_TEST_MYSQL (host:port:user:password) name
# the servers, whose disks decide; `scripts/backends.sh` starts some that do not wait for their disk.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
seconds=${1:-3}
setup_build
swift build --package-path Benchmarks --configuration release --product Stores
stores=Benchmarks/.build/release/Stores
work=$(mktemp -d)
database=mimd_bench_$$
# A server's client, which takes a statement, and the statement that removes the database there.
ask=()
drop=
finish() {
    [ ${#ask[@]} -eq 0 ] || "${ask[@]}" "$drop"
    ask=()
}
trap 'finish; rm -rf "$work"' EXIT
say "SQLite"
"$stores" sqlite "$work/sqlite" "$seconds"

if [ -n "${MIMD_TEST_POSTGRESQL:-}" ]; then
    IFS=: read -r host port user PGPASSWORD <<<"$MIMD_TEST_POSTGRESQL"
    export PGPASSWORD
    say "PostgreSQL"
    ask=(psql --host "$host" --port "$port" --username "$user" --dbname postgres --quiet --no-psqlrc --command)
    drop="DROP DATABASE $database WITH (FORCE)"
    "${ask[@]}" "CREATE DATABASE $database"
    "$stores" pgsql "$host" "$port" "$database" "$user" "$PGPASSWORD" "$seconds"
    # shellcheck disable=SC2046 # two words, or none
    cc -O2 $(pkg-config --cflags libpq) -o "$work/pqbench" Benchmarks/xmppload/pqbench.c $(pkg-config --libs libpq)
    "$work/pqbench" "host=$host port=$port dbname=$database user=$user" "$seconds"
    finish
fi

for each in MariaDB MySQL; do
    place=MIMD_TEST_${each^^}
    [ -n "${!place:-}" ] || continue
    IFS=: read -r host port user MYSQL_PWD <<<"${!place}"
    export MYSQL_PWD
    say "$each"
    ask=(mariadb --no-defaults --host "$host" --port "$port" --user "$user" --execute)
    drop="DROP DATABASE $database"
    "${ask[@]}" "CREATE DATABASE $database"
    "$stores" mysql "$host" "$port" "$database" "$user" "$MYSQL_PWD" "$seconds"
    # shellcheck disable=SC2046
    cc -O2 $(pkg-config --cflags libmariadb) -o "$work/mysqlbench" Benchmarks/xmppload/mysqlbench.c $(pkg-config --libs libmariadb)
    "$work/mysqlbench" "$host" "$port" "$database" "$user" "$seconds"
    finish
done
