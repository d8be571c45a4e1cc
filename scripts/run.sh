#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds, writes config/mimd.toml if there is none, and serves in the foreground.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
setup_build
swift build "${swift_flags[@]}" --product mimd
if [ ! -e config/mimd.toml ]; then
    [ -e config/mimd.example.toml ] || fail "neither config/mimd.toml nor config/mimd.example.toml exists"
    cp config/mimd.example.toml config/mimd.toml
    say "Wrote config/mimd.toml"
fi
say "Add an account from another terminal, in $PWD: .build/debug/mimd account add you@localhost --password-stdin"
say "and type its password as one line; or let a client on this machine register one. Unless config/mimd.toml says otherwise,"
say "clients connect to localhost:5222, and must accept the self-signed certificate. Ctrl-C stops the server."
exec "$(mimd_path debug)" --config config/mimd.toml
