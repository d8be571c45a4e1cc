#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# seed.sh SERVER: makes the accounts (and the rosters of the fan-out users) once; kept in seed/SERVER, copied for each run
. "$(dirname "$0")/servers.sh"
cd $P
S=$1; N=${ACCOUNTS:-10020}
rm -rf $P/seed/$S $P/$S/seed; mkdir -p $P/seed $P/results
${S}_config seed; start_server $S seed "" || exit 1
L="./xmppload"; O="--port $PORT --pid $SPID"
timeout 1500 $L register -n $N --conc 32 --timeout 1400 --label seed $O | tee -a results/seed-$S.jsonl
timeout 900 $L login -n $N --close --auth scram-sha-1 --cache $P/seed/$S.scram --timeout 800 --conc 64 --label seed $O | tee -a results/seed-$S.jsonl
timeout 600 $L rosters -n 10 -k 20 --first 5000 --settle 6 --auth scram-sha-1 --cache $P/seed/$S.scram --timeout 300 --label seed $O | tee -a results/seed-$S.jsonl
stop_server
d=$P/$S/seed/data; [ $S = ejabberd ] && d=$P/$S/seed/db
[ -d $d ] && mv $d $P/seed/$S
echo "seeded $S: $(du -sh $P/seed/$S | cut -f1)"
