#!/usr/bin/env bash
# Gate G4: unit tests and live suites on builds that watch memory (address) and threads (thread).
#   Tests/sanitize.sh                          both
#   Tests/sanitize.sh address|thread           one of them
#   Tests/sanitize.sh thread unit answers …    one of them, only these suites
# Builds are kept in .build/address and .build/thread, what was reported in `reports` there. What is known to be no fault stands
# with its reason in Tests/sanitize-address.txt, sanitize-leaks.txt and sanitize-thread.txt. Exit code 1 when anything is reported.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export PYTHONDONTWRITEBYTECODE=1 CLUSTER_DNS_SANITIZE=1

# The way of every question, of every connection, and of every change; those that measure rates are no measure here.
suites=(
    unit answers routing reload stopping tcp encrypted upstreams-encrypted crowds protocol-cases transfer autopath
    start faults api-faults zones secondary tsig dnstap trace gateway etcd warm-start roll-overs
)
kinds=(address thread)
case ${1:-} in address | thread) kinds=("$1") && shift ;; esac
[ $# = 0 ] || suites=("$@")
limit=1800 # seconds for one suite: each is some times slower than the release

failed=0
for kind in "${kinds[@]}"; do
    build=.build/$kind
    printf '== Building (%s)\n' "$kind"
    if ! swift build -c release --build-tests --sanitize="$kind" --scratch-path "$build"; then
        echo "  gate: G4 | $kind sanitizer | no build | clean | NO | "
        failed=1
        continue
    fi
    reports=$PWD/$build/reports
    rm -rf "$reports"
    mkdir -p "$reports"
    CLUSTER_DNS=$(swift build -c release --sanitize="$kind" --scratch-path "$build" --show-bin-path)/cluster-dns
    export CLUSTER_DNS
    broken=() counted=0
    for suite in "${suites[@]}"; do
        printf '== %s: %s (%d s)\n' "$kind" "$suite" $SECONDS
        log=$reports/$suite
        export TSAN_OPTIONS="suppressions=$PWD/Tests/sanitize-thread.txt log_path=$log.report history_size=4"
        export ASAN_OPTIONS="suppressions=$PWD/Tests/sanitize-address.txt log_path=$log.report detect_leaks=1"
        export LSAN_OPTIONS="suppressions=$PWD/Tests/sanitize-leaks.txt print_suppressions=0"
        if [ "$suite" = unit ]; then
            # A report makes the exit code another than 0.
            command=(swift test -c release --sanitize="$kind" --scratch-path "$build" --skip-build --no-parallel)
        else
            command=(python3 "Tests/Live/${suite//-/_}.py")
        fi
        timeout -k 10 $limit "${command[@]}" >"$log.log" 2>&1
        code=$?
        grep -E ': FAILED: |: not run: |recorded an issue| passed, [0-9]+ failed$|^. Test run with' "$log.log"
        found=$(cat "$log".report.* 2>/dev/null | grep -cE '^(==[0-9]+==)?(WARNING|ERROR): (Thread|Address|Leak)Sanitizer')
        counted=$((counted + found))
        [ "$found" = 0 ] || echo "  $suite: $found reports: $log.report.*"
        [ $code = 0 ] && [ "$found" = 0 ] || broken+=("$suite")
    done
    cat "$reports"/*.report.* 2>/dev/null | grep -E '^SUMMARY: ' | sort | uniq -c | sort -rn
    kept=yes
    [ ${#broken[@]} = 0 ] || kept=NO failed=1
    echo "  gate: G4 | $kind sanitizer: reports | $counted | 0 | $kept | ${#suites[@]} suites${broken[*]:+; not clean: ${broken[*]}}"
done
echo "sanitize: $((failed == 0)) passed, $failed failed"
exit $failed
