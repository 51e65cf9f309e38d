#!/usr/bin/env bash
# Every test: builds once, runs the unit tests, then the live suites against the same binary.
#   Tests/run.sh            everything but the long suites
#   Tests/run.sh SUITE…     only these: fuzz, format, unit, or a suite of the lists below
# Each suite prints `name: N passed, N failed`; the last line adds them up. Exit code 1 when anything failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export PYTHONDONTWRITEBYTECODE=1

# These share the machine's cores; those of the second list measure time or rate and have it to themselves.
together=(
    answers answer-scripts answers-beside routing examples start reload
    transfer autopath gateway etcd rewrite-differential zones zone-plugins secondary tsig trace
    api-server fault-syscalls tcp push follow crowds stopping warm-start
    kubectl python-client replay hostile-clients deploy alerts
    image faults state access managed-fields custom-resources
    endpoints node-host node-command observed encrypted dnstap upstreams-encrypted corefiles small-plugins
    protocol-cases parity
)
alone=(
    api-faults edits reload-loss roll-overs fair-shares push-load autoscaler conformance log-lines memory-budget spoofing
)
# These take minutes each, take the machine's ports, disks and time for themselves, or need rates that a busy machine does not
# give: they are run by `make gates`, and where they are named.
long=(
    api-hostile fault-time fault-resources fault-lifecycle fault-upstreams fault-network fault-load fault-crowds worst-cases soak
)
at_once=3
limit=900 # seconds for one suite

wanted=("$@")
is_wanted() {
    [ ${#wanted[@]} -gt 0 ] || return 0
    local suite
    for suite in "${wanted[@]}"; do [ "$suite" != "$1" ] || return 0; done
    return 1
}

# False for one that runs only where it is named, and is not.
is_named() {
    [ ${#wanted[@]} -gt 0 ] || [[ " ${long[*]} " != *" $1 "* ]]
}

results=$(mktemp -d "${TMPDIR:-/tmp}/cluster-dns-tests.XXXXXX")
trap 'rm -rf "$results"' EXIT
# A suite under way ends with this script, and takes its programs with it.
trap 'kill $(cat "$results"/*.pid 2>/dev/null) 2>/dev/null; wait; exit 130' INT TERM

say() { printf '== %s (%d s)\n' "$1" $SECONDS; }

# Only the targets that read messages, which need little of the package; `make fuzz-all` builds everything once more.
if is_wanted fuzz; then
    say 'Fuzzing (messages, 20 seconds a target)'
    Tests/Fuzzing/fuzz.sh messages 20 2>&1 | tee "$results/fuzz"
    grep -q '^fuzz: ' "$results/fuzz" || echo 'fuzz: 0 passed, 1 failed' | tee -a "$results/fuzz"
    [ "$*" != fuzz ] || { grep -q '^fuzz: [0-9]* passed, 0 failed$' "$results/fuzz"; exit; }
fi

say 'Building (release, with tests)'
if ! swift build -c release --build-tests; then
    echo 'build: 0 passed, 1 failed'
    echo '0 passed, 1 failed'
    exit 1
fi
CLUSTER_DNS=$(swift build -c release --show-bin-path)/cluster-dns
export CLUSTER_DNS

# Runs the unit tests and says their result as every other suite does.
unit() {
    # One after the other: beside each other, those that only compute keep those that wait from looking in time.
    swift test -c release --skip-build --no-parallel 2>&1 | tee "$results/unit.log"
    local code=${PIPESTATUS[0]}
    python3 - "$results/unit.log" "$code" <<'EOF'
import re, sys
text, code = open(sys.argv[1], errors="replace").read(), int(sys.argv[2])
total = sum(map(int, re.findall(r"Test run with (\d+) tests?\b", text)))
total += max(map(int, re.findall(r"Executed (\d+) tests?, with", text)), default=0)
failed = len(set(re.findall(r"^\S+ Test (?!run |case )(.*?) failed after", text, re.MULTILINE)))
failed += len(set(re.findall(r"^Test Case '(.*?)' failed", text, re.MULTILINE)))
if code and not failed:
    # The run broke off, or found no tests: that is a failure of its own.
    failed, total = 1, total + 1
print(f"unit: {total - failed} passed, {failed} failed")
EOF
    return "$code"
}

# Every file is as the formatter writes it, under the rules of .swift-format.
format() {
    local found
    found=$(swift format lint --strict --parallel --recursive Package.swift Sources Tests 2>&1) && found=''
    if [ -z "$found" ]; then
        echo 'format: 1 passed, 0 failed'
        return 0
    fi
    echo "$found"
    echo '  format: FAILED: mend it with: swift format --in-place --recursive Package.swift Sources Tests'
    echo 'format: 0 passed, 1 failed'
    return 1
}

run_suite() {
    local command
    case $1 in
        format) format; return ;;
        unit) unit; return ;;
        conformance) command=(Tests/Conformance/run.sh "$CLUSTER_DNS") ;;
        *) command=(python3 "Tests/Live/${1//-/_}.py") ;;
    esac
    timeout -k 10 $limit "${command[@]}" &
    echo $! >"$results/$1.pid"
    wait $!
    local code=$?
    rm -f "$results/$1.pid"
    return $code
}

# Runs suite $1 and keeps its output; a suite that does not say its counts has failed.
record() {
    run_suite "$1" >"$results/$1" 2>&1
    local code=$?
    if ! grep -qE "^$1: [0-9]+ passed, [0-9]+ failed$" "$results/$1"; then
        echo "  $1: ended with code $code before it could count" >>"$results/$1"
        echo "$1: 0 passed, 1 failed" >>"$results/$1"
    fi
    cat "$results/$1"
}

for suite in format unit; do
    is_wanted "$suite" || continue
    say "Before all others: $suite"
    record "$suite"
done

say 'Live suites'
for suite in "${together[@]}"; do
    is_wanted "$suite" || continue
    while [ "$(jobs -rp | wc -l)" -ge $at_once ]; do wait -n; done
    record "$suite" &
done
wait
for suite in "${alone[@]}" "${long[@]}"; do
    is_wanted "$suite" && is_named "$suite" || continue
    say "Alone on the machine: $suite"
    record "$suite"
done

say 'Results'
passed=0 failed=0
for suite in fuzz format unit "${together[@]}" "${alone[@]}" "${long[@]}"; do
    is_wanted "$suite" && is_named "$suite" || continue
    line=$(grep -E "^$suite: [0-9]+ passed, [0-9]+ failed$" "$results/$suite" | tail -n 1)
    echo "$line"
    read -r _ good _ bad _ <<<"$line"
    passed=$((passed + good)) failed=$((failed + bad))
done
grep -hs ': not run: ' "$results"/* | sed 's/^ *//'
# What failed stands at the end too, where it is looked for first.
grep -hsaE ': FAILED: |^✘ Test .* recorded an issue|ended with code [0-9]+ before it could count' "$results"/* | cut -c 1-500 | sort -u
echo "$passed passed, $failed failed"
[ $failed = 0 ]
