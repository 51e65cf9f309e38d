#!/usr/bin/env bash
# CPU per answer at saturation, cluster-dns beside NSD: Benchmarks/cpu-per-answer.sh [BINARY]
#   PAIRS=5 SECONDS_EACH=10 CLUSTER=nodes=50,services=1000,endpoints=5000,seed=1
# NSD_ONLY=1 measures NSD beside itself with made-up names: the noise of this machine.
given=${1:+$(realpath "$1")}
cd "$(dirname "$0")"
# shellcheck source=Benchmarks/start.sh
. ./start.sh
binary=${given:-$root/.build/release/cluster-dns}
pairs=${PAIRS:-5}
seconds=${SECONDS_EACH:-10}
cluster=${CLUSTER:-nodes=50,services=1000,endpoints=5000,seed=1}
[ "$(nproc)" -ge 2 ] || { echo 'This needs two cores: one for the server, one for who asks.' >&2; exit 1; }
read -r asking_core serving_core < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0))[:2])')

# Starts server $1 on the serving core and waits for its first right answer; sets `${1}_port` and `${1}_pid`.
start_server() {
    local server=$1 at
    at=$(port)
    case $server in
        nsd*)
            mkdir "$work/$server"
            taskset -c "$serving_core" "$root/Tests/Tools/serve-zone.sh" "$at" cluster.local "$work/zone" "$work/$server" \
                >/dev/null 2>&1 &
            ;;
        cluster_dns)
            write_corefile "$at"
            taskset -c "$serving_core" "$binary" serve -conf "$work/Corefile" >"$work/serve.log" 2>&1 &
            ;;
    esac
    keep
    printf -v "${server}_port" %s "$at"
    printf -v "${server}_pid" %s "$!"
    ./cluster.py --first-answer "$at" "$name" "$address" 60 >/dev/null || {
        echo "$server does not answer $name" >&2
        exit 1
    }
}

# Clock ticks that process $1 and its descendants have spent.
ticks() {
    local pid total=0 fields
    for pid in $(descendants "$1"); do
        # The name may hold spaces: fields count from behind its parenthesis.
        fields=$(<"/proc/$pid/stat") || continue
        read -r -a fields <<<"${fields##*) }"
        total=$((total + fields[11] + fields[12]))
    done
    echo $total
}

descendants() {
    echo "$1"
    local child
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do descendants "$child"; done
}

# Asks server $1 for $2 seconds as fast as it answers; prints answers, answers a second and µs of CPU per answer.
measure() {
    local server=$1 seconds=$2 port_variable=$1_port pid_variable=$1_pid before after completed rate lost
    before=$(ticks "${!pid_variable}")
    taskset -c "$asking_core" dnsperf -s 127.0.0.1 -p "${!port_variable}" -d "$work/queries" -l "$seconds" -c 4 -T 1 -q 200 \
        >"$work/dnsperf" 2>&1
    after=$(ticks "${!pid_variable}")
    completed=$(awk '/Queries completed:/ { print $3 }' "$work/dnsperf")
    lost=$(awk '/Queries lost:/ { print $3 }' "$work/dnsperf")
    rate=$(awk '/Queries per second:/ { printf "%d", $4 }' "$work/dnsperf")
    if ! grep -q 'Response codes: *NOERROR [0-9]* (100.00%)' "$work/dnsperf"; then
        echo "$server gave answers other than NOERROR:" >&2
        grep 'Response codes' "$work/dnsperf" >&2
        exit 1
    fi
    awk -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" -v answers="$completed" -v rate="$rate" -v lost="$lost" \
        -v seconds="$seconds" 'BEGIN {
            cpu = ticks / hertz
            printf "%.3f %d %d %d %.0f\n", cpu * 1e6 / answers, answers, rate, lost, 100 * cpu / seconds }'
}

if [ -n "${NSD_ONLY:-}" ]; then
    python3 - "$work" <<'EOF'
import pathlib, random, sys
work = pathlib.Path(sys.argv[1])
names = [(f"svc-{n}.ns-{n % 20}.svc.cluster.local.", f"10.96.{n >> 8}.{n & 255}") for n in range(1000)]
(work / "zone").write_text("$ORIGIN cluster.local.\n$TTL 30\n@ IN SOA ns.dns hostmaster 1 7200 1800 86400 30\n"
    + "".join(f"{name} IN A {address}\n" for name, address in names))
random.Random(1).shuffle(names)
(work / "queries").write_text("".join(f"{name} A\n" for name, _ in names))
EOF
    name=svc-7.ns-7.svc.cluster.local. address=10.96.0.7 services=1000
    servers=(nsd nsd_again)
else
    start_lab "$cluster"
    servers=(nsd cluster_dns)
fi
echo "$services names; server on core $serving_core, dnsperf on core $asking_core; $pairs pairs of $seconds s"
for server in "${servers[@]}"; do
    start_server "$server"
    measure "$server" 2 >/dev/null # warm caches, measured by nobody
done
for pair in $(seq "$pairs"); do
    for server in "${servers[@]}"; do
        read -r micros answers rate lost busy < <(measure "$server" "$seconds")
        [ -n "${micros:-}" ] || exit 1
        echo "$micros" >>"$work/$server.micros"
        printf 'pair %d  %-12s %7.3f µs per answer  %8d answers  %7d/s  %d lost  core %d %% busy\n' \
            "$pair" "${server//_/-}" "$micros" "$answers" "$rate" "$lost" "$busy"
    done
done
python3 - "$work" "${servers[@]}" <<'EOF'
import pathlib, statistics, sys
work, first, second = pathlib.Path(sys.argv[1]), *sys.argv[2:]
runs = {server: [float(line) for line in (work / f"{server}.micros").read_text().split()] for server in (first, second)}
for server, micros in runs.items():
    print(f"median  {server.replace('_', '-'):12} {statistics.median(micros):7.3f} µs per answer "
          f"(from {min(micros):.3f} to {max(micros):.3f})")
ratios = [b / a for a, b in zip(runs[first], runs[second])]
print(f"ratio   {second.replace('_', '-')} / {first.replace('_', '-')}: {statistics.median(runs[second]) / statistics.median(runs[first]):.3f} "
      f"(pairs from {min(ratios):.3f} to {max(ratios):.3f})")
EOF
