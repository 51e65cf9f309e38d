#!/usr/bin/env bash
# Builds the fuzz targets with libFuzzer and runs one of them:
#   fuzz.sh list                     the targets, a line each
#   fuzz.sh TARGET [SECONDS [CORES]] searches, 60 seconds on all cores unless said otherwise
#   fuzz.sh all [SECONDS]            every target, 20 seconds each, one a core, from this folder and recordings alone
#   fuzz.sh messages [SECONDS]       those that read messages alone, likewise; nothing else is built
#   fuzz.sh TARGET again FILE        one input, with a backtrace
#   fuzz.sh TARGET keep              puts the inputs that matter, short ones, into this folder
# What a search finds is kept in .build/fuzz/corpus/TARGET, and begun from by the next; an input that broke a claim, in
# .build/fuzz/crashes; how many inputs each target has had since the folder was made, in .build/fuzz/executions. Exit
# code 1 when a claim broke.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=Tests/Fuzzing
kept=.build/fuzz
build=$kept/build
work=$kept/corpus
crashes=$kept/crashes
limits=(-timeout=10 -rss_limit_mb=2048 -max_len=8192 -report_slow_units=20 -print_final_stats=1)

if [ "${1:-list}" = list ]; then exec python3 $here/seeds.py --list; fi

CLUSTER_DNS_FUZZ=$(clang -print-file-name="libclang_rt.fuzzer_no_main-$(uname -m).a")
export CLUSTER_DNS_FUZZ
products=(MessageFuzzing Fuzzing)
[ "$1" != messages ] || products=(MessageFuzzing)
for product in "${products[@]}"; do
    swift build -c release --product $product --scratch-path "$build"
done
programs=$(swift build -c release --scratch-path "$build" --show-bin-path)
mkdir -p "$work" "$crashes"

# The program that has a target.
program_of() {
    local program=MessageFuzzing
    "$programs/$program" list | grep -q "^$1 " || program=Fuzzing
    echo "$programs/$program"
}

# Runs a target for so many seconds on so many cores, and says what came of it.
#   search TARGET SECONDS CORES CORPUS… (what is new goes to the first)
search() {
    local target=$1 seconds=$2 cores=$3 core code=0 program jobs=()
    shift 3
    program=$(program_of "$target")
    local logs=$kept/logs/$target
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
    echo "$target $runs" >>"$kept/executions"
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

# One target from what is kept; its name is written to $3 when a claim broke.
once() {
    local target=$1 seconds=$2 broken=$3 fresh
    mkdir -p "$here/Corpus/$target"
    fresh=$(mktemp -d)
    python3 $here/seeds.py "$target" "$fresh"
    search "$target" "$seconds" 1 "$fresh" $here/Corpus/"$target" || echo "$target" >>"$broken"
    rm -rf "$fresh"
}

# The targets that are named by standard input, a line each.
all() {
    local seconds=$1 target count=0 failed broken
    broken=$(mktemp)
    while read -r target _; do
        while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
        once "$target" "$seconds" "$broken" &
        count=$((count + 1))
    done
    wait
    failed=$(wc -l <"$broken")
    rm -f "$broken"
    echo "fuzz: $((count - failed)) passed, $failed failed"
    [ "$failed" = 0 ]
}

target=$1
case $target:${2:-} in
    all:*) all "${2:-20}" < <(python3 $here/seeds.py --list) ;;
    messages:*) all "${2:-20}" < <("$programs/MessageFuzzing" list) ;;
    *:again)
        FUZZ_TARGET=$target SWIFT_BACKTRACE=enable=yes,color=no exec "$(program_of "$target")" \
            -handle_ill=0 -handle_trap=0 -handle_abrt=0 -handle_segv=0 "$3"
        ;;
    *:keep)
        merged=$(mktemp -d)
        FUZZ_TARGET=$target "$(program_of "$target")" "${limits[@]}" -merge=1 "$merged" $here/Corpus/"$target" "$work/$target" \
            >"$kept/merge.log" 2>&1
        python3 $here/seeds.py --prune "$merged" "$here/Corpus/$target"
        rm -rf "$merged"
        ;;
    *)
        seed "$target"
        mkdir -p "$here/Corpus/$target"
        search "$target" "${2:-60}" "${3:-$(nproc)}" "$work/$target" "$here/Corpus/$target"
        ;;
esac
