#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# conformance-matrix.sh FILE: prints which checks of the storage contract ran on which backend, and what came of it, from
# the record that the tests write (Tests/PersistenceTests/ConformanceRecord.swift).
set -euo pipefail
[ -s "${1:?the record of the checks}" ] || exit 0
awk -F '\t' '
    NF == 1 { if (!($1 in known)) { known[$1] = 1; backends[++backend_count] = $1 } next }
    {
        if (!($2 in total)) stores[++store_count] = $2
        if (!(($2, $3) in checks)) { checks[$2, $3] = 1; total[$2]++ }
        # A check that ran more than once is as good as its worst.
        if (($1, $2, $3) in outcome && outcome[$1, $2, $3] == "failed") next
        outcome[$1, $2, $3] = $4
    }
    END {
        for (key in outcome) {
            split(key, part, SUBSEP)
            if (outcome[key] == "ok") ok[part[1], part[2]]++; else failed[part[1], part[2]]++
        }
        # By name, for the order of the lines is that of the tests.
        for (i = 2; i <= store_count; i++)
            for (j = i; j > 1 && stores[j] < stores[j - 1]; j--) { t = stores[j]; stores[j] = stores[j - 1]; stores[j - 1] = t }
        printf "%-28s", "checks of the contract"
        for (b = 1; b <= backend_count; b++) printf "  %-18s", backends[b]
        printf "\n"
        for (i = 1; i <= store_count; i++) {
            printf "%-28s", stores[i] " (" total[stores[i]] ")"
            for (b = 1; b <= backend_count; b++) {
                good = ok[backends[b], stores[i]] + 0
                bad = failed[backends[b], stores[i]] + 0
                cell = good + bad == 0 ? "not run" : good " ok" (bad ? ", " bad " failed" : "")
                printf "  %-18s", cell
            }
            printf "\n"
        }
    }
' "$1" | sed 's/ *$//'
