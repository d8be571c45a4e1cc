#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rewrites the Swift sources as .swift-format says.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
require_swift
swift format --in-place --parallel --recursive Package.swift Sources Tests Examples Benchmarks/Package.swift Benchmarks/Sources Benchmarks/Benchmarks Fuzzing
