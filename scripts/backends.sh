#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# backends.sh COMMAND...: starts the databases that the tests can use, on free ports of this machine, runs the command with
# their places in its environment, and stops them. What they keep goes with them.
#
# PostgreSQL, MariaDB and Redis are Debian's packages. MySQL is in no stable Debian: ../shared/backends/mysql.sh, where it
# is there, sets one up in a chroot of Debian's sid, which takes root, a gigabyte among the temporary files ($SID_CHROOT)
# and, the first time, a minute. The chroot stays for the next time, and so do its mounts (../shared/backends/umount.sh).
# shellcheck disable=SC2317 # functions are called by names that are put together
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -gt 0 ] || fail "backends.sh needs a command"
# Servers lie where the PATH of a user may not lead.
PATH=$PATH:/usr/sbin:/sbin
names=(postgresql mariadb redis)
packages=("${system_packages_test[@]}" postgresql mariadb-server redis-server)
mysql_script=$PWD/../shared/backends/mysql.sh
if [ -e "$mysql_script" ] && [ "$(id -u)" -ne 0 ]; then
    say "mimd: MySQL is left out: its chroot takes root"
elif [ -e "$mysql_script" ]; then
    names+=(mysql)
    packages+=(debootstrap)
    export SID_CHROOT=${SID_CHROOT:-${TMPDIR:-/tmp}/backends/sid}
fi
require_packages "${packages[@]}"
start_seconds_max=60
mysql_seconds_max=900
work=$(mktemp -d)
chmod 755 "$work"
# By name: the port, the process that prepares the server, the server's process.
declare -A port=() preparing=() server=()

# Below the ports that the kernel gives away, so that nobody gets it before its server has it.
free_port() {
    local candidate
    while candidate=$((RANDOM % 20000 + 12000)); (: <"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; do :; done
    say "$candidate"
}

# Becomes the command; a database does not run as root.
exec_as() {
    local user=$1
    shift
    [ "$(id -u)" -ne 0 ] || set -- setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
    exec env "HOME=$work/$user" "$@"
}

# An empty directory of the server's own.
make_directory() {
    mkdir -m 700 "$work/$1"
    [ "$(id -u)" -ne 0 ] || chown "$2:" "$work/$1"
}

# A certificate for localhost, which clients find in $work. A key must be its server's alone.
make_certificate() {
    (exec_as "$2" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$work/$1/server.key" -out "$work/$1/server.crt")
    cp "$work/$1/server.crt" "$work/$1.crt"
}

# Each server has a function that prepares it, one that becomes it, and one that asks whether it answers.

postgresql_programs() { find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1; }
prepare_postgresql() {
    make_directory postgresql postgres
    printf 'secret' >"$work/password"
    (exec_as postgres "$(postgresql_programs)/initdb" --pgdata="$work/postgresql/data" --username=mimd --auth=scram-sha-256 \
        --pwfile="$work/password" --encoding=UTF8 --no-locale --no-sync)
    make_certificate postgresql postgres
}
# Tests make all tables at once in many databases, and each lock on one has its place in a table of the server's.
run_postgresql() {
    local own=$work/postgresql
    exec_as postgres setsid "$(postgresql_programs)/postgres" -D "$own/data" -c listen_addresses=127.0.0.1 -p "${port[postgresql]}" \
        -k "$own" -c fsync=off -c max_locks_per_transaction=512 -c ssl=on -c ssl_cert_file="$own/server.crt" -c ssl_key_file="$own/server.key"
}
postgresql_answers() { "$(postgresql_programs)/pg_isready" --quiet --host=127.0.0.1 --port="${port[postgresql]}"; }

# Durable against the end of its process, as PostgreSQL is without fsync.
mariadb_options() {
    printf '%s\n' --no-defaults "--datadir=$work/mariadb/data" --skip-name-resolve --innodb-flush-method=nosync \
        --innodb-flush-log-at-trx-commit=2 --innodb-log-file-size=16M --innodb-buffer-pool-size=64M
}
prepare_mariadb() {
    local options
    mapfile -t options < <(mariadb_options)
    make_directory mariadb mysql
    (exec_as mysql mariadb-install-db "${options[@]}" --auth-root-authentication-method=normal --skip-test-db)
    make_certificate mariadb mysql
    printf '%s;\n' "CREATE USER IF NOT EXISTS mimd@'%' IDENTIFIED BY 'secret'" \
        "GRANT ALL ON *.* TO mimd@'%' WITH GRANT OPTION" >"$work/mariadb.sql"
}
run_mariadb() {
    local options own=$work/mariadb
    mapfile -t options < <(mariadb_options)
    exec_as mysql setsid mariadbd "${options[@]}" --bind-address=127.0.0.1 --port="${port[mariadb]}" --socket="$own/socket" \
        --pid-file="$own/pid" --init-file="$work/mariadb.sql" --character-set-server=utf8mb4 \
        --collation-server=utf8mb4_general_ci --ssl-cert="$own/server.crt" --ssl-key="$own/server.key"
}
mariadb_answers() {
    MYSQL_PWD=secret mariadb-admin --no-defaults --host=127.0.0.1 --port="${port[mariadb]}" --user=mimd --silent ping
}

prepare_redis() { make_directory redis redis; }
run_redis() {
    exec_as redis setsid redis-server --bind 127.0.0.1 --port "${port[redis]}" --dir "$work/redis" --save '' --appendonly no
}
redis_answers() { [ "$(redis-cli -p "${port[redis]}" ping)" = PONG ]; }

# The script leaves its server behind, in a process of its own, and its data in the chroot.
mysql_data() { say "/var/tmp/mysql-${port[mysql]}"; }
prepare_mysql() {
    local try
    trap 'kill "$!"; exit 1' TERM
    mkdir -p "$(dirname "$SID_CHROOT")"
    for try in 1 2; do
        # Two of these must not make the chroot at once.
        MYSQL_PORT=${port[mysql]} timeout --kill-after=10s "$mysql_seconds_max" \
            flock --close "$SID_CHROOT.lock" "$mysql_script" start &
        wait "$!" && return
        say "mimd: $mysql_script start failed, try $try"
        stop_mysql
        # An installation may have been interrupted, now or at some other time.
        chroot "$SID_CHROOT" dpkg --configure -a || true
    done
    return 1
}
# Whoever was started on the data, wherever the script was: no other process has this argument, nor has grep, in one word.
mysql_processes() {
    # shellcheck disable=SC2062 # these are files
    grep -lszxF "-e--datadir=$(mysql_data)/data" /proc/[0-9]*/cmdline | cut -d / -f 3
}
stop_mysql() {
    local process
    while process=$(mysql_processes | grep .); do
        # shellcheck disable=SC2086 # one word for each process; one may be gone already
        kill -KILL $process 2>/dev/null || true
        sleep 0.05
    done
    rm -rf "${SID_CHROOT:?}$(mysql_data)"
}

# What was killed is no news.
end() {
    trap '' INT TERM HUP
    [ -z "${preparing[mysql]:-}" ] || kill "${preparing[mysql]}" || true
    # Immediate for PostgreSQL, which would leave shared memory behind if it were killed.
    [ -z "${server[postgresql]:-}" ] || kill -QUIT "${server[postgresql]}" || true
    [ -z "${server[mariadb]:-}" ] || kill -KILL "${server[mariadb]}" || true
    [ -z "${server[redis]:-}" ] || kill -KILL "${server[redis]}" || true
    wait
    [ -z "${port[mysql]:-}" ] || stop_mysql
    rm -rf "$work"
} 2>/dev/null
not_started() {
    cat "$work/$1.log" >&2
    fail "$1 did not start"
}
# Until the server answers, for as long as it lives.
await() {
    local end=$((SECONDS + start_seconds_max))
    until "$1_answers" >/dev/null 2>&1; do
        if ! kill -0 "${server[$1]}" 2>/dev/null || [ "$SECONDS" -ge "$end" ]; then not_started "$1"; fi
        sleep 0.05
    done
}

trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
for each in "${names[@]}"; do
    port[$each]=$(free_port)
    # There may be data of another server's in the chroot.
    while [ "$each" = mysql ] && [ -e "$SID_CHROOT$(mysql_data)" ]; do port[mysql]=$(free_port); done
    # Ctrl-C is for us alone: what is prepared is waited for, or ended, before it is removed.
    {
        trap '' INT
        "prepare_$each"
    } </dev/null >"$work/$each.log" 2>&1 &
    preparing[$each]=$!
done
for each in postgresql mariadb redis; do
    wait "${preparing[$each]}" || not_started "$each"
    "run_$each" </dev/null >>"$work/$each.log" 2>&1 &
    server[$each]=$!
done
for each in postgresql mariadb redis; do await "$each"; done
if [ -n "${preparing[mysql]:-}" ]; then
    wait "${preparing[mysql]}" || not_started mysql
    unset "preparing[mysql]"
    export MIMD_TEST_MYSQL=127.0.0.1:${port[mysql]}:root:secret
    export MIMD_TEST_MYSQL_CHROOT=$SID_CHROOT
fi
export MIMD_TEST_POSTGRESQL=127.0.0.1:${port[postgresql]}:mimd:secret
export MIMD_TEST_POSTGRESQL_CERTIFICATE=$work/postgresql.crt
export MIMD_TEST_MARIADB=127.0.0.1:${port[mariadb]}:mimd:secret
export MIMD_TEST_MARIADB_CERTIFICATE=$work/mariadb.crt
export MIMD_TEST_REDIS=127.0.0.1:${port[redis]}

# In the background, for a signal to be passed on at once. Ctrl-C reaches the command without us.
env --default-signal=INT,QUIT "$@" <&0 &
command=$!
trap : INT
trap 'kill "$command"' TERM HUP
status=0
wait "$command" || status=$?
# A signal ends the waiting, not the command.
while kill -0 "$command" 2>/dev/null; do
    status=0
    wait "$command" || status=$?
done
exit "$status"
