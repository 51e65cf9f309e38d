#!/usr/bin/env python3
"""What a node cache needs of its node's network: addresses, rules without connection tracking, ways through filters.

In networks of its own; `ip`, `nft` and `iptables` say what is there.
"""

import contextlib
import itertools
import shutil
import socket
import subprocess
from live import BINARY, Program, Suite, eventually, work
from namespaces import Namespace, may_have_networks

LOCAL, SERVICE, LOCAL6 = "169.254.20.10", "10.96.0.10", "fd00::a"
ALL = f"{LOCAL},{SERVICE},{LOCAL6}"
TABLE = "inet cluster-dns-node"
numbers = itertools.count()


class Node(Namespace):
    """A node's network with `cluster-dns node-host` in it."""

    def __init__(self, has_interface):
        super().__init__(f"node{next(numbers)}")
        if has_interface:
            # Of a kind that every kernel has: it stands for one that somebody else has made.
            self.run("ip", "link", "add", "nodelocaldns", "type", "veth", "peer", "name", "other")

    def host(self, action, addresses=ALL, *options):
        """Exit code and lines of one action."""
        with self:
            done = subprocess.run(
                [BINARY, "node-host", action, "--local-ip", addresses, *options], capture_output=True, text=True)
        return done.returncode, (done.stdout + done.stderr).splitlines()

    @property
    def rules(self):
        return self.run("nft", "list", "ruleset")

    @property
    def addresses(self):
        return {
            line.split()[1] for line in self.run("ip", "address", "show", "dev", "nodelocaldns").splitlines()
            if line.split()[0].startswith("inet") and "link" not in line}

    def reaches(self, address, port=53):
        """Whether a datagram comes to a server at `address`, and whether its answer comes back."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self, socket.socket(family, socket.SOCK_DGRAM) as server, socket.socket(family, socket.SOCK_DGRAM) as client:
            server.bind((address, port))
            try:
                # Both ends are here: what was sent is there when `sendto` returns, unless it was dropped.
                client.sendto(b"question", (address, port))
                _, peer = server.recvfrom(100, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False, False
            server.sendto(b"answer", peer)
            try:
                return True, client.recv(100, socket.MSG_DONTWAIT) == b"answer"
            except BlockingIOError:
                return True, False

    def tracked(self, address):
        with self, open("/proc/thread-self/net/nf_conntrack") as entries:
            wanted = f"dst={address} "
            if ":" in address:
                # They stand there at full length.
                octets = socket.inet_pton(socket.AF_INET6, address).hex()
                wanted = "dst=" + ":".join(octets[start:start + 4] for start in range(0, 32, 4))
            return any(wanted in line for line in entries)


def has_dummy():
    node = Namespace("kinds")
    with contextlib.suppress(RuntimeError):
        node.run("ip", "link", "add", "tried", "type", "dummy")
        return True
    return False


def interface(suite, is_dummy):
    node = Node(has_interface=not is_dummy)
    code, lines = node.host("check")
    suite.equal("a bare node is not as it should be", code, 1)
    suite.check("and each thing is said", f"table {TABLE}: missing" in lines, lines)
    code, lines = node.host("set-up")
    suite.check("set up", code == 0 and lines, lines)
    suite.equal("the addresses are there, of both families", node.addresses, {f"{LOCAL}/32", f"{SERVICE}/32", f"{LOCAL6}/128"})
    suite.check("the interface is up", "UP" in node.run("ip", "link", "show", "nodelocaldns").split("<")[1].split(">")[0])
    before = node.rules
    suite.equal("twice is once", node.host("set-up"), (0, []))
    suite.equal("rules stay as they are", node.rules, before)
    suite.equal("then all is as it should be", node.host("check"), (0, []))
    suite.equal("a rule each for questions, for what the node sends, for probes", before.count("notrack"), 3 * 8)
    suite.check("nothing but packets of these addresses", f"ip daddr {SERVICE} tcp dport 53 notrack" in before, before)
    suite.check("probes", f"ip6 saddr {LOCAL6} tcp sport 8080 notrack" in before, before)

    node.run("ip", "address", "del", f"{LOCAL}/32", "dev", "nodelocaldns")
    node.run("ip", "link", "set", "nodelocaldns", "down")
    # The kernel takes IPv6 addresses away with the link.
    code, lines = node.host("check")
    suite.check("an address that is gone is found", f"interface nodelocaldns: address {LOCAL} missing" in lines, lines)
    suite.check("a link that is down is found", "interface nodelocaldns: down" in lines and code == 1, lines)
    node.run("nft", "flush", "chain", *TABLE.split(), "prerouting")
    node.run("nft", "add", "rule", *TABLE.split(), "output", "drop")
    code, lines = node.host("set-up")
    suite.equal("what is put right is said", lines[-2:], [
        f"table {TABLE}, chain prerouting: 6 of 6 rules missing, put right",
        f"table {TABLE}, chain output: 1 rules that do not belong there, put right"])
    suite.equal("all is as before", (node.addresses, node.host("check")),
                ({f"{LOCAL}/32", f"{SERVICE}/32", f"{LOCAL6}/128"}, (0, [])))
    suite.check("rules too", sorted(node.rules.split("\n")) == sorted(before.split("\n")), node.rules)
    node.run("nft", "delete", "table", *TABLE.split())
    suite.equal("a table that is gone comes back", node.host("set-up"), (0, [f"table {TABLE}: missing, put right"]))

    code, lines = node.host("remove")
    suite.check("removed", code == 0 and lines[0] == f"table {TABLE}: removed", lines)
    suite.equal("no rule is left", node.rules, "")
    if is_dummy:
        suite.check("no interface is left", "nodelocaldns" not in node.run("ip", "link"))
    else:
        suite.equal("an interface of another kind stays without the addresses", node.addresses, set())
    suite.equal("nothing is left to remove", node.host("remove"), (0, []))


def tracking(suite, is_dummy):
    node = Node(has_interface=not is_dummy)
    # Something that needs tracking, as kube-proxy does: otherwise the kernel tracks nothing.
    node.run("nft", "add table inet proxy; add chain inet proxy seen { type filter hook input priority 0; }; "
             "add rule inet proxy seen ct state new counter")
    node.host("set-up")
    for address in (LOCAL, SERVICE, LOCAL6):
        suite.check(f"{address} is asked and answers", node.reaches(address) == (True, True))
        suite.check(f"a question to {address} is no tracked connection", not node.tracked(address))
        node.reaches(address, 5353)
        suite.check(f"another port of {address} is tracked, so the kernel does track here", node.tracked(address))
    node.host("remove")
    suite.check("rules of others stay", "ct state new" in node.rules, node.rules)


def filters(suite, is_dummy):
    node = Node(has_interface=not is_dummy)
    if not shutil.which("iptables-nft"):
        print("  node-host: filters: not run: iptables is not installed", flush=True)
        return
    node.host("set-up")
    node.run("iptables-nft", "-P", "INPUT", "DROP")
    node.run("iptables-nft", "-A", "INPUT", "-p", "udp", "--dport", "1", "-j", "ACCEPT")
    node.run("nft", "add table inet wall; add chain inet wall in { type filter hook input priority 5; policy drop; }")
    suite.check("a node that drops what comes drops questions", not node.reaches(LOCAL)[0])
    code, lines = node.host("set-up")
    suite.equal("chains that drop are found", sorted(lines), [
        "table inet wall, chain in: 6 of 6 rules missing, put right",
        "table ip filter, chain INPUT: 4 of 4 rules missing, put right"])
    suite.check("what is asked is let through", node.reaches(LOCAL)[0] and node.reaches(LOCAL6)[0])
    suite.check("nothing else is", not node.reaches(LOCAL, 5353)[0])
    suite.equal("iptables shows the rules, and its own", node.run("iptables-nft", "-S", "INPUT").splitlines()[-5:], [
        f"-A INPUT -d {address}/32 -p {kind} -m {kind} --dport 53 -m comment --comment cluster-dns-node -j ACCEPT"
        for address in (LOCAL, SERVICE) for kind in ("udp", "tcp")] + ["-A INPUT -p udp -m udp --dport 1 -j ACCEPT"])
    node.run("sh", "-c", "iptables-nft-save | iptables-nft-restore")
    suite.equal("saved and restored by iptables they are known again", node.host("set-up"), (0, []))
    node.run("sh", "-c", "iptables-nft-save | iptables-nft-restore --noflush")
    code, lines = node.host("set-up")
    suite.equal("those that are there twice go", lines, [
        "table ip filter, chain INPUT: 4 rules that do not belong there, put right"])
    node.host("set-up", LOCAL)
    suite.check("an address that is no longer wanted is no longer let in", SERVICE not in node.rules, node.rules)
    node.host("remove", ALL)
    suite.check("nothing of ours is left", "cluster-dns-node" not in node.rules, node.rules)
    suite.equal("what is others' stays", set(node.run("iptables-nft", "-S", "INPUT").splitlines()), {
        "-P INPUT DROP", "-A INPUT -p udp -m udp --dport 1 -j ACCEPT"})


def errors(suite, is_dummy):
    node = Node(has_interface=True)
    with node:
        done = subprocess.run(
            ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", BINARY, "node-host", "set-up",
             "--local-ip", LOCAL], capture_output=True, text=True)
    suite.check("without the capability its name is said", done.returncode == 2 and "NET_ADMIN" in done.stderr, done.stderr)
    code, lines = node.host("check", "10.0.0.300")
    suite.equal("what is no address is said", (code, lines), (2, ['--local-ip: found "10.0.0.300", expected an IP address']))
    code, lines = node.host("check", LOCAL, "--interface-name", "a-name-that-is-too-long")
    suite.check("what is no interface is said", code == 2 and "expected a name of 1 to 15" in lines[0], lines)
    bare = Node(has_interface=False)
    if not is_dummy:
        code, lines = bare.host("set-up")
        suite.check("a kernel without dummy interfaces is said", code == 2 and "modprobe dummy" in lines[-1], lines)


def handing_over(suite, is_dummy):
    """The command itself sets up, keeps in step, and takes away when no other process answers there."""
    node = Node(has_interface=not is_dummy)
    base = work / "Corefile.base"
    base.write_text("cluster.local:53 {\n    bind __PILLAR__LOCAL__DNS__\n    whoami\n}\n")

    def start():
        with node:
            return Program("node", [
                BINARY, "node", "-localip", f"{LOCAL},{LOCAL6}", "-basecorefile", base, "-conf", work / "shown",
                "-metrics-listen-address=", "-syncinterval=1s"])

    wanted = {f"{LOCAL}/32", f"{LOCAL6}/128"}
    first = start()
    suite.check("the command puts the addresses there", eventually(lambda: node.addresses == wanted), first.log_end())
    suite.check("and the rules once it answers", eventually(lambda: node.rules.count("notrack") == 2 * 8), node.rules)
    node.run("ip", "address", "del", f"{LOCAL}/32", "dev", "nodelocaldns")
    suite.check("an address that goes comes back", eventually(lambda: node.addresses == wanted), first.log_end())
    second = start()
    suite.check("another process begins beside it", eventually(lambda: "loops" in second.log), second.log_end())
    suite.equal("the first ends", first.stop(), 0)
    suite.equal("and leaves all to the second", (node.addresses, node.rules.count("notrack")), (wanted, 2 * 8))
    suite.equal("which ends", second.stop(), 0)
    suite.check("and leaves nothing", "notrack" not in node.rules and (is_dummy or not node.addresses), node.rules)


def body(suite):
    reason = "it needs root and namespaces" if not may_have_networks() else None
    reason = reason or (None if shutil.which("nft") else "nftables is not installed")
    if reason:
        print(f"  node-host: not run: {reason}", flush=True)
        return
    is_dummy = has_dummy()
    if not is_dummy:
        print("  node-host: making the interface: not run: this kernel has no dummy interfaces", flush=True)
    for part in (interface, tracking, filters, errors, handing_over):
        part(suite, is_dummy)


Suite("node-host").run(body)
