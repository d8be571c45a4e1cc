#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build.sh debug|release: sets up, and builds the program mimd.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
configuration=${1:?debug or release}
setup_build
swift build "${swift_flags[@]}" --configuration "$configuration" --product mimd
say "Built $(mimd_path "$configuration")"
