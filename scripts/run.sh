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
exec "$(mimd_path debug)" --config config/mimd.toml
