#!/usr/bin/env bash
# Time from exec to the first right answer, and resident memory, on a large cluster: cold, through relists under load, with
# autopath and all pods, and warm from a snapshot file without an API server:
#   Benchmarks/start-and-memory.sh [BINARY]
#   RUNS=3 CLUSTER=nodes=5000,services=8200,endpoints=150000
given=${1:+$(realpath "$1")}
cd "$(dirname "$0")"
# shellcheck source=Benchmarks/start.sh
. ./start.sh
binary=${given:-$root/.build/release/cluster-dns}
cluster=${CLUSTER:-nodes=5000,services=8200,endpoints=150000}

# Starts the server on port $at and prints one line, which begins with $1; leaves it running as $server.
measure() {
    ./cluster.py --first-answer "$at" "$name" "$address" 120 >"$work/answered" &
    local asking=$! started
    keep
    # Starting the one who asks is no part of what is measured.
    until [ -s "$work/answered" ]; do sleep 0.01; done
    started=$(date +%s.%N)
    "$binary" serve -conf "$work/Corefile" >"$work/serve.log" 2>&1 &
    server=$!
    keep
    if ! wait $asking; then
        echo "no right answer within 120 s:" >&2
        tail "$work/serve.log" >&2
        exit 1
    fi
    printf '%s  first right answer after %.2f s  ' "$1" "$(awk -v from="$started" 'END { print $1 - from }' "$work/answered")"
    memory
}

memory() {
    awk '/^VmRSS:/ { resident = $2 } /^VmHWM:/ { peak = $2 } /^RssAnon:/ { own = $2 }
        END { printf "resident %.1f MiB (%.1f its own)  peak %.1f MiB\n", resident / 1024, own / 1024, peak / 1024 }' \
        "/proc/$server/status"
}

end() {
    kill $server
    wait $server 2>/dev/null || true
}

start_lab "$cluster"
echo "$cluster: $services Services with a ClusterIP; asked for $name"
at=$(port)
write_corefile "$at"
for run in $(seq "${RUNS:-3}"); do
    measure "cold start $run"
    [ "$run" = "${RUNS:-3}" ] || end
done

# Every list anew under load: the API server forgets its history and cuts the watches.
dnsperf -s 127.0.0.1 -p "$at" -d "$work/queries" -Q 20000 -l 30 -c 4 >"$work/dnsperf.log" 2>&1 &
keep
for _ in 1 2 3; do
    sleep 5
    ./cluster.py --fault "$work/kubeconfig" dropped-watch 410
    sleep 3
    ./cluster.py --fault "$work/kubeconfig"
done
sleep 5
printf 'after three relists of everything under 20,000 queries a second: '
memory
end

sed -i 's/pods insecure/pods verified/; s/    errors/    errors\n    autopath @kubernetes/' "$work/Corefile"
measure 'with autopath and all pods'
end

sed -i "s,pods verified,pods insecure\n        snapshot $work/snapshot,; /autopath/d" "$work/Corefile"
measure 'with a snapshot file, cold'
until [ -e "$work/snapshot" ]; do sleep 0.1; done
kill -9 $server
kill "$lab"
wait "$lab" "$server" 2>/dev/null || true
# What the machine still does for the dead cluster is over then: a real one would not have run here.
sleep 2
for run in $(seq "${RUNS:-3}"); do
    measure "warm $run, without an API server"
    end
done
