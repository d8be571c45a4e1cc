#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds once, and runs every test: swift test, the interop suite against the built mimd, the house rules.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
setup_build
setup_python
swift build "${swift_flags[@]}" --build-tests
# The scenarios against the daemon start this program.
MIMD="$(mimd_path debug)"
export MIMD
# What became of the checks of the storage contract.
MIMD_CONFORMANCE_RECORD=$(mktemp)
export MIMD_CONFORMANCE_RECORD
trap 'rm -f "$MIMD_CONFORMANCE_RECORD"' EXIT
# One part that fails does not hide what the next would say.
failed=()
# A test that hangs fails, too.
limit=(timeout --kill-after=10s 30m)
"${limit[@]}" swift test "${swift_test_flags[@]}" --skip TidyTests </dev/null || failed+=("the Swift tests")
# shellcheck disable=SC2119 # its arguments are pytest's, and there are none
run_interop || failed+=("the interop tests (make interop)")
if [ -n "${MIMD_TEST_POSTGRESQL:-}" ]; then
    run_interop --backend postgresql || failed+=("the interop tests on PostgreSQL (make interop ARGS='--backend postgresql')")
fi
"${limit[@]}" swift test "${swift_test_flags[@]}" --filter TidyTests </dev/null || failed+=("the house rules (make tidy)")
scripts/conformance-matrix.sh "$MIMD_CONFORMANCE_RECORD"
for each in "${failed[@]}"; do say "Failed: $each"; done
[ ${#failed[@]} -eq 0 ] || exit 1
say "All tests passed."
