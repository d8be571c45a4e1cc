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
MIMD="$(mimd_path debug)" swift test "${swift_test_flags[@]}" --filter "$pattern"
