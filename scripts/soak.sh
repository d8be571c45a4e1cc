#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# soak.sh [OPTION...]: builds mimd optimized, and lets 2,000 clients live with it for twenty minutes. Options go to
# Tests/Soak/soak.py: --minutes N, --clients N, --seed N.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
setup_build
require_packages python3
swift build "${swift_flags[@]}" --configuration release --product mimd
exec python3 Tests/Soak/soak.py "$@" "$(mimd_path release)"
