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
interrupt_jobs_at_end
# One part that fails does not hide what the next would say.
failed=()
# A test that hangs fails, too.
limit=(timeout --kill-after=10s 30m)
"${limit[@]}" swift test "${swift_test_flags[@]}" --skip TidyTests </dev/null &
wait "$!" || failed+=("the Swift tests")

# The interop tests on each backend that is there, two at a time: ports, directories and databases are each run's own.
logs=.build/interop
mkdir -p "$logs"
# Of those that run, the backends and, in the same order, the processes.
backends=() processes=()
finish_first() {
    local status=0
    wait "${processes[0]}" || status=$?
    say "Interop tests, --backend ${backends[0]}:"
    cat "$logs/${backends[0]}"
    [ "$status" -eq 0 ] || failed+=("the interop tests (make interop ARGS='--backend ${backends[0]}')")
    backends=("${backends[@]:1}") processes=("${processes[@]:1}")
}
for each in local postgresql mariadb mysql; do
    place=MIMD_TEST_${each^^}
    [ "$each" = local ] || [ -n "${!place:-}" ] || continue
    [ ${#processes[@]} -lt 2 ] || finish_first
    exec_interop --backend "$each" >"$logs/$each" 2>&1 &
    backends+=("$each") processes+=("$!")
done
while [ ${#processes[@]} -gt 0 ]; do finish_first; done

"${limit[@]}" swift test "${swift_test_flags[@]}" --filter TidyTests </dev/null &
wait "$!" || failed+=("the house rules (make tidy)")
scripts/conformance-matrix.sh "$MIMD_CONFORMANCE_RECORD"
rm -f "$MIMD_CONFORMANCE_RECORD"
for each in "${failed[@]}"; do say "Failed: $each"; done
[ ${#failed[@]} -eq 0 ] || exit 1
say "All tests passed."
