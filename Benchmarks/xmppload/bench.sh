#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh SERVER[,SERVER..] [SECTIONS] [ROUNDS]
#   SECTIONS: comma list of  core mam mamnative idle unpinned deflt yard gcgen   (default: core,mam,idle)
#     core: pinned, plain+TLS logins, chat, iq, fan-out | mam: MAM on sqlite | mamnative: MAM on the server's own store
#     idle: RSS/conn plain+TLS | unpinned: no pinning at all | deflt: Debian's default module list | yard: yardsticks
#     gcgen: Prosody only, core+mam+idle with the generational Lua GC
#     mampg: an archive in PostgreSQL (mimd) | pages: pages of long and short archives (mimd) | rooms: MUC Light (mimd)
#     many: 200 sessions against 10,000 | loops: one event loop against two (mimd, not pinned)
#   servers are interleaved within a round, so that they see the same machine noise.
# Results: one JSON line per run appended to results/$RUN.jsonl, table at the end.
# Env: SCPU=0 GCPU=1 (cores), DUR=5, RUN=name, IDLE_N=10000
. "$(dirname "$0")/servers.sh"
cd $P
SERVERS=${1:?server}; SECT=${2:-core,mam,idle}; ROUNDS=${3:-3}
SCPU=${SCPU:-0}; GCPU=${GCPU:-1}; DUR=${DUR:-5}; RUN=${RUN:-$(date +%m%d-%H%M)}; IDLE_N=${IDLE_N:-10000}
OUT=results/$RUN.jsonl; mkdir -p results
trap 'stop_server; exit 1' INT TERM
for s in ${SERVERS//,/ }; do [ "$s" = none ] || [ -d seed/$s ] || "$HERE/seed.sh" $s; done

fresh() { # SERVER PROFILE: data dir from the seed
  rm -rf $P/$1/$2; mkdir -p $P/$1/$2
  local t=data; [ $1 = ejabberd ] && t=db
  cp -a $P/seed/$1 $P/$1/$2/$t
}
g() { # label, generator arguments
  local label=$1; shift
  timeout 300 ${GPIN-taskset -c $GCPU} ./xmppload "$@" --port $PORT --pid $SPID --label $label 2>>results/$RUN.err | sed "s/^{/{\"server\":\"$S\",\"profile\":\"$PR\",\"round\":$R,/" >> $OUT
  sleep 0.5
}
SC="--auth scram-sha-1"
core() { # the traffic modes, on one server instance
  local c="$SC --cache $P/seed/$S.scram"
  g login_plain_plainauth login -n 400 --first 3000 --conc 32
  g login_tls_plainauth   login -n 400 --first 3000 --conc 32 --tls
  g login_plain_scram     login -n 2000 --conc 32 $c
  g login_tls_scram       login -n 2000 --conc 32 $c --tls
  g chat                  chat -n 100 -w 4 --dur $DUR $c
  g chat_tls              chat -n 100 -w 4 --dur $DUR $c --tls
  g chat_bare             chat -n 100 -w 4 --dur $DUR $c --bare
  g chat_rate1000         chat -n 100 --rate 1000 --dur $DUR $c
  g chat_rate1000_tls     chat -n 100 --rate 1000 --dur $DUR $c --tls
  g iq_ping               iq -n 100 -w 2 --dur $DUR --iq ping $c
  g iq_disco              iq -n 100 -w 2 --dur $DUR --iq disco $c
  g iq_roster             iq -n 100 -w 2 --dur $DUR --iq roster $c
  g fanout_presence       fanout -n 10 -k 20 --first 5000 --dur $DUR $SC --cache $P/seed/$S.scram
  g fanout_muc            muc -n 4 -k 50 -w 2 --dur $DUR $c
}
traffic_small() { # for the 'unpinned' and 'deflt' sections
  local c="$SC --cache $P/seed/$S.scram"
  g login_plain_scram     login -n 2000 --conc 32 $c
  g chat                  chat -n 100 -w 4 --dur $DUR $c
  g chat_tls              chat -n 100 -w 4 --dur $DUR $c --tls
  g iq_ping               iq -n 100 -w 2 --dur $DUR --iq ping $c
  g fanout_presence       fanout -n 10 -k 20 --first 5000 --dur $DUR $SC --cache $P/seed/$S.scram
  g fanout_muc            muc -n 4 -k 50 -w 2 --dur $DUR $c
}
mam() {
  local c="$SC --cache $P/seed/$S.scram"
  g chat_mam              chat -n 10 -w 16 --dur 10 $c   # few pairs: 20 users get archives of some hundred messages
  g chat_mam_100_pairs    chat -n 100 -w 4 --dur $DUR $c
  g chat_mam_rate100      chat -n 10 --rate 100 --dur $DUR $c
  g mam_last50            mam -n 20 -w 1 --page 50 --mampage last --dur $DUR $c
  g mam_walk50            mam -n 20 -w 1 --page 50 --mampage walk --dur $DUR $c
}
pages() { # archives of ten thousand messages and of a million, of one account each
  local c="$SC --cache $P/seed/$S.scram"
  for walk in last walk; do
    g page_of_10000_$walk mam -n 1 --first 0 -w 4 --page 50 --mampage $walk --dur $DUR $c
    g page_of_million_$walk mam -n 1 --first 1 -w 4 --page 50 --mampage $walk --dur $DUR $c
  done
}
fill() { # puts the messages for `pages` into the store of a server that has made its tables
  local store=$P/$S/$PR/data/mimd.sqlite
  start_server $S $PR && stop_server
  "$HERE/archive.py" $store user0@localhost 10000; "$HERE/archive.py" $store user1@localhost 1000000
}
rooms() { # a delivered copy beside a message from one to one
  local c="$SC --cache $P/seed/$S.scram"
  g chat_bare             chat -n 100 -w 4 --dur $DUR $c --bare
  g muclight_200          muclight -n 1 -k 200 -w 4 --dur $DUR $c
}
with() { # SERVER PROFILE CPUS function...
  S=$1; PR=$2; local cpus=$3; shift 3
  fresh $S $PR
  start_server $S $PR "$cpus" || return 1
  "$@"
  stop_server
}
idle() { # $1 = '' or --tls
  g idle${1:+_tls} idle -n $IDLE_N --conc 64 --settle ${SETTLE:-5} --steps $((IDLE_N/2)),$IDLE_N $SC --cache $P/seed/$S.scram --timeout 250 $1
}
many() { # whether a message costs more when there are many sessions: 200 alone, with 9,800 that only listen, and 10,000 that all chat
  local c="$SC --cache $P/seed/$S.scram --timeout 200"
  g chat_200              chat -n 100 -w 4 --dur $DUR $c
  g chat_200_of_10000     chat -n 100 -w 4 --idle 9800 --dur $DUR $c
  g chat_10000            chat -n 5000 -w 1 --warm 3 --dur $DUR $c
}
loops() { # $1 loops: connections go to the loops in turn, so that those of a pair are on one loop, or on two
  local c="$SC --cache $P/seed/$S.scram --conc 1"
  if [ $1 = 1 ]; then g chat_1loop chat -n 100 -w 4 --dur $DUR $c; return; fi
  g chat_2loops_same      chat -n 100 -w 4 --apart 2 --dur $DUR $c
  g chat_2loops_apart     chat -n 100 -w 4 --dur $DUR $c
}
yard() {
  local y=results/$RUN.yard.jsonl
  S=relay; PR=yard
  taskset -c $SCPU ./relay 16422 & SPID=$!; PORT=16422; sleep 0.3
  g relay_w4 chat --raw -n 100 -w 4 --dur 3; g relay_10000 chat --raw -n 5000 -w 1 --warm 3 --dur 3; g relay_w1 chat --raw -n 100 -w 1 --dur 3; kill $SPID; wait $SPID 2>/dev/null; SPID=
  taskset -c $SCPU ./relay 16423 ec.crt ec.key & SPID=$!; PORT=16423; sleep 0.3
  g relay_tls_w4 chat --raw --tls -n 100 -w 4 --dur 3; kill $SPID; wait $SPID 2>/dev/null; SPID=
  { taskset -c $SCPU ./pbkdf2bench 1; taskset -c $SCPU ./tlsbench ec.crt ec.key 2; taskset -c $SCPU ./tlsbench rsa.crt rsa.key 2
    taskset -c $SCPU ./xmlbench 0 1 5000; taskset -c $SCPU ./xmlbench 4096 1
    for r in 0 1 -1; do ./tlsmem 10050 ec.crt ec.key $r; done
    taskset -c $SCPU openssl speed -seconds 1 ecdsap256 rsa2048 ecdhx25519 2>/dev/null | awk '/^rsa 2048/{print "{\"yard\":\"openssl_speed\",\"what\":\"rsa2048_sign\",\"per_s\":"$6"}"} /ecdsa \(nistp256\)/{print "{\"yard\":\"openssl_speed\",\"what\":\"ecdsa_p256_sign\",\"per_s\":"$7"}"} /ecdh \(X25519\)/{print "{\"yard\":\"openssl_speed\",\"what\":\"x25519\",\"per_s\":"$6"}"}'
  } | sed "s/^{/{\"round\":$R,/" >> $y
}
for R in $(seq $ROUNDS); do
  for sec in ${SECT//,/ }; do
    if [ $sec = yard ]; then yard; continue; fi
    for s in ${SERVERS//,/ }; do
      case $sec in
        core) with $s core $SCPU core ;;
        gcgen) [ $s = prosody ] && { with $s core-gen $SCPU core; with $s mam-gen $SCPU mam; with $s idle-gen $SCPU idle ''; with $s idle-gen $SCPU idle --tls; } ;;
        gcx) # one comparison in one run: tuned Prosody against ejabberd, plus ejabberd unpinned
          if [ $s = prosody ]; then with $s core-gen $SCPU core; with $s mam-gen $SCPU mam; else with $s core $SCPU core; GPIN= ; with $s unpinned '' traffic_small; unset GPIN; fi ;;
        mampg) [ $s = mimd ] && with $s mampg $SCPU mam ;;
        pages) [ $s = mimd ] && { S=$s; PR=mam; fresh $s mam; fill; start_server $s mam $SCPU && pages; stop_server; } ;;
        rooms) [ $s = mimd ] && with $s muclight $SCPU rooms ;;
        mam) with $s ${MAMPROFILE:-mam} $SCPU mam ;;
        mamnative) if [ $s = prosody ]; then with $s maminternal $SCPU mam; else with $s mammnesia $SCPU mam; fi ;;
        many) with $s many $SCPU many ;;
        loops) GPIN= ; LOOPS=1 with $s loops 0,1 loops 1; LOOPS=2 with $s loops2 0,1 loops 2; unset GPIN ;;
        idle) with $s idle $SCPU idle ''; with $s idle $SCPU idle --tls ;;
        unpinned) GPIN= ; with $s unpinned '' traffic_small; unset GPIN ;;
        deflt) with $s default $SCPU traffic_small ;;
      esac
    done
  done
done
python3 "$HERE/table.py" results/$RUN.jsonl
[ -f results/$RUN.yard.jsonl ] && python3 "$HERE/table.py" results/$RUN.yard.jsonl
