#!/usr/bin/env python3
"""Upstreams over TLS, HTTPS and gRPC: who is asked, over how many connections, and what happens when one breaks."""

import os
import pathlib
import socket
import ssl
import struct
import threading
from live import (
    Program, ScriptedUpstream, Server, Suite, dig, eventually, framed, free_port, query, question_end,
    receive_framed, work)
from peers import unbound
from secure_clients import HOST, Authority

COREDNS = os.environ.get("COREDNS")
ADDRESS = "192.0.2.1"
QUESTIONS = 1000


class TLSUpstream:
    """A name server over TLS that counts handshakes, and breaks connections when it is told to."""

    def __init__(self, files, client_authority=None):
        self.port, self.handshakes, self.failures = free_port(), 0, 0
        self.names, self.protocols, self.versions, self.clients = set(), set(), set(), []
        self.queries, self.break_in, self.open = [], None, []
        self.lock = threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*map(str, files))
        self.context.set_alpn_protocols(["dot"])
        self.context.sni_callback = lambda stream, name, context: self.names.add(name)
        if client_authority:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(str(client_authority))
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            stream, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        try:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = self.context.wrap_socket(stream, server_side=True)
        except OSError:
            self.failures += 1
            return
        with self.lock:
            self.handshakes += 1
            self.open.append(stream)
            self.protocols.add(stream.selected_alpn_protocol())
            self.versions.add(stream.version())
            self.clients.append(stream.getpeercert())
        try:
            while message := receive_framed(stream):
                if self.take(message):
                    stream.shutdown(socket.SHUT_RDWR)
                    stream.close()
                    return
                if b"\x04lost" not in message:
                    stream.sendall(framed(ScriptedUpstream.reply(message)))
        except OSError:
            pass

    def take(self, message):
        """True when the connection is to be broken instead of an answer."""
        with self.lock:
            self.queries.append(message[12:question_end(message)])
            if self.break_in is None:
                return False
            self.break_in -= 1
            if self.break_in > 0:
                return False
            self.break_in = None
            return True

    def break_all(self):
        with self.lock:
            for stream in self.open:
                try:
                    stream.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.open = []


def ask_many(port, names, clients=4, window=100, seconds=30):
    """Asks every name once, from several sockets, a window at a time; how many of each code came back."""
    codes, lock = {}, threading.Lock()

    def ask(part):
        with socket.socket(type=socket.SOCK_DGRAM) as stream:
            stream.connect(("127.0.0.1", port))
            stream.settimeout(seconds)
            waiting, position = set(), 0
            while position < len(part) or waiting:
                while position < len(part) and len(waiting) < window // clients:
                    stream.send(query(part[position], id=position))
                    waiting.add(position)
                    position += 1
                try:
                    reply = stream.recv(4096)
                except TimeoutError:
                    break
                waiting.discard(struct.unpack("!H", reply[:2])[0])
                with lock:
                    codes[reply[3] & 15] = codes.get(reply[3] & 15, 0) + 1

    threads = [threading.Thread(target=ask, args=(names[start::clients],)) for start in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes


def front(*lines, authority=None):
    """A server whose block has these lines, and that can be asked."""
    options = f"tls {authority.certificate}" if authority else ""
    text = "\n".join(lines).replace("@TLS@", options)
    server = Server(
        f".:@PORT@ {{\nbind 127.0.0.1\nerrors\n{text}\nprometheus 127.0.0.1:@METRICS@\n}}\n")
    if not eventually(lambda: not server.is_alive or dig(server.port, "up.", "TXT", "+time=1", "+opcode=status").rcode != "NONE"):
        raise RuntimeError("the server does not answer")
    return server


def failure(answer):
    """Code, extended errors, and the text of the last."""
    return answer.rcode, answer.extended_errors


def shared_connections(suite, place):
    upstream = TLSUpstream(place.files)
    server = front(
        f"forward test tls://127.0.0.1:{upstream.port}%{HOST} {{\n@TLS@\n}}", authority=place.authority)
    codes = ask_many(server.port, [f"q{number}.test." for number in range(QUESTIONS)])
    suite.equal("every question over TLS is answered", codes, {0: QUESTIONS})
    suite.check(
        f"{QUESTIONS} questions take at most 2 handshakes", upstream.handshakes <= 2, upstream.handshakes)
    suite.equal("each was asked once", len(set(upstream.queries)), len(upstream.queries))
    suite.equal("ALPN", upstream.protocols, {"dot"})
    suite.equal("the name is said to the upstream", upstream.names, {HOST})
    suite.equal("TLS 1.3", upstream.versions, {"TLSv1.3"})
    hits = server.metric("coredns_proxy_conn_cache_hits_total")
    misses = server.metric("coredns_proxy_conn_cache_misses_total")
    suite.equal("connections as counted here", misses, upstream.handshakes)
    suite.equal("questions that found one open", hits, QUESTIONS - misses)
    page = server.page(server.metrics_port, "/metrics")[1]
    for line in [
            f'coredns_proxy_request_duration_seconds_count{{proxy_name="forward",to="127.0.0.1:{upstream.port}",'
            f'rcode="NOERROR"}} {QUESTIONS}',
            f'coredns_proxy_conn_cache_misses_total{{proxy_name="forward",to="127.0.0.1:{upstream.port}",'
            f'proto="tcp-tls"}}']:
        suite.check("metric", line in page, line)

    # Connections that break, with questions on them and without.
    for label, names in {"that breaks with questions on it": 400, "after that": 400}.items():
        before = upstream.handshakes
        upstream.break_in = names // 2
        codes = ask_many(server.port, [f"{label[-4:]}{number}.test." for number in range(names)])
        suite.equal(f"a connection {label} loses none", codes, {0: names})
        suite.check("and costs few handshakes", upstream.handshakes - before <= 4, upstream.handshakes - before)
    upstream.break_all()
    suite.equal("nor do idle ones that were closed", ask_many(server.port, ["idle1.test.", "idle2.test."]), {0: 2})
    suite.equal("nobody fails", server.log.count("[ERROR]"), 0)


def wrong_certificates(suite, place):
    right, stranger = TLSUpstream(place.files), TLSUpstream(place.stranger.issue("server", HOST))
    clear = ScriptedUpstream(delay=0)
    server = front(
        f"forward name.test tls://127.0.0.1:{right.port} {{\n@TLS@\ntls_servername other.test\n}}",
        f"forward address.test tls://127.0.0.1:{right.port} {{\n@TLS@\n}}",
        f"forward stranger.test tls://127.0.0.1:{stranger.port} {{\n@TLS@\ntls_servername {HOST}\n}}",
        f"forward system.test tls://127.0.0.1:{right.port}%{HOST}",
        f"forward clear.test tls://127.0.0.1:{clear.port}%{HOST} {{\n@TLS@\n}}",
        f"forward two.test tls://127.0.0.1:{stranger.port}%{HOST} tls://127.0.0.1:{right.port}%{HOST} {{\n@TLS@\n"
        "policy sequential\n}", authority=place.authority)
    for zone, reason in {
            "name": "tls: certificate is not for other.test",
            "stranger": "tls: certificate is not of a trusted authority, or not valid now",
            "system": "tls: certificate is not of a trusted authority, or not valid now"}.items():
        answer = dig(server.port, f"a.{zone}.test")
        suite.equal(f"{zone}: code and EDE", failure(answer), ("SERVFAIL", [23]))
        suite.check(f"{zone}: the reason is in the answer", reason in answer.text, answer.text)
    said = f"a.name.test. A: dial tcp-tls 127.0.0.1:{right.port}: tls: certificate is not for other.test"
    suite.check("the reason is in the log", eventually(lambda: said in server.log), server.log)
    answer = dig(server.port, "a.clear.test")
    suite.equal("who does not speak TLS is waited for in vain", failure(answer), ("SERVFAIL", [22]))
    suite.equal("nothing was asked in clear text", clear.asked, 0)
    suite.equal("nor of one with a wrong certificate", right.queries + stranger.queries, [])
    answer = dig(server.port, "a.address.test")
    suite.equal("a certificate that names the address", answer.data, [f"a {ADDRESS}"])
    suite.equal("the next upstream is asked instead", dig(server.port, "a.two.test").data, [f"a {ADDRESS}"])
    before = right.failures + right.handshakes
    ask_many(server.port, [f"q{number}.name.test." for number in range(200)])
    attempts = right.failures + right.handshakes - before
    suite.check("who is not the right one is not asked for many handshakes", attempts <= 20, attempts)


def certificates_shown(suite, place):
    upstream = TLSUpstream(place.files, client_authority=place.authority.certificate)
    client = place.authority.issue("client")
    server = front(
        f"forward with.test tls://127.0.0.1:{upstream.port}%{HOST} {{\n"
        f"tls {client[0]} {client[1]} {place.authority.certificate}\n}}",
        f"forward without.test tls://127.0.0.1:{upstream.port}%{HOST} {{\n@TLS@\n}}", authority=place.authority)
    suite.equal("a certificate of ours is shown", dig(server.port, "a.with.test").data, [f"a {ADDRESS}"])
    suite.check("as the upstream saw it", upstream.clients and upstream.clients[0], upstream.clients)
    suite.equal("who shows none fails", failure(dig(server.port, "a.without.test")), ("SERVFAIL", [23]))
    before = upstream.failures
    ask_many(server.port, [f"q{number}.without.test." for number in range(200)])
    suite.check("and does not try again and again", upstream.failures - before <= 20, upstream.failures - before)


def health(suite, place):
    upstream = TLSUpstream(place.files)
    server = front(
        f"forward test tls://127.0.0.1:{upstream.port}%{HOST} {{\n@TLS@\nread_timeout 500ms\n"
        "health_check 100ms\nmax_connect_attempts 1\n}", authority=place.authority)
    suite.equal("asked once", dig(server.port, "a.test").rcode, "NOERROR")
    lost = threading.Thread(target=dig, args=(server.port, "lost.test"))
    lost.start()
    number = 0
    # Others are answered meanwhile, so the connection is known to work, and the probe takes it.
    while lost.is_alive():
        number += 1
        suite.check("others are answered", dig(server.port, f"b{number}.test").rcode == "NOERROR")
    probe = b"\0" + struct.pack("!HH", 2, 1)
    suite.check("a probe came over TLS", eventually(lambda: probe in upstream.queries), upstream.queries)
    suite.check("over a connection that was open", upstream.handshakes <= 2, upstream.handshakes)


def relay(path, port):
    """Carries the connections of a Unix socket to a port."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(16)

    def carry(source, target):
        try:
            while octets := source.recv(65536):
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def accept():
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for ends in [(near, far), (far, near)]:
                threading.Thread(target=carry, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def server_programs(suite, place):
    """Unbound, and this program itself, as upstreams."""
    tls, https = free_port(), free_port()
    resolver = unbound("unbound", f"""
    interface: 127.0.0.1@{tls}
    interface: 127.0.0.1@{https}
    tls-port: {tls}
    https-port: {https}
    tls-service-key: "{place.files[1]}"
    tls-service-pem: "{place.files[0]}"
    local-zone: "test." redirect
    local-data: "test. 60 IN A {ADDRESS}"
    local-zone: "many.test." static
""" + "".join(f'    local-data: "big.many.test. 60 IN TXT \\"{number:03}{"x" * 200}\\""\n' for number in range(100)))
    ports = [free_port() for _ in range(4)]
    certificate = f"tls {place.files[0]} {place.files[1]}"
    own = Server(f"""
tls://.:{ports[0]} https://.:{ports[1]} grpc://.:{ports[2]} {{
    bind 127.0.0.1
    {certificate}
    template ANY ANY none.test {{
        rcode NXDOMAIN
    }}
    template IN A test {{
        answer "{{{{ .Name }}}} 60 IN A {ADDRESS}"
    }}
}}
grpc://.:{ports[3]} {{
    bind 127.0.0.1
    template IN A test {{
        answer "{{{{ .Name }}}} 60 IN A {ADDRESS}"
    }}
}}
""")
    name = f"tls_servername {HOST}"
    ways = {
        "Unbound over TLS": f"forward . tls://127.0.0.1:{tls} {{\n@TLS@\n{name}\n}}",
        "Unbound over HTTPS": f"forward . https://127.0.0.1:{https} {{\n@TLS@\n{name}\n}}",
        "this program over TLS": f"forward . tls://127.0.0.1:{ports[0]} {{\n@TLS@\n{name}\n}}",
        "this program over HTTPS": f"forward . https://127.0.0.1:{ports[1]}%{HOST} {{\n@TLS@\n}}",
        "this program over HTTPS, by GET":
            f"forward . https://127.0.0.1:{ports[1]}%{HOST} {{\n@TLS@\ndoh_method GET\n}}",
        "this program over gRPC": f"grpc . 127.0.0.1:{ports[2]} {{\n@TLS@\n{name}\n}}",
        "this program over gRPC in clear text": f"grpc . grpc://127.0.0.1:{ports[3]}",
        "this program over gRPC behind a Unix socket": f"grpc . unix://{work}/clear.sock",
        "this program over gRPC and TLS behind a Unix socket":
            f"grpc . unix://{work}/tls.sock {{\n@TLS@\n{name}\n}}",
    }
    relay(work / "tls.sock", ports[2])
    relay(work / "clear.sock", ports[3])
    for label, line in ways.items():
        if "Unbound" in label and not resolver.is_alive:
            print(f"  upstreams-encrypted: {label}: not run: {resolver.log_end()}", flush=True)
            continue
        server = front(line, authority=place.authority)
        suite.check(label, eventually(lambda: dig(server.port, "a.test").data == [f"a {ADDRESS}"]), server.log_end())
        codes = ask_many(server.port, [f"q{number}.test." for number in range(300)])
        suite.equal(f"{label}: every question is answered", codes, {0: 300})
        if "gRPC" not in label:
            misses = server.metric("coredns_proxy_conn_cache_misses_total")
            # One of each loop; and those of the time when the upstream was not there yet.
            suite.check(f"{label}: connections are kept", misses <= 12, misses)
        if "Unbound" in label:
            suite.equal(f"{label}: a long answer", len(dig(server.port, "big.many.test", "TXT", "+tcp").answer), 100)
        server.stop()
    server = front(
        f"grpc . 127.0.0.1:{ports[2]} {{\n@TLS@\n{name}\nfallthrough\n}}\nwhoami", authority=place.authority)
    suite.equal("NXDOMAIN falls through", dig(server.port, "a.none.test").rcode, "NOERROR")


def knot_resolver(suite, place):
    """Knot Resolver as the upstream; Knot DNS of Debian 12 does not speak TLS."""
    program = "/usr/sbin/kresd"
    if not pathlib.Path(program).exists():
        print("  upstreams-encrypted: Knot Resolver: not run: there is no kresd on this machine", flush=True)
        return
    port, folder = free_port(), work / "kresd"
    folder.mkdir()
    (folder / "kresd.conf").write_text(f"""
net.listen('127.0.0.1', {port}, {{ kind = 'tls' }})
net.tls('{place.files[0]}', '{place.files[1]}')
policy.add(policy.suffix(
    policy.ANSWER({{ [kres.type.A] = {{ rdata = kres.str2ip('{ADDRESS}'), ttl = 60 }} }}), {{ todname('test.') }}))
""")
    resolver = Program("kresd", [program, "-n", "-c", folder / "kresd.conf", folder])

    def listens():
        with socket.socket() as stream:
            return stream.connect_ex(("127.0.0.1", port)) == 0 or not resolver.is_alive

    suite.check("Knot Resolver listens", eventually(listens) and resolver.is_alive, resolver.log_end())
    server = front(f"forward test tls://127.0.0.1:{port}%{HOST} {{\n@TLS@\n}}", authority=place.authority)
    codes = ask_many(server.port, [f"q{number}.test." for number in range(QUESTIONS)])
    suite.equal("Knot Resolver over TLS: every question is answered", codes, {0: QUESTIONS})
    handshakes = server.metric("coredns_proxy_conn_cache_misses_total")
    suite.check(f"{QUESTIONS} questions take at most 2 handshakes with it", handshakes <= 2, handshakes)
    suite.equal("and nobody fails", server.log.count("[ERROR]"), 0)


def beside_coredns(suite, place):
    """The same Corefile as a stock CoreDNS has it, with the same upstreams: the same answers."""
    if not COREDNS or not pathlib.Path(COREDNS).exists():
        print("  upstreams-encrypted: beside CoreDNS: not run: COREDNS names no program", flush=True)
        return
    first, second = TLSUpstream(place.files), TLSUpstream(place.files)
    grpc_port, port = free_port(), free_port()
    certificate = f"tls {place.files[0]} {place.files[1]}"
    text = f""".:@PORT@ {{
    bind 127.0.0.1
    errors
    cache 30
    forward . tls://127.0.0.1:{first.port} tls://127.0.0.1:{second.port} {{
        tls {place.authority.certificate}
        tls_servername @NAME@
        health_check 5s
        policy sequential
    }}
}}
"""
    for name in [HOST, "other.test"]:
        theirs = work / f"Corefile.coredns.{name}"
        theirs.write_text(text.replace("@PORT@", str(port)).replace("@NAME@", name))
        program = Program("coredns", [COREDNS, "-conf", theirs])
        ours = Server(text.replace("@NAME@", name))
        eventually(lambda: dig(port, "up.test", "A", "+time=1").rcode != "NONE")
        eventually(lambda: dig(ours.port, "up.test", "A", "+time=1").rcode != "NONE")
        for question in ["a.test", "b.test", "A.b.C.test"]:
            answers = [dig(at, question, "A") for at in (port, ours.port)]
            suite.equal(f"{name}: {question} as CoreDNS", answers[1].rcode, answers[0].rcode)
            suite.equal(f"{name}: {question}: data as CoreDNS'", answers[1].data, answers[0].data)
        program.stop()
        ours.stop()
    server_file = work / "Corefile.coredns.server"
    tls_port, clear_port = free_port(), free_port()
    server_file.write_text("".join(
        f"{key} {{\n{line}\ntemplate ANY ANY none.test {{\nrcode NXDOMAIN\n}}\n"
        f"template IN A test {{\nanswer \"{{{{ .Name }}}} 60 IN A {ADDRESS}\"\n}}\n}}\n"
        for key, line in [
            (f"tls://.:{tls_port}", certificate), (f"grpc://.:{grpc_port}", certificate),
            (f"grpc://.:{clear_port}", ""), (f".:{free_port()}", "")]))
    program = Program("coredns", [COREDNS, "-conf", server_file])
    for label, line in {
            "CoreDNS over TLS": f"forward . tls://127.0.0.1:{tls_port} {{\n@TLS@\ntls_servername {HOST}\n}}",
            "CoreDNS over gRPC": f"grpc . 127.0.0.1:{grpc_port} {{\n@TLS@\ntls_servername {HOST}\n}}",
            "CoreDNS over gRPC in clear text": f"grpc . 127.0.0.1:{clear_port}"}.items():
        server = front(line, authority=place.authority)
        suite.check(label, eventually(lambda: dig(server.port, "a.test").data == [f"a {ADDRESS}"]), server.log_end())
        codes = ask_many(server.port, [f"q{number}.test." for number in range(300)])
        suite.equal(f"{label}: every question is answered", codes, {0: 300})
        suite.equal(f"{label}: NXDOMAIN", dig(server.port, "a.none.test").rcode, "NXDOMAIN")
        server.stop()
    program.stop()


class Place:
    """Certificates that all parts share."""

    def __init__(self):
        self.authority, self.stranger = Authority("right"), Authority("wrong")
        self.files = self.authority.issue("server", HOST)


def body(suite):
    place = Place()
    for part in [
            shared_connections, wrong_certificates, certificates_shown, health, server_programs, knot_resolver,
            beside_coredns]:
        part(suite, place)


if __name__ == "__main__":
    Suite("upstreams-encrypted").run(body)
