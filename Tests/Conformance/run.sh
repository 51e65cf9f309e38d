#!/usr/bin/env bash
# Asks the recorded cluster's questions and compares the answers: Tests/Conformance/run.sh [BINARY]
# Answers that differ are written to .build/conformance/.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-.build/release/cluster-dns}")
here=Tests/Conformance
differences=.build/conformance
export PYTHONDONTWRITEBYTECODE=1

# Recording, Corefile, questions, how to ask.
recordings='
default.udp       default   questions
default.tcp       default   questions           --tcp
default.edns1232  default   questions           --edns 1232
verified.udp      verified  questions
narrow.udp        narrow    questions
external.udp      external  questions-external
'

server=''
work=$(mktemp -d "${TMPDIR:-/tmp}/conformance.XXXXXX")
processes=()
stop() {
    trap - EXIT
    [ ${#processes[@]} = 0 ] || kill "${processes[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 143' INT TERM

port() { (cd Tests/Live && python3 -c 'import live; print(live.free_port())'); }

# Waits until "${@:3}" succeeds, for at most a minute; says what did not happen ($1) and shows the log $2.
wait_until() {
    local what=$1 log=$2 deadline=$((SECONDS + 60))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $deadline ]; then
            echo "  conformance: $what"
            tail -n 20 "$log" | sed 's/^/    /'
            echo 'conformance: 0 passed, 1 failed'
            exit 1
        fi
        sleep 0.05
    done
}

# True when 127.0.0.1:$1 answers $2 with records.
answers() { dig @127.0.0.1 -p "$1" "$2" +short +time=1 +tries=1 | grep -q '^[^;]'; }

# Starts $2… as the server named $1 with its Corefile on a port of its own; sets `dns_port`.
start_server() {
    local label=$1 corefile=$2
    shift 2
    dns_port=$(port)
    DNS_PORT=$dns_port UPSTREAM_PORT=$upstream KUBECONFIG=$work/kubeconfig \
        "$@" -conf "$corefile" >"$work/$label.log" 2>&1 &
    server=$!
    processes+=("$server")
    wait_until "$label does not answer" "$work/$label.log" answers "$dns_port" kubernetes.default.svc.cluster.local
}

stop_server() {
    [ -n "$server" ] || return 0
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=''
}

venv=.build/venv
if ! "$venv/bin/python" -c 'import dns.asyncquery' 2>/dev/null; then
    echo '  conformance: installing dnspython into .build/venv'
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" --quiet --disable-pip-version-check install 'dnspython>=2.6,<3'
fi

mkdir -p "$differences" "$work/nsd"
gunzip -c $here/cluster.json.gz >"$work/cluster.json"
for list in questions questions-external; do gunzip -c $here/$list.txt.gz >"$work/$list.txt"; done

"$binary" lab --as-stored --manifests "$work/cluster.json" --kubeconfig "$work/kubeconfig" >"$work/lab.log" 2>&1 &
processes+=("$!")
upstream=$(port)
Tests/Tools/serve-zone.sh "$upstream" example.test $here/example.test.zone "$work/nsd" >"$work/nsd.log" 2>&1 &
processes+=("$!")
wait_until 'the embedded cluster did not start' "$work/lab.log" grep -qx ready "$work/lab.log"
wait_until 'nsd does not answer' "$work/nsd.log" answers "$upstream" db.example.test

passed=0 failed=0 running=''
while read -r recording corefile questions how; do
    [ -n "$recording" ] || continue
    if [ "$running" != "$corefile" ]; then
        stop_server
        start_server serve "$here/corefiles/$corefile.Corefile" "$binary" serve
        running=$corefile
    fi
    # `how` is options or nothing.
    # shellcheck disable=SC2086
    result=$("$venv/bin/python" $here/ask.py --server "127.0.0.1:$dns_port" $how \
        --against "$here/expected/$recording.jsonl.gz" --differences "$differences/$recording.jsonl" \
        <"$work/$questions.txt") || true
    read -r good _ all _ <<<"$result"
    if [ -n "${all:-}" ] && [ "$all" -gt 0 ] && [ "$good" = "$all" ]; then
        passed=$((passed + 1)) verdict=''
    else
        failed=$((failed + 1)) verdict=' FAILED'
    fi
    echo "  conformance: $recording: ${result:-no result}$verdict"
    if [ -s "$differences/$recording.jsonl" ]; then echo "    see $differences/$recording.jsonl"; fi
done <<<"$recordings"
stop_server

if command -v coredns >/dev/null; then
    start_server coredns $here/corefiles/default.Corefile coredns
    result=$("$venv/bin/python" $here/ask.py --server "127.0.0.1:$dns_port" \
        --against $here/expected/default.udp.jsonl.gz --differences "$differences/coredns.jsonl" \
        <"$work/questions.txt") || true
    echo "  conformance: CoreDNS for comparison, default.udp: $result"
else
    echo '  conformance: comparison with CoreDNS: not run: there is no coredns on this machine'
fi
echo "conformance: $passed passed, $failed failed"
[ $failed = 0 ]
