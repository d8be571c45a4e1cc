#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds mimd, and drives it with slixmpp and with raw streams. Arguments go to pytest.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
setup_build
setup_python
swift build "${swift_flags[@]}" --product mimd
interrupt_jobs_at_end
exec_interop "$@" &
wait "$!"
