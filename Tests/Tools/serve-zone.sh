#!/usr/bin/env bash
# Becomes an NSD that serves one zone on 127.0.0.1 and refuses every other name:
#   serve-zone.sh PORT ZONE ZONE-FILE WORK-FOLDER
# NSD writes its own files to the work folder; one server process, no log but errors.
set -euo pipefail
port=$1 zone=$2 file=$(realpath "$3") work=$(realpath "$4")

cat >"$work/nsd.conf" <<EOF
server:
    ip-address: 127.0.0.1@$port
    do-ip6: no
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "$work"
    database: ""
    pidfile: "$work/nsd.pid"
    zonelistfile: "$work/zone.list"
    xfrdfile: "$work/xfrd.state"
    cookie-secret-file: "$work/cookie-secrets"
    logfile: "$work/nsd.log"
    verbosity: 0
    log-only-syslog: no
    hide-version: yes
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "$zone"
    zonefile: "$file"
EOF
exec "$(PATH=$PATH:/usr/sbin command -v nsd)" -d -c "$work/nsd.conf"
