#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# backends.sh COMMAND...: starts the databases that the tests can use, from Debian's packages and on free ports of this
# machine, runs the command with their places in its environment, and stops them. What they keep goes with them.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -gt 0 ] || fail "backends.sh needs a command"
require_packages "${system_packages_test[@]}" postgresql
work=$(mktemp -d)
chmod 755 "$work"
stop=()
end() {
    local each
    for each in "${stop[@]}"; do "$each" || true; done
    rm -rf "$work"
}
trap end EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# A database does not run as root.
as_user() {
    local user=$1
    shift
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env "HOME=$work" "$@"
    else
        "$@"
    fi
}

start_postgresql() {
    local programs port=$1
    programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
    [ -n "$programs" ] || fail "PostgreSQL is not installed"
    postgresql_data=$work/postgresql
    mkdir "$postgresql_data"
    printf 'secret' >"$work/password"
    [ "$(id -u)" -ne 0 ] || chown postgres "$postgresql_data"
    as_user postgres "$programs/initdb" --pgdata="$postgresql_data" --username=mimd --auth=scram-sha-256 \
        --pwfile="$work/password" --encoding=UTF8 --no-locale --no-sync >"$work/postgresql.log"
    # A key must be its server's alone.
    as_user postgres openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$postgresql_data/server.key" -out "$postgresql_data/server.crt" \
        2>>"$work/postgresql.log"
    cp "$postgresql_data/server.crt" "$work/postgresql.crt"
    as_user postgres "$programs/pg_ctl" --pgdata="$postgresql_data" --wait --log="$postgresql_data/log" \
        --options="-c listen_addresses=127.0.0.1 -p $port -k $postgresql_data -c fsync=off -c ssl=on" start >>"$work/postgresql.log"
    postgresql_programs=$programs
    stop+=(stop_postgresql)
    export MIMD_TEST_POSTGRESQL=127.0.0.1:$port:mimd:secret
    export MIMD_TEST_POSTGRESQL_CERTIFICATE=$work/postgresql.crt
}
stop_postgresql() {
    as_user postgres "$postgresql_programs/pg_ctl" --pgdata="$postgresql_data" --mode=immediate stop >/dev/null
}

start_postgresql "$(free_port)" || {
    cat "$work"/*.log >&2
    fail "PostgreSQL did not start"
}
"$@"
