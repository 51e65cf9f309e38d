#!/usr/bin/env bash
# Time from a change at the API server to the first answer that shows it, in a large cluster that changes all the time,
# while other queries are answered:
#   Benchmarks/change-latency.sh [BINARY]
#   CHANGES=500 CHURN=100 RATE=20000 CLUSTER=nodes=5000,services=8200,endpoints=150000
given=${1:+$(realpath "$1")}
cd "$(dirname "$0")"
# shellcheck source=Benchmarks/start.sh
. ./start.sh
binary=${given:-$root/.build/release/cluster-dns}
cluster=${CLUSTER:-nodes=5000,services=8200,endpoints=150000}
rate=${RATE:-20000} churn=${CHURN:-100}

start_lab "$cluster" --churn "$churn"
at=$(port)
write_corefile "$at"
sed -i 's/ttl 30/ttl 30\n    }\n    cache 30 {/' "$work/Corefile"
"$binary" serve -conf "$work/Corefile" >"$work/serve.log" 2>&1 &
keep
./cluster.py --first-answer "$at" "$name" "$address" 120 >/dev/null
dnsperf -s 127.0.0.1 -p "$at" -d "$work/queries" -Q "$rate" -l 600 -c 4 >"$work/dnsperf.log" 2>&1 &
keep
sleep 2
echo "$cluster, $churn endpoint changes and $rate queries a second beside it:"
./changes.py "$work/kubeconfig" "$at" "${CHANGES:-500}"
