#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# swift-test.sh PATTERN: builds, and runs the Swift tests whose name matches.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pattern=${1:?a pattern of test names}
setup_build
swift build "${swift_flags[@]}" --build-tests
# A pattern that matches nothing would pass without a test.
tests=$(swift test "${swift_test_flags[@]}" list 2>/dev/null)
grep -q -- "$pattern" <<<"$tests" || fail "no test matches '$pattern'"
# What became of the checks of the storage contract, if they are among those.
MIMD_CONFORMANCE_RECORD=$(mktemp)
export MIMD_CONFORMANCE_RECORD
trap 'scripts/conformance-matrix.sh "$MIMD_CONFORMANCE_RECORD"; rm -f "$MIMD_CONFORMANCE_RECORD"' EXIT
MIMD="$(mimd_path debug)" swift test "${swift_test_flags[@]}" --filter "$pattern"
