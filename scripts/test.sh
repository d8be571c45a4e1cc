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
swift test "${swift_flags[@]}" --skip-build --skip TidyTests </dev/null
# shellcheck disable=SC2119 # its arguments are pytest's, and there are none
run_interop
swift test "${swift_flags[@]}" --skip-build --filter TidyTests </dev/null
say "All tests passed."
