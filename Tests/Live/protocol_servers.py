"""The servers that the cases are asked of, this one and others, and one message over each transport."""

import http.client
import os
import pathlib
import shutil
import socket
import struct
import protocol_web as web
from live import (
    EXAMPLES, NOWHERE, Lab, Program, ScriptedUpstream, Server, connect, dig, eventually, framed, free_port, query, receive_framed,
    work)
from peers import FORWARDER, PATH, knot, nsd, unbound
from protocol_blocks import PLUGINS
from protocol_messages import code_of, message_octets, said
from protocol_zone import large_zone_file, manifests, small_zone_file, zone_file
from secure_clients import HOST, Authority, connect as secure_connect

SERVICE = "kube-dns.kube-system.svc.cluster.local"
COREDNS = os.environ.get("COREDNS")
GOOD = 0x7FFE  # The id of the good query behind each case.
COREFILE = """
.:@PORT@, tls://.:TLS, https://.:HTTPS, grpc://.:GRPC {
    bind 127.0.0.1
    errors
    tls CERTIFICATE KEY
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig @KUBECONFIG@
    }
    MORE
    forward . 127.0.0.1:UPSTREAM
}
"""


class Ours:
    """One server of ours, with a port for each transport."""

    def __init__(self, servers, name):
        more = PLUGINS[name]
        self.tls, self.https, self.grpc = free_port(), free_port(), free_port()
        text = COREFILE.replace("MORE", more)
        if name == "none":
            text = text.replace("forward . 127.0.0.1:UPSTREAM", "")
        for mark, value in {"TLS": self.tls, "HTTPS": self.https, "GRPC": self.grpc, "UPSTREAM": servers.upstream.port,
                            "SILENT": servers.silent.getsockname()[1], "SMALLZONE": small_zone_file(),
                            "LARGEZONE": large_zone_file(), "CERTIFICATE": servers.files[0], "KEY": servers.files[1]}.items():
            text = text.replace(mark, str(value))
        # What a good query is answered with: one server has no cluster.
        self.good = "SERVFAIL" if name == "unsynced" else "NOERROR"
        self.server = Server(text, NOWHERE if name == "unsynced" else servers.lab.kubeconfig).wait_for(SERVICE, rcode=self.good)
        self.port, self.trust = self.server.port, servers.authority.trust()
        self.trust_http2 = servers.authority.trust(protocols=["h2"])

    @property
    def is_alive(self):
        return self.server.is_alive


class Servers:
    """Servers of ours by their names, and those of others, if `peers` are wanted."""

    def __init__(self, suite, peers=True):
        self.suite, self.running = suite, {}
        self.upstream = ScriptedUpstream(delay=1.0)
        self.silent = socket.socket(type=socket.SOCK_DGRAM)  # An upstream that never says anything.
        self.silent.bind(("127.0.0.1", free_port()))
        self.authority = Authority("cases")
        self.files = self.authority.issue("server", HOST)
        self.lab = Lab("--manifests", manifests(), manifests=EXAMPLES)
        self.peers, self.coredns_ports, self.https_ports = {}, {}, {}
        starts = {"nsd": self.nsd, "knot": self.knot, "unbound": self.unbound, "coredns": self.coredns}
        for peer, start in starts.items() if peers else []:
            if port := start():
                self.peers[peer] = port

    def ours(self, name="base"):
        if name not in self.running:
            self.running[name] = Ours(self, name)
        return self.running[name]

    # Servers of others

    def absent(self, peer, why):
        print(f"  {self.suite.name}: {peer}: not run: {why}", flush=True)

    def found(self, program):
        return shutil.which(program, path=PATH["PATH"])

    def ready(self, peer, program, port):
        if not eventually(lambda: not program.is_alive or dig(port, SERVICE, "A", "+time=1").rcode == "NOERROR"):
            raise RuntimeError(f"{peer} does not answer\n{program.log_end()}")
        if not program.is_alive:
            raise RuntimeError(f"{peer} ended\n{program.log_end()}")
        return port

    def nsd(self):
        if not self.found("nsd"):
            return self.absent("NSD", "there is no nsd on this machine")
        port = free_port()
        return self.ready("NSD", nsd("nsd", port, "cluster.local", zone_file(), ""), port)

    def knot(self):
        if not self.found("knotd"):
            return self.absent("Knot", "there is no knotd on this machine")
        port = free_port()
        return self.ready("Knot", knot("knot", port, "cluster.local", zone_file()), port)

    def unbound(self):
        if not self.found("unbound"):
            return self.absent("Unbound", "there is no unbound on this machine")
        port = free_port()
        return self.ready("Unbound", unbound("unbound", f"""
    interface: 127.0.0.1
    port: {port}
{FORWARDER}
""", f"""
auth-zone:
    name: "cluster.local"
    zonefile: "{zone_file()}"
    for-downstream: yes
    for-upstream: yes
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{self.upstream.port}
"""), port)

    def coredns_https(self, name):
        self.coredns(name)
        return self.https_ports[name]

    def coredns(self, name="base"):
        if not COREDNS or not pathlib.Path(COREDNS).exists():
            return self.absent("CoreDNS", "COREDNS names no program")
        if name not in self.coredns_ports:
            port, file = free_port(), work / f"Corefile.coredns.{name}"
            self.https_ports[name] = free_port()
            file.write_text(f""".:{port} https://.:{self.https_ports[name]} {{
    bind 127.0.0.1
    tls {self.files[0]} {self.files[1]}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {self.lab.kubeconfig}
    }}
    forward . 127.0.0.1:{self.upstream.port}
    {PLUGINS[name]}
}}
""")
            program = Program(f"coredns-{name}", [COREDNS, "-conf", file])
            self.coredns_ports[name] = self.ready("CoreDNS", program, port)
        return self.coredns_ports[name]

    def request(self, name, version, line, is_peer=False):
        """What is said to a request, or to the octets of a connection, in words."""
        port = self.coredns_https(name) if is_peer else self.ours(name).https
        context = lambda protocols: self.authority.trust(protocols=protocols)
        if line.startswith("text("):
            return web.raw(port, context(None), message_octets(f"raw {line}"), 2 if is_peer else 30)
        request = web.Request(line)
        before = self.upstream.asked
        text = web.described(request.over(version, port, context), request.message)
        asked = self.upstream.asked - before
        return text + (f", upstream asked {asked}" if asked and not is_peer else "")

    # One message

    def ask(self, name, transport, line, want):
        """What is said to one message, in words, and of the upstream if it was asked meanwhile."""
        ours, sent, before = self.ours(name), message_octets(line), self.upstream.asked
        if transport == "udp":
            heard = over_udp(ours.port, sent, want, good=ours.good)
        elif transport == "tcp":
            heard = over_stream(connect(ours.port), sent, want)
        elif transport == "dot":
            heard = over_stream(secure_connect(ours.tls, ours.trust), sent, want)
        else:
            heard = over_https(ours, sent)
        text = said(heard, sent) if isinstance(heard, bytes) else heard
        asked = self.upstream.asked - before
        return text + (f", upstream asked {asked}" if asked else "")

    def ask_peer(self, peer, name, transport, line, want):
        """The code that another server answers with."""
        sent, port = message_octets(line), self.coredns(name) if peer == "coredns" else self.peers[peer]
        heard = over_udp(port, sent, want, True) if transport == "udp" else over_stream(connect(port), sent, want)
        return code_of(heard) if isinstance(heard, bytes) else heard


def over_udp(port, sent, want, is_peer=False, good="NOERROR", source="127.0.0.1"):
    """The reply, or `nothing`: a good query from the same socket, so on the same queue, is answered first."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.bind((source, 0))
        client.connect(("127.0.0.1", port))
        client.send(sent)
        client.send(query(SERVICE, id=GOOD))
        heard, is_good, limit = None, False, 30
        if want == "fast": want, is_peer = "nothing", True
        while heard is None or not is_good:
            client.settimeout(limit)
            try:
                message = client.recv(65535)
            except TimeoutError:
                break
            if message[:2] == struct.pack("!H", GOOD):
                is_good = code_of(message) == good
                if not is_good:
                    break
                # Others answer in any order; what is to be answered may wait for an upstream.
                limit = limit if want != "nothing" else 0.05 if is_peer else 0.02
            else:
                heard = message
        if not is_good:
            return "the next query is not answered"
        return heard if heard is not None else "nothing"


def over_stream(stream, sent, want):
    """The reply, `nothing` where the connection goes on without one, or `closed`."""
    with stream:
        heard, is_good = None, False
        try:
            stream.sendall(framed(sent))
            stream.sendall(framed(query(SERVICE, id=GOOD)))
        except OSError:
            pass
        while heard is None or not is_good:
            message = receive_framed(stream)
            if message is None:
                return heard + b"closed" if heard is not None else "nothing" if is_good else "closed"
            if message[:2] == struct.pack("!H", GOOD):
                is_good = True
                if heard is None:
                    stream.settimeout(0.02 if want == "nothing" else 10)
            elif heard is None:
                heard = message
        return heard


def over_https(ours, sent):
    """The message of a response with 200, or `HTTP` and its status."""
    connection = http.client.HTTPConnection("127.0.0.1", ours.https, timeout=30)
    connection.sock = secure_connect(ours.https, ours.trust)
    try:
        for message in (sent, query(SERVICE, id=GOOD)):
            connection.request("POST", "/dns-query", body=message, headers={"Content-Type": "application/dns-message"})
            answer = connection.getresponse()
            content = answer.read()
            if message is sent:
                heard = content if answer.status == 200 else f"HTTP {answer.status}"
            elif answer.status != 200 or code_of(content) != ours.good:
                return "the next query is not answered"
        return heard
    finally:
        connection.close()
