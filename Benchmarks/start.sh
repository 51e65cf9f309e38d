# What the benchmarks share; sourced. Sets `root` and `work`, and stops what `keep` was told when the script ends.
# shellcheck shell=bash
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
work=$(mktemp -d "${TMPDIR:-/tmp}/cluster-dns-bench.XXXXXX")
processes=()
export PYTHONDONTWRITEBYTECODE=1

stop() {
    trap - EXIT
    [ ${#processes[@]} = 0 ] || kill "${processes[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Remembers the process just started, to stop it at the end.
keep() { processes+=("$!"); }

port() { (cd "$root/Tests/Live" && python3 -c 'import live; print(live.free_port())'); }

# Starts the embedded cluster of the given size; sets `services`, `name` and `address` of one of them.
start_lab() {
    "$binary" lab --generate "$@" --kubeconfig "$work/kubeconfig" >"$work/lab.log" 2>&1 &
    keep
    lab=$!
    local deadline=$((SECONDS + 600))
    until grep -qx ready "$work/lab.log"; do
        if ! kill -0 $lab 2>/dev/null || [ $SECONDS -ge $deadline ]; then
            echo 'the embedded cluster did not start:' >&2
            tail "$work/lab.log" >&2
            exit 1
        fi
        sleep 0.2
    done
    read -r services name address < <("$root/Benchmarks/cluster.py" "$work/kubeconfig" "$work/queries" "$work/zone")
}

# Writes the Corefile of the server that is measured, on port $1.
write_corefile() {
    cat >"$work/Corefile" <<EOF
.:$1 {
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig $work/kubeconfig
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
}
EOF
}
