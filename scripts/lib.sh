# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by every script here: goes to the top of the repository, and holds what they share.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

swift_version_min=6.2
system_packages_build=(ca-certificates git pkg-config libxml2-dev libssl-dev libidn-dev libmariadb-dev libpq-dev libsqlite3-dev zlib1g-dev)
system_packages_test=(openssl python3 python3-venv)
# An import that no target declares must fail here, not at an embedder's.
# shellcheck disable=SC2034 # the scripts that source this one use it
swift_flags=(--explicit-target-dependency-import-check error)
# Every test is Swift Testing's; XCTest would only say that it ran none.
# shellcheck disable=SC2034
swift_test_flags=("${swift_flags[@]}" --skip-build --disable-xctest)

say() { printf '%s\n' "$*"; }
fail() {
    printf 'mimd: %s\n' "$*" >&2
    exit 1
}

# One clear line when the compiler is missing or too old.
require_swift() {
    local version
    command -v swift >/dev/null || fail "no Swift toolchain on PATH: install Swift $swift_version_min or newer from https://www.swift.org/install/linux/"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1) || true
    [ -n "$version" ] || fail "'swift --version' does not work: $(swift --version 2>&1 | head -n 1)"
    [ "$(printf '%s\n' "$swift_version_min" "$version" | sort -V | head -n 1)" = "$swift_version_min" ] ||
        fail "Swift $version is too old: install Swift $swift_version_min or newer from https://www.swift.org/install/linux/"
}

# Installs those of the named Debian packages that are missing. Touches neither network nor sudo when none is.
require_packages() {
    local package missing=() as_root=()
    command -v dpkg-query >/dev/null || {
        say "mimd: no dpkg here; make sure that you have what Debian calls: $*"
        return 0
    }
    for package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || is_there "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "as root, install: apt-get install ${missing[*]}"
        as_root=(sudo)
        [ -t 0 ] || as_root+=(-n)
    fi
    say "Installing system packages: ${missing[*]}"
    # dpkg wants ldconfig and friends, which a bare PATH may lack.
    as_root+=(env "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive)
    "${as_root[@]}" apt-get update -q </dev/null || say "mimd: apt-get update failed; trying with the package lists at hand"
    "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null ||
        fail "could not install: ${missing[*]}"
}

# A tool that did not come from a Debian package serves as well.
is_there() {
    case $1 in
        git | openssl | python3) command -v "$1" >/dev/null ;;
        python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        pkg-config) command -v pkg-config >/dev/null ;;
        *) return 1 ;;
    esac
}

setup_build() {
    require_swift
    require_packages "${system_packages_build[@]}"
}

# The Python virtual environment of Tests/InteropTests, made again when its requirements change.
setup_python() {
    local requirements=Tests/InteropTests/requirements.txt stamp=.venv/requirements.txt
    local python=python3
    require_packages "${system_packages_test[@]}"
    # slixmpp needs Python 3.11; Ubuntu 22.04 has it beside its default.
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=python3.11
        command -v "$python" >/dev/null || require_packages python3.11 python3.11-venv
    fi
    if ! cmp -s "$requirements" "$stamp" || ! .venv/bin/python -c 'import slixmpp, pytest' 2>/dev/null; then
        say "Making the Python virtual environment .venv"
        rm -rf .venv
        "$python" -m venv .venv || fail "could not make .venv: is python3-venv installed?"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements" </dev/null ||
            fail "could not install $requirements"
        cp "$requirements" "$stamp"
    fi
}

# Where the program lies after a build: debug or release.
mimd_path() { say "$PWD/.build/$1/mimd"; }

# Becomes the interop suite against the program that is built. More arguments go to pytest.
exec_interop() {
    # A run that starts takes the rights to the directory that all would share away from databases of one that goes on.
    PYTEST_DEBUG_TEMPROOT=$(mktemp -d)
    export PYTEST_DEBUG_TEMPROOT
    MIMD="$(mimd_path debug)" exec timeout --kill-after=10s 20m .venv/bin/python -m pytest -c Tests/InteropTests/pytest.ini \
        --rootdir Tests/InteropTests Tests/InteropTests "$@" </dev/null
}

# What `timeout` runs is out of Ctrl-C's reach: tests run in the background, and whatever ends this script interrupts them.
interrupt_jobs_at_end() {
    trap 'kill -INT $(jobs -p) 2>/dev/null && wait || true' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}
