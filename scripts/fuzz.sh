#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh [TARGET [SECONDS [OPTION...]]]: builds the fuzzer of Fuzzing/ with libFuzzer and the address sanitizer, and runs
# it on one target, or on each if TARGET is `all` or missing, for that long (60 seconds). More options go to libFuzzer.
# What it learns stays in .build-fuzz/corpus, an input that the process died of in .build-fuzz/found.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
build=$PWD/.build-fuzz
targets=(xml stanza jid sasl toml term)
seconds=${2:-60}
if [ "${1:-all}" != all ]; then targets=("$1"); fi
shift $(($# < 2 ? $# : 2))
for target in "${targets[@]}"; do
    [ -d "Tests/FuzzTests/Corpus/$target" ] || fail "there is no target $target in Tests/FuzzTests/Corpus"
done
setup_build
# Of several -sanitize the Swift compiler heeds the last one, so that it must name both. Optimized, for ten times as many
# inputs, but with every assertion; the properties look at what is internal.
swift build --package-path Fuzzing --scratch-path "$build" --configuration release --product Fuzz \
    --sanitize fuzzer --sanitize address -Xswiftc -sanitize=fuzzer,address \
    -Xswiftc -enable-testing -Xswiftc -assert-config -Xswiftc Debug
# libFuzzer is to see the signals, and TOMLKit's leaks are known.
export SWIFT_BACKTRACE=enable=no
export LSAN_OPTIONS=suppressions=$PWD/Fuzzing/leaks.supp:print_suppressions=0
failed=()
for target in "${targets[@]}"; do
    mkdir -p "$build/corpus/$target" "$build/found"
    say "Fuzzing $target for $seconds seconds"
    # An input takes milliseconds; one that takes seconds is as bad as one that traps.
    FUZZ_TARGET=$target "$build/release/Fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=4096 \
        -print_final_stats=1 -dict="Fuzzing/Dictionaries/$target.dict" -artifact_prefix="$build/found/$target-" "$@" \
        "$build/corpus/$target" "Tests/FuzzTests/Corpus/$target" || failed+=("$target")
done
[ ${#failed[@]} -eq 0 ] || fail "found something: ${failed[*]}; see $build/found, and add the input to Tests/FuzzTests/Corpus"
