#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""table.py FILE.jsonl: medians (min-max) per server/profile/label."""
import json, sys, statistics as st, collections
rows = []
for l in open(sys.argv[1]):
    try: rows.append(json.loads(l))
    except ValueError: print("bad line:", l[:100])
def ms(v, f="%.0f"):
    v = [x for x in v if x is not None]
    if not v: return "-"
    m = st.median(v)
    return (f % m) + (" (" + f % min(v) + "-" + f % max(v) + ")" if len(v) > 1 else "")
if rows and "yard" in rows[0]:
    k = collections.OrderedDict()
    for r in rows:
        key = "/".join(str(r[x]) for x in ("yard", "cert", "parser", "chunk", "what", "release_buffers") if x in r)
        k.setdefault(key, []).append(r)
    for key, v in k.items():
        print(key, " ".join("%s=%s" % (f, ms([x[f] for x in v], "%.2f" if f.startswith("us_") else "%.0f")) for f in ("server_per_s", "server_us", "client_us", "stanzas_per_s", "mb_per_s", "us_per_stanza", "rss_bytes_each", "malloc_bytes_each", "bytes_per_conn", "per_s") if f in v[0]))
    sys.exit()
g = collections.OrderedDict()
for r in rows: g.setdefault((r["label"], r["server"], r["profile"]), []).append(r)
print("| test | server | profile | runs | rate/s | server CPU us/op | ops per CPU-second | p50 ms | p99 ms | srv util | gen us/op | other util | errors |")
print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
for (lab, s, p), v in sorted(g.items(), key=lambda x: (x[0][2] not in ("core",), x[0][2], list(g).index(x[0]) * 0, x[0][0], x[0][1])):
    bad = [x for x in v if "error" in x]
    v = [x for x in v if "error" not in x]
    if bad: print("| %s | %s | %s | %d FAILED: %s |" % (lab, s, p, len(bad), bad[0]["error"]))
    if not v: continue
    if "steps" in v[0]:
        for i, stp in enumerate(v[0]["steps"]):
            print("| %s %d | %s | %s | %d | bytes/conn %s | RSS MiB %s | base RSS MiB %s | idle CPU util %s | | | | | %d |" % (lab, stp["conns"], s, p, len(v),
                ms([x["steps"][i]["bytes_per_conn"] for x in v]), ms([x["steps"][i]["rss_kb"] / 1024 for x in v], "%.1f"), ms([x["rss0_kb"] / 1024 for x in v], "%.1f"), ms([x["steps"][i]["idle_cpu_util"] for x in v], "%.4f"), sum(x["errors"] for x in v)))
        continue
    def per(x, w):
        for k in x:
            if k.startswith(w + "_us_per_"): return x[k]
    cpu = [per(x, "srv") for x in v]
    print("| %s | %s | %s | %d | %s | %s | %s | %s | %s | %s | %s | %s | %d |" % (lab, s, p, len(v), ms([x["rate"] for x in v]), ms(cpu, "%.1f"),
        ms([1e6 / c for c in cpu if c]), ms([x["lat_us"]["p50"] / 1000 for x in v], "%.2f"), ms([x["lat_us"]["p99"] / 1000 for x in v], "%.2f"),
        ms([x.get("login_srv_util", x["srv_util"]) for x in v], "%.2f"), ms([per(x, "gen") for x in v], "%.1f"), ms([x["other_util"] for x in v], "%.2f"), sum(x["errors"] for x in v)))
