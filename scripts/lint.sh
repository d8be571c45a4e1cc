#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the Swift sources against .swift-format, and the shell scripts if shellcheck is there.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
require_swift
swift format lint --strict --parallel --recursive Package.swift Sources Tests Examples Benchmarks/Package.swift Benchmarks/Sources Benchmarks/Benchmarks Fuzzing
if command -v shellcheck >/dev/null; then
    shellcheck -x -P SCRIPTDIR scripts/*.sh .ci/run
fi
