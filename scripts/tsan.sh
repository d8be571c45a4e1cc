#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tsan.sh [OPTION...]: runs the Swift tests under the thread sanitizer, and fails on any report. Options go to swift test.
# Tests/ThreadSanitizer/runtime.c says what is preloaded, and why nothing is suppressed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
setup_build
build=$PWD/.build-tsan
mkdir -p "$build"
reports=$build/reports
# The compiler that comes with Swift, whose calling convention is needed.
clang=$(dirname "$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')")/../bin/clang
"$clang" -O1 -Wall -Werror -shared -fPIC -o "$build/runtime.so" Tests/ThreadSanitizer/runtime.c
swiftc -sanitize=thread -g -parse-as-library -o "$build/canary" Tests/ThreadSanitizer/Canary.swift

# Runs a command with the sanitizer's reports, one file for each process that has some.
sanitized() {
    rm -rf "$reports"
    mkdir -p "$reports"
    TSAN_OPTIONS="log_path=$reports/report exitcode=0" LD_PRELOAD="$build/runtime.so" "$@"
}
report_count() { cat "$reports"/report.* 2>/dev/null | grep -c '^WARNING: ThreadSanitizer' || true; }

for way in locked resumed; do
    sanitized "$build/canary" "$way"
    [ "$(report_count)" -eq 0 ] || fail "the thread sanitizer reports what is no race ($way): $reports"
done
for way in unlocked resumedTooEarly; do
    sanitized "$build/canary" "$way"
    [ "$(report_count)" -gt 0 ] || fail "the thread sanitizer does not see a race ($way)"
done

swift build "${swift_flags[@]}" --scratch-path "$build" --sanitize thread --build-tests
failed=()
MIMD="$build/debug/mimd" sanitized timeout --kill-after=10s 60m swift test "${swift_test_flags[@]}" \
    --scratch-path "$build" --sanitize thread --skip TidyTests "$@" </dev/null || failed+=("the Swift tests")
count=$(report_count)
if [ "$count" -gt 0 ]; then
    cat "$reports"/report.* | grep '^SUMMARY' | sort | uniq -c | sort -rn
    failed+=("$count reports in $reports")
fi
for each in "${failed[@]}"; do say "Failed: $each"; done
[ ${#failed[@]} -eq 0 ] || exit 1
say "The thread sanitizer has nothing to report."
