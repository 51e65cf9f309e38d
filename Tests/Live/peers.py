"""Servers of others on a port of this machine, each with all of its files in one folder."""

import os
from live import ROOT, Program, work

# Debian's users have no servers on their path.
PATH = {"PATH": os.environ["PATH"] + ":/usr/sbin"}


def nsd(label, port, zone, file, options, more=""):
    """NSD with one zone: `options` are lines of its `zone` clause, `more` other clauses. Its log is `nsd.log` in its folder."""
    folder = work / f"{label}.{port}"
    folder.mkdir(exist_ok=True)
    config = folder / "nsd.conf"
    config.write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    do-ip6: no
    server-count: 1
    username: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/nsd.pid"
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    cookie-secret-file: "{folder}/cookies"
    logfile: "{folder}/nsd.log"
    verbosity: 2
    rrl-ratelimit: 0
remote-control:
    control-enable: no
{more}
zone:
    name: "{zone}"
    zonefile: "{file}"
{options}
""")
    return Program(label, ["nsd", "-d", "-c", config], PATH)


def nsd_secondary(label, port, zone, primary, key="NOKEY", request="", more=""):
    """NSD that copies one zone from a port; `request` is `AXFR` for the whole of it only."""
    return nsd(label, port, zone, "copy", f"""
    allow-notify: 127.0.0.1 NOKEY
    request-xfr: {request} 127.0.0.1@{primary} {key}
    provide-xfr: 127.0.0.1 NOKEY
""", more)


# Lines of Unbound's `server` clause with which it only forwards, to servers of this machine too, names of `test` included.
FORWARDER = """
    do-ip6: no
    num-threads: 1
    module-config: "iterator"
    do-not-query-localhost: no
    local-zone: "test." nodefault
"""


def unbound(label, settings, more=""):
    """Unbound: `settings` are lines of its `server` clause, `more` other clauses."""
    config = work / f"{label}.conf"
    config.write_text(f"""
server:
    do-daemonize: no
    use-syslog: no
    logfile: ""
    username: ""
    chroot: ""
    directory: "{work}"
    pidfile: ""
{settings}
{more}
remote-control:
    control-enable: no
""")
    return Program(label, ["/usr/sbin/unbound", "-d", "-c", config])


def knot(label, port, zone, file):
    """Knot DNS with one zone and one worker of each kind."""
    folder = work / f"{label}.{port}"
    folder.mkdir()
    config = folder / "knot.conf"
    config.write_text(f"""
server:
    listen: 127.0.0.1@{port}
    rundir: "{folder}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}"
log:
  - target: stderr
    any: warning
zone:
  - domain: "{zone}"
    storage: "{folder}"
    file: "{file}"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
""")
    return Program(label, ["knotd", "-c", config, "-s", folder / "knot.sock"], PATH)


def dnsmasq(label, port, *options):
    """dnsmasq as a forwarder that reads nothing of this machine."""
    return Program(label, [
        "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
        "--listen-address=127.0.0.1", "--bind-interfaces", "--user=", "--pid-file=", f"--port={port}", *options], PATH)
