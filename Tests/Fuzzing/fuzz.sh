#!/usr/bin/env bash
# Builds the fuzz targets with libFuzzer and runs one of them:
#   fuzz.sh list                     the targets, a line each
#   fuzz.sh TARGET [SECONDS [CORES]] searches, 60 seconds on all cores unless said otherwise
#   fuzz.sh all [SECONDS]            every target after the other, 20 seconds each, from this folder and recordings alone
#   fuzz.sh TARGET again FILE        one input, with a backtrace
#   fuzz.sh TARGET keep              puts the inputs that matter, short ones, into this folder
# What a search finds is kept in .build/fuzz/TARGET, and begun from by the next; an input that broke a claim, in
# .build/fuzz/crashes. Exit code 1 when there was one.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=Tests/Fuzzing
build=${FUZZ_BUILD:-.build/fuzz}
work=$build/corpus
crashes=$build/crashes
limits=(-timeout=10 -rss_limit_mb=2048 -max_len=8192 -report_slow_units=20 -print_final_stats=1)

if [ "${1:-list}" = list ]; then exec python3 $here/seeds.py --list; fi

CLUSTER_DNS_FUZZ=$(clang -print-file-name="libclang_rt.fuzzer_no_main-$(uname -m).a")
export CLUSTER_DNS_FUZZ
swift build -c release --product Fuzzing --scratch-path "$build" ${FUZZ_BUILD_OPTIONS:-}
program=$(swift build -c release --product Fuzzing --scratch-path "$build" --show-bin-path ${FUZZ_BUILD_OPTIONS:-})/Fuzzing
mkdir -p "$work" "$crashes"

# Runs a target for so many seconds on so many cores, and says what came of it.
#   search TARGET SECONDS CORES CORPUS… (what is new goes to the first)
search() {
    local target=$1 seconds=$2 cores=$3 core code=0 jobs=()
    shift 3
    local logs=$build/logs/$target
    mkdir -p "$logs"
    rm -f "$logs"/*
    for ((core = 0; core < cores; core++)); do
        FUZZ_TARGET=$target "$program" "${limits[@]}" -max_total_time="$seconds" -reload=1 \
            -artifact_prefix="$crashes/$target-" "$@" >"$logs/$core" 2>&1 &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do wait "$job" || code=1; done
    report "$target" "$seconds" "$logs"
    return $code
}

report() {
    local target=$1 seconds=$2 logs=$3
    local runs coverage
    runs=$(awk '/number_of_executed_units/ { sum += $2 } END { print sum + 0 }' "$logs"/*)
    coverage=$(grep -ho 'cov: [0-9]*' "$logs"/* | sort -k2n | tail -1 || true)
    printf '%-18s %12d runs %9d a second, %s edges\n' "$target" "$runs" $((runs / seconds)) "${coverage#cov: }"
    grep -h -A3 -E 'FINDING|ERROR: libFuzzer|Fatal error' "$logs"/* || true
    { grep -ho "Test unit written to .*" "$logs"/* || true; } | while read -r _ _ _ _ file; do
        echo "  again with: make fuzz TARGET=$target INPUT=$file"
    done
}

# What is recorded elsewhere in Tests, as inputs.
seed() {
    mkdir -p "$work/$1"
    python3 $here/seeds.py "$1" "$work/$1"
}

all() {
    local seconds=$1 target failed=0 count=0
    while read -r target _; do
        mkdir -p "$here/Corpus/$target"
        local fresh
        fresh=$(mktemp -d)
        python3 $here/seeds.py "$target" "$fresh"
        search "$target" "$seconds" 1 "$fresh" $here/Corpus/"$target" || failed=$((failed + 1))
        rm -rf "$fresh"
        count=$((count + 1))
    done < <(python3 $here/seeds.py --list)
    echo "fuzz: $((count - failed)) passed, $failed failed"
    [ "$failed" = 0 ]
}

target=$1
case $target:${2:-} in
    all:*) all "${2:-20}" ;;
    *:again)
        FUZZ_TARGET=$target SWIFT_BACKTRACE=enable=yes,color=no exec "$program" \
            -handle_ill=0 -handle_trap=0 -handle_abrt=0 -handle_segv=0 "$3"
        ;;
    *:keep)
        kept=$(mktemp -d)
        FUZZ_TARGET=$target "$program" "${limits[@]}" -merge=1 "$kept" $here/Corpus/"$target" "$work/$target" \
            >"$build/merge.log" 2>&1
        python3 $here/seeds.py --prune "$kept" "$here/Corpus/$target"
        rm -rf "$kept"
        ;;
    *)
        seed "$target"
        mkdir -p "$here/Corpus/$target"
        search "$target" "${2:-60}" "${3:-$(nproc)}" "$work/$target" "$here/Corpus/$target"
        ;;
esac
