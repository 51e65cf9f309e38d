#!/usr/bin/env bash
# Time from exec to the first right answer, and resident memory, on a large cluster:
#   Benchmarks/start-and-memory.sh [BINARY]
#   RUNS=3 CLUSTER=nodes=5000,services=8200,endpoints=150000
given=${1:+$(realpath "$1")}
cd "$(dirname "$0")"
# shellcheck source=Benchmarks/start.sh
. ./start.sh
binary=${given:-$root/.build/release/cluster-dns}
cluster=${CLUSTER:-nodes=5000,services=8200,endpoints=150000}

start_lab "$cluster"
echo "$cluster: $services Services with a ClusterIP; asked for $name"
for run in $(seq "${RUNS:-3}"); do
    at=$(port)
    write_corefile "$at"
    ./cluster.py --first-answer "$at" "$name" "$address" 120 >"$work/answered" &
    asking=$!
    keep
    started=$(date +%s.%N)
    "$binary" serve -conf "$work/Corefile" >"$work/serve.log" 2>&1 &
    server=$!
    keep
    if ! wait $asking; then
        echo "no right answer within 120 s:" >&2
        tail "$work/serve.log" >&2
        exit 1
    fi
    awk -v run="$run" -v started="$started" -v answered="$(<"$work/answered")" '
        /^VmRSS:/ { resident = $2 } /^VmHWM:/ { peak = $2 }
        END { printf "run %d  first right answer after %.2f s  resident %.1f MiB  peak %.1f MiB\n",
                  run, answered - started, resident / 1024, peak / 1024 }' "/proc/$server/status"
    kill $server
    wait $server 2>/dev/null || true
done
