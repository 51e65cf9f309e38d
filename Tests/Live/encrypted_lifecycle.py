"""Part of the suite `encrypted`: certificates and their renewal, reloads, a server without any of it, the end."""

import os
import signal
import socket
import ssl
import struct
import warnings
from live import Reply, Server, eventually, framed, free_port, query, receive_framed, work
from secure_clients import HOST, HTTP2, connect, http1, over_tls

SERVICE = "kube-dns.kube-system.svc.cluster.local"
PATH = "/dns-query"


def certificates(suite, place):
    port = free_port()

    def auth(mode, authority=True):
        ca = place.authority.certificate if authority else ""
        return (f"tls://.:{port} {{\n    tls {place.files[0]} {place.files[1]} {ca} {{\n"
                f"        client_auth {mode}\n    }}\n    bind 127.0.0.1\n    whoami\n}}\n")

    def is_answered(client):
        try:
            return over_tls(port, place.authority.trust(client=client), query("a.test")) is not None
        except OSError:
            return False
    for mode, wanted in {
        "nocert": (True, True, True), "request": (True, True, True), "require": (False, True, True),
        "verify_if_given": (True, True, False), "require_and_verify": (False, True, False),
    }.items():
        place.reload(place.corefile(auth(mode)))
        got = tuple(is_answered(client) for client in (None, place.client, place.other_client))
        suite.equal(f"client_auth {mode}: without, with ours, with another's", got, wanted)

    def refused(label, line, *named):
        place.reload(place.corefile(f"tls://.:{port} {{\n    bind 127.0.0.1\n    {line}\n    whoami\n}}\n"))
        text = place.server.log[place.server.log.rindex("Reloading"):]
        suite.check(f"refused: {label}", "reload failed" in text and all(str(name) in text for name in named), text)
    certificate, key = place.files
    (work / "text.pem").write_text("no certificate\n")
    refused("a file that is not there", f"tls {work}/none.crt {key}", work / "none.crt", "no such file")
    refused("no certificate", f"tls {work}/text.pem {key}", work / "text.pem", "no certificate")
    refused("no key", f"tls {certificate} {work}/text.pem", work / "text.pem", "no key")
    refused("another's key", f"tls {certificate} {place.client[1]}", place.client[1], "does not fit")
    refused("no authority", f"tls {certificate} {key} {work}/text.pem", work / "text.pem", "no certificate")
    refused("acme", "tls {\n acme dns.test\n}", "acme")
    refused("keylog", f"tls {certificate} {key} {{\n keylog /tmp/k\n}}", "keylog")
    refused("two certificates at one address",
        f"tls {certificate} {key}\n}}\ntls://a.test:{port} {{\n    bind 127.0.0.1\n    "
        f"tls {place.client[0]} {place.client[1]}",
        "one certificate")
    for keys, named in ((f"quic://.:{port}", "QUIC"), (f"https3://.:{port}", "QUIC"),
                        (f"https://.:{place.tls}", "one port speaks one transport")):
        place.reload(place.corefile(f"{keys} {{\n    bind 127.0.0.1\n    whoami\n}}\n"))
        text = place.server.log[place.server.log.rindex("Reloading"):]
        suite.check(f"refused: {keys}", "reload failed" in text and named in text, text)
    place.serves(suite, "after refused Corefiles")

    # Renewed on disk: new clients see the new one, and what is not sound changes nothing.
    def shown():
        with connect(place.tls, place.trust) as stream:
            return stream.getpeercert()["serialNumber"]
    with connect(place.tls, place.trust) as stream:
        kept = []

        def is_shown():
            # Asked again and again, so that it is never idle for too long.
            stream.sendall(framed(query(SERVICE)))
            kept.append(receive_framed(stream) is not None)
            return shown() != old
        old = shown()
        renewed = place.authority.issue("renewed", HOST)
        place.files[0].write_bytes(renewed[0].read_bytes())
        suite.check("a certificate without its key is said",
            eventually(lambda: not is_shown() and "keeps the old certificate" in place.server.log),
            place.server.log_end())
        suite.check("and not shown", not is_shown())
        place.files[1].write_bytes(renewed[1].read_bytes())
        suite.check("a renewed certificate is shown", eventually(is_shown))
        suite.check("connections that are open stay", kept and all(kept), kept)
        suite.check("on every address", http1(place.https, place.trust, "POST", PATH, query(SERVICE)).status == 200)
    for version, ciphers, wanted in (
        (ssl.TLSVersion.TLSv1_2, "ALL", True), (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305", True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA", False), (ssl.TLSVersion.TLSv1_1, "ALL", False),
    ):
        suite.equal(f"{version.name} with {ciphers}", try_version(place, version, ciphers), wanted)


def try_version(place, version, ciphers):
    context = place.authority.trust()
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = version
    try:
        return over_tls(place.tls, context, query(SERVICE)) is not None
    except OSError:
        return False


def reloads(suite, place):
    """Blocks come and go; connections and queries at the others do not notice."""
    with connect(place.tls, place.trust) as stream:
        def is_served(number):
            stream.sendall(framed(query(SERVICE, id=number)))
            reply = receive_framed(stream)
            return reply is not None and Reply(reply).id == number

        def https():
            try:
                return http1(place.https, place.trust, "POST", PATH, query(SERVICE)).status
            except OSError:
                return 0
        suite.check("before", is_served(1) and https() == 200)
        stream.sendall(framed(query("waits.slow.test", id=9)))
        place.reload(place.corefile(https=False))
        suite.check("https:// is gone", eventually(lambda: https() == 0))
        waited = receive_framed(stream)
        suite.equal("a query under way at another place is answered", waited and Reply(waited).id, 9)
        suite.check("the connection there stays", is_served(2))
        place.reload(place.corefile())
        suite.check("https:// is back", eventually(lambda: https() == 200))
        suite.check("and the connection still stays", is_served(3))
        place.reload(place.corefile().replace("ttl 30", "ttl many"))
        suite.check("a broken Corefile changes nothing", is_served(4) and https() == 200)
        place.reload(place.corefile().replace("ttl 30", "ttl 7"))
        suite.check("new settings hold for open connections", is_served(5) and eventually(
            lambda: struct.pack("!HHI", 1, 1, 7) in over_tls(place.tls, place.trust, query(SERVICE))))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        place.reload(place.corefile(f"tls://.:{taken} {{\n    bind 127.0.0.1\n    whoami\n}}\n"))
        suite.check("an address that is taken is named",
            f"listen on tls://127.0.0.1:{taken}" in place.server.log, place.server.log_end())
    # The same port speaks something else.
    place.reload(place.corefile(https=False).replace(f"tls://.:{place.plain_tls}", f"tls://.:{free_port()}").replace(
        f"grpc://.:{place.grpc}", f"https://.:{place.grpc}"))
    suite.equal("another transport on the port of one before",
        http1(place.grpc, place.trust, "POST", PATH, query(SERVICE)).status, 200)
    place.reload(place.corefile())
    place.serves(suite, "after reloads")


def end(suite, place):
    """SIGTERM answers what was received, then closes."""
    streams = [connect(place.tls, place.trust) for _ in range(4)]
    for stream in streams:
        stream.sendall(framed(query(SERVICE, id=1)))
        receive_framed(stream)
    client = HTTP2(place.https, place.trust_http2)
    client.request("POST", PATH, query(SERVICE))
    asked = place.upstream.asked
    for number, stream in enumerate(streams):
        stream.sendall(framed(query(f"last{number}.slow.test", id=2)))
    waiting = client.start("POST", PATH, query("last.slow.test"))
    eventually(lambda: place.upstream.asked >= asked + 5)
    for stream in streams:
        stream.sendall(b"".join(framed(query(SERVICE, id=10 + number)) for number in range(20)))
    place.server.signal(signal.SIGTERM)
    for number, stream in enumerate(streams):
        got = {Reply(reply).id for reply in iter(lambda: receive_framed(stream), None)}
        suite.equal(f"SIGTERM: connection {number}", got, {2, *range(10, 30)})
    frames = client.frames_to_the_end()
    body = b"".join(frame.data for frame in frames if frame.type == 0 and frame.stream_id == waiting)
    suite.equal("SIGTERM: HTTP/2 is answered, and told that this was all",
        (body and Reply(body).answers, [frame.error_code for frame in frames if frame.type == 7]), (1, [0]))
    suite.equal("SIGTERM: exit code", place.server.exit_code(), 0)


def without(suite, place):
    """A server without encrypted keys starts no thread for them."""
    def threads(text):
        server = Server(text)
        server.wait_for("a.test", "A")
        count = len(os.listdir(f"/proc/{server.pid}/task"))
        names = [open(f"/proc/{server.pid}/task/{task}/comm").read() for task in os.listdir(f"/proc/{server.pid}/task")]
        server.kill()
        return count, names
    plain, names = threads(".:@PORT@ {\n    bind 127.0.0.1\n    whoami\n}\n")
    secure, _ = threads(f".:@PORT@ tls://.:{free_port()} {{\n    bind 127.0.0.1\n    whoami\n}}\n")
    port, web = free_port(), free_port()
    everywhere = Server(f".:@PORT@ tls://.:{port} https://.:{web} {{\n    whoami\n}}\n").wait_for("a.test", "A")
    ipv4 = bytes([0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1])
    suite.check("on all addresses a client over IPv4 is one of IPv4",
        ipv4 in over_tls(port, None, query("a.test"))
        and ipv4 in http1(web, None, "POST", PATH, query("a.test")).body)
    everywhere.kill()
    suite.check("no threads without encrypted keys", plain < secure and not any("NIO-ELT" in name for name in names),
        (plain, secure, names))
