#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds mimd optimized, and runs the load generator's bench.sh with it: Benchmarks/xmppload, or the directory in XMPPLOAD. Its arguments are
# SERVERS SECTIONS ROUNDS; without any, the tables of docs/performance.md (mimd alone; "mimd,ejabberd" compares).
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
load=${XMPPLOAD:-Benchmarks/xmppload}
[ -x "$load/bench.sh" ] || fail "no load generator at $load: set XMPPLOAD to the directory that holds its bench.sh"
setup_build
swift build "${swift_flags[@]}" --configuration release --product mimd
[ $# -gt 0 ] || set -- mimd core,idle,many,loops,yard 3
MIMD="$(mimd_path release)" exec "$load/bench.sh" "$@"
