#!/usr/bin/env bash
# Starts the embedded cluster with deploy/examples, the DNS server in front of it, and the autoscaler: deploy/run.sh BINARY
# Ctrl-C stops all three.
set -euo pipefail

# True when the terminal's keys reach this process group (fields 5 and 8 of stat, see proc(5)).
has_terminal() {
    local fields
    fields=$(</proc/$$/stat)
    read -r -a fields <<<"${fields##*) }"
    [ "${fields[2]}" = "${fields[5]}" ]
}

# In a process group of its own Ctrl-C reaches this script alone, not the `make` that started it: that would end with an
# error. Nobody could continue it after Ctrl-Z, so that does nothing.
if [ -z "${CLUSTER_DNS_RUN-}" ] && has_terminal; then
    trap '' TSTP
    set -m
    CLUSTER_DNS_RUN=$$ "$0" "$@"
    exit
fi

cd "$(dirname "$0")/.."
binary=$1
examples=deploy/examples
work=$(mktemp -d "${TMPDIR:-/tmp}/cluster-dns.XXXXXX")
lab='' server='' autoscaler='' starter=''

stop() {
    trap - EXIT
    trap '' INT TERM HUP
    [ -z "$autoscaler" ] || kill "$autoscaler" 2>/dev/null || true
    [ -z "$autoscaler" ] || wait "$autoscaler" 2>/dev/null || true
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    [ -z "$lab" ] || kill "$lab" 2>/dev/null || true
    [ -z "$lab" ] || wait "$lab" 2>/dev/null || true
    [ -z "$starter" ] || kill "$starter" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
trap 'echo; echo "Stopping."; exit 0' INT TERM HUP

# True when something listens on TCP port $1 of 127.0.0.1.
is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Waits until "$@" succeeds, for at most 60 seconds or as long as process $waited_for lives.
wait_until() {
    local deadline=$((SECONDS + 60))
    until "$@" >/dev/null 2>&1; do
        kill -0 "$waited_for" 2>/dev/null && [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

fail() {
    echo "$1" >&2
    [ ! -s "$2" ] || tail -n 20 "$2" >&2
    exit 1
}

for port in 1053 8080 8082 8181 9153; do
    ! is_taken $port || fail "127.0.0.1:$port is in use; stop what listens there (ss -ltnp 'sport = :$port')." /dev/null
done

echo "Starting the embedded cluster with $examples …"
export KUBECONFIG=$work/kubeconfig
"$binary" lab --manifests $examples --manifests deploy/examples-autoscaler --kubeconfig "$KUBECONFIG" >"$work/lab.log" 2>&1 &
lab=$!
waited_for=$lab
wait_until grep -qx ready "$work/lab.log" || fail "The embedded cluster did not start:" "$work/lab.log"

# Without any name server in resolv.conf there is nobody to forward to; cluster names do not need one.
corefile=Corefile-examples/local.Corefile
if ! grep -qs '^[[:space:]]*nameserver[[:space:]]' /etc/resolv.conf; then
    echo "/etc/resolv.conf names no server: only cluster names are answered."
    sed '/^ *forward /d; /^ *loop$/d' $corefile >"$work/Corefile"
    corefile=$work/Corefile
fi

echo "Starting the DNS server on 127.0.0.1:1053 …"
"$binary" serve -conf "$corefile" > >(tee "$work/server.log") 2>&1 &
server=$!
waited_for=$server
ask() { dig @127.0.0.1 -p 1053 +time=1 +tries=1 "$@"; }
resolves() { ask +short "$@" | grep -q '^[^;]'; }
wait_until resolves frontend.shop.svc.cluster.local || fail "The DNS server did not answer." /dev/null

echo "Starting the autoscaler, which scales the Deployment example-dns …"
"$binary" autoscale --kubeconfig "$KUBECONFIG" --namespace kube-system --configmap example-dns-autoscaler \
    --target deployment/example-dns --poll-period-seconds 1 --http-address 127.0.0.1:8082 --leader-elect \
    > >(tee "$work/autoscaler.log") 2>&1 &
autoscaler=$!
waited_for=$autoscaler
wait_until grep -q 'autoscaler: scaled' "$work/autoscaler.log" || fail "The autoscaler did not scale:" "$work/autoscaler.log"

if resolves example.com; then
    upstream="dig @127.0.0.1 -p 1053 example.com +short                                     # a name of the Internet"
else
    upstream="(example.com does not resolve from here: the upstream cannot be reached or does not know it.)"
fi

cat <<EOF

ready: the DNS server answers on 127.0.0.1:1053, UDP and TCP. In another terminal:

  dig @127.0.0.1 -p 1053 frontend.shop.svc.cluster.local +short                 # a Service's address
  dig @127.0.0.1 -p 1053 db-0.db.shop.svc.cluster.local +short                  # one pod of a StatefulSet
  dig @127.0.0.1 -p 1053 _pg._tcp.db.shop.svc.cluster.local SRV                 # ports and targets
  dig @127.0.0.1 -p 1053 search.shop.svc.cluster.local AAAA +short              # the IPv6 side of a dual-stack Service
  dig @127.0.0.1 -p 1053 -x 10.96.0.10 +short                                   # from address to name
  dig @127.0.0.1 -p 1053 orders.shop.svc.cluster.local +tcp                     # an ExternalName, over TCP
  $upstream

Edit a manifest, and the answer changes within a second:

  dig @127.0.0.1 -p 1053 store-be.shop.svc.cluster.local +short                 # one pod is ready
  sed -i 's|cluster-dns/ready: "false"|cluster-dns/ready: "true"|' $PWD/$examples/store-be.yaml
  dig @127.0.0.1 -p 1053 store-be.shop.svc.cluster.local +short                 # now there are two

  export KUBECONFIG=$KUBECONFIG                            # kubectl works, too: kubectl get services -A
  curl -s http://127.0.0.1:9153/metrics | grep coredns_dns_responses_total

Add nodes, and the autoscaler scales the Deployment example-dns, one replica a node; it says so below, with the reason:

  kubectl create -f $PWD/deploy/more-nodes.json            # three more nodes
  kubectl get deployment example-dns -n kube-system
  kubectl delete node node-c node-d node-e                 # and back
  curl -s http://127.0.0.1:8082/metrics | grep cluster_dns_autoscaler_

Ctrl-C stops all. Queries that fail are logged below.
EOF

# Whoever ends the process that gave this one its group ends this one, too.
if [ -n "${CLUSTER_DNS_RUN-}" ]; then
    tail --pid="$CLUSTER_DNS_RUN" -f /dev/null &
    starter=$!
fi
wait -n "$lab" "$server" "$autoscaler" $starter || true
[ -z "$starter" ] || kill -0 "$starter" 2>/dev/null || exit 0
kill -0 "$lab" 2>/dev/null || fail "The embedded cluster ended:" "$work/lab.log"
kill -0 "$autoscaler" 2>/dev/null || fail "The autoscaler ended:" "$work/autoscaler.log"
fail "The DNS server ended." /dev/null
