#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Counts the instructions of each workload with callgrind, and compares with Benchmarks/instructions.txt: a count that grew by more
# than a twentieth fails. `--record` writes the file anew.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
recorded=Benchmarks/instructions.txt
few=200 many=1200
setup_build
require_packages valgrind binutils
swift build --package-path Benchmarks --configuration release --product Instructions
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Valgrind 3.19 does not read the debugging information that Swift writes.
strip --strip-debug -o "$work/Instructions" Benchmarks/.build/release/Instructions
count() { # WORKLOAD TIMES
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/Instructions" "$1" "$2" 2>&1 </dev/null |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
"$work/Instructions" >"$work/names"
while read -r name; do
    # What starting costs is in both.
    printf '%s: %d\n' "$name" $((($(count "$name" $many) - $(count "$name" $few)) / (many - few)))
done <"$work/names" | tee "$work/counts"
if [ "${1:-}" = --record ]; then
    cp "$work/counts" "$recorded"
    exit 0
fi
awk -F': ' 'NR == FNR { before[$1] = $2; next }
    ($1 in before) && $2 > before[$1] * 1.05 { print "grew: " $1 " from " before[$1] " to " $2; failed = 1 }
    END { exit failed }' "$recorded" "$work/counts"
