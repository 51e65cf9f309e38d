"""Cases of TCP and TLS that no line can say."""

import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from live import Reply, Server, connect, dig, eventually, framed, free_port, query, receive_framed, work
from protocol_scripts import script
from protocol_servers import SERVICE
from protocol_streams import SLACK, opened
from secure_clients import HOST, Authority, connect as secure_connect, is_closed, over_tls


class OneLoop(Server):
    """Limits are those of one loop, and a loop runs on each core."""
    command = ("taskset", "-c", str(min(os.sched_getaffinity(0))), *Server.command)


def each(servers, act):
    """What comes of it over TCP and, at the same time, over TLS; once where it is the same."""
    ours = servers.ours()
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda way: act(ours, way), ("tcp", "dot")))
    return results[0] if results[0] == results[1] else f"TCP: {results[0]}; TLS: {results[1]}"


@script
def drip(servers):
    def act(ours, way):
        message = framed(query(SERVICE))
        with opened(ours, way) as stream:
            stream.settimeout(0.25)
            begin = time.monotonic()
            for octet in message:
                try:
                    stream.sendall(bytes([octet]))
                    if stream.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            took = time.monotonic() - begin
        return "closed after 2 s" if 1.5 <= took < 2 + SLACK else f"after {took:.1f} s"
    return each(servers, act)


@script
def split(servers):
    def act(ours, way):
        message, answered = framed(query(SERVICE)), 0
        with opened(ours, way) as stream:
            for place in range(1, len(message)):
                stream.sendall(message[:place])
                stream.sendall(message[place:])
                reply = receive_framed(stream)
                answered += reply is not None and Reply(reply).answers == 1
        return "all answered" if answered == len(message) - 1 else f"{answered} answered"
    return each(servers, act)


@script
def reset(servers):
    def act(ours, way):
        count = lambda: len(os.listdir(f"/proc/{ours.server.pid}/fd"))
        before = count()
        for name in [SERVICE, "gone.slow.test", "many.sizes.svc.cluster.local"] * 10:
            stream = opened(ours, way)
            stream.sendall(framed(query(name)))
            if name.startswith("many"):
                stream.recv(100)  # In the middle of the reply.
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()
        return "descriptors are freed" if eventually(lambda: count() <= before + 4) else f"{before} descriptors, then {count()}"
    return each(servers, act)


@script
def idle(servers):
    ours, times = servers.ours(), {}

    def wait(way, greeting):
        with opened(ours, way) as stream:
            stream.sendall(greeting)
            begin = time.monotonic()
            if is_closed(stream, 30):
                times[way, greeting] = time.monotonic() - begin
    # With TLS the first query has to come within three seconds.
    threads = [threading.Thread(target=wait, args=arguments) for arguments in
               [("tcp", b""), ("tcp", framed(query(SERVICE))), ("dot", b""), ("dot", framed(query(SERVICE)))]]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    def text(way, greeting):
        took = times.get((way, greeting), 99)
        wanted = 3 if way == "dot" and not greeting else 10
        return f"{wanted} s" if wanted - 0.5 < took < wanted + SLACK else f"{took:.1f} s"
    return ", ".join(f"{way} {'behind a query' if greeting else 'at first'}: {text(way, greeting)}" for way in ("tcp", "dot")
        for greeting in (b"", framed(query(SERVICE))))


@script
def many_connections(servers):
    """300 connections of one client to a server with one loop: those that are too many are closed, UDP is not touched."""
    ours = OneLoop(".:@PORT@ {\n    bind 127.0.0.1\n    kubernetes cluster.local {\n        kubeconfig @KUBECONFIG@\n    }\n}\n",
        servers.lab.kubeconfig).wait_for(SERVICE)
    streams = [connect(ours.port) for _ in range(300)]
    def is_open(stream):
        try:
            stream.sendall(framed(query(SERVICE)))
            return receive_framed(stream) is not None
        except OSError:
            return False
    count = sum(map(is_open, streams))
    datagrams = dig(ours.port, SERVICE).data
    for stream in streams:
        stream.close()
    again = eventually(lambda: dig(ours.port, SERVICE, "A", "+tcp").data == ["a 10.96.0.10"])
    ours.kill()
    return f"{count} of 300 open, UDP {'answers' if datagrams else 'is silent'}, {'served' if again else 'not served'} afterwards"


@script
def never_reads(servers):
    def memory(ours):
        return int(next(line for line in open(f"/proc/{ours.server.pid}/status") if line.startswith("VmRSS")).split()[1])

    def act(ours, way):
        before = memory(ours)
        with opened(ours, way) as stream:
            stream.settimeout(2)
            stopped = False
            try:
                for _ in range(4000):
                    stream.sendall(framed(query(SERVICE)) * 100)
            except (TimeoutError, OSError):
                stopped = True
            grown = memory(ours) - before
            ended = is_closed(stream, 30) or eventually(lambda: is_closed(stream, 1))
        return f"{'no longer read' if stopped else 'read on'}, {'closed' if ended else 'open'}" + (
            "" if grown < 8192 else f", {grown} KiB more")
    return each(servers, act)


ALERTS = {40: "handshake_failure", 70: "protocol_version", 120: "no_application_protocol"}


def hello(version, suites):
    """A ClientHello by hand, for versions and suites that no library speaks any more."""
    body = struct.pack("!H", version) + bytes(32) + b"\0" + struct.pack(f"!H{len(suites)}H", 2 * len(suites), *suites) + b"\1\0"
    message = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16" + struct.pack("!HH", version, len(message)) + message


@script
def old_hellos(servers):
    ours, results = servers.ours(), []
    for label, version, suites in (("TLS 1.1", 0x302, [0xC009, 0x2F]), ("TLS 1.0", 0x301, [0xC009, 0x2F]), ("SSL 3", 0x300, [0x2F]),
                                   ("RC4", 0x303, [0x5, 0xC007]), ("CBC", 0x303, [0xC009, 0x2F]), ("export", 0x303, [0x3, 0x8])):
        with connect(ours.tls) as stream:
            stream.sendall(hello(version, suites))
            said = stream.recv(100)
            answer = ALERTS.get(said[6], f"alert {said[6]}") if said[:1] == b"\x15" and len(said) >= 7 else "closed" if not said else "no alert"
            results.append(f"{label}: {answer}{'' if is_closed(stream, 30) else ', open'}")
    return ", ".join(results)


@script
def stalled_handshakes(servers):
    """Nothing, half a hello, a whole one, and all but the client's last flight."""
    ours, times = servers.ours(), {}
    outgoing = ssl.MemoryBIO()
    client = ours.trust.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=HOST)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    octets = outgoing.read()

    def wait(label, sent):
        with connect(ours.tls) as stream:
            begin = time.monotonic()
            stream.sendall(sent)
            times[label] = time.monotonic() - begin if is_closed(stream, 30) else 99
    parts = {"nothing": b"", "half a hello": octets[:len(octets) // 2], "a hello": octets}
    threads = [threading.Thread(target=wait, args=part) for part in parts.items()]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return ", ".join(f"{label}: {'closed within 5 s' if times[label] < 5 + SLACK else times[label]}" for label in parts)


@script
def cut_handshakes(servers):
    ours = servers.ours()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ours.trust.wrap_bio(incoming, outgoing, server_hostname=HOST)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    octets = outgoing.read()
    for count in range(len(octets)):
        with connect(ours.tls) as stream:
            stream.sendall(octets[:count])
    # What follows depends on the server's octets, so each has a handshake of its own.
    flight = 1
    count = 0
    while count < flight:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = ours.trust.wrap_bio(incoming, outgoing, server_hostname=HOST)
        with connect(ours.tls) as stream:
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    stream.sendall(outgoing.read())
                    incoming.write(stream.recv(65536))
            client.write(framed(query(SERVICE)))
            rest = outgoing.read()
            flight = len(rest)
            stream.sendall(rest[:count])
        count += 7
    served = over_tls(ours.tls, ours.trust, query(SERVICE))
    return "served afterwards" if served and Reply(served).answers == 1 and ours.is_alive else "not served"


@script
def protocols(servers):
    ours, results = servers.ours(), []
    for names in (["dot"], [], ["h2"], ["h2", "dot"]):
        try:
            with secure_connect(ours.tls, servers.authority.trust(protocols=names)) as stream:
                stream.sendall(framed(query(SERVICE)))
                results.append((stream.selected_alpn_protocol() or "none") + (", answered" if receive_framed(stream) else ", closed"))
        except ssl.SSLError as error:
            results.append("no_application_protocol" if "NO_APPLICATION_PROTOCOL" in str(error).upper() else str(error))
    return "; ".join(f"offered {' and '.join(names) or 'none'}: {result}" for names, result in zip((["dot"], [], ["h2"], ["h2", "dot"]), results))


def s_client(ours, *options, given=b"", pause=0.0):
    """What openssl says; `given` is sent in parts, one by one."""
    program = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{ours.tls}", "-servername", HOST, *map(str, options)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        time.sleep(pause)
        return program.communicate(given, timeout=20)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        program.kill()
        return program.communicate()[0].decode(errors="replace") + "\ntimed out"


@script
def early_data(servers):
    ours, session, early = servers.ours(), work / "session.pem", work / "early"
    early.write_bytes(framed(query(SERVICE)))
    s_client(ours, "-sess_out", session, "-tls1_3", pause=0.5)
    if not session.exists():
        return "no session is given, so there is no early data"
    text = s_client(ours, "-sess_in", session, "-early_data", early, "-tls1_3")
    return "rejected" if "Early data was rejected" in text else "not sent: the session allows none" if "Early data was not sent" in text else (
        "accepted" if "Early data was accepted" in text else text[-300:])


@script
def key_updates(servers):
    ours = servers.ours()
    text = s_client(ours, "-tls1_2", "-no_ign_eof", given=b"R\n", pause=0.5)
    again = "refused" if "no renegotiation" in text or "RENEGOTIATING" in text and "verify return" not in text.split("RENEGOTIATING", 1)[1] else "done"
    program = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{ours.tls}", "-servername", HOST, "-tls1_3"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    ended, begin = False, time.monotonic()
    try:
        while time.monotonic() - begin < 20:
            program.stdin.write(b"K\n")
            program.stdin.flush()
            time.sleep(0.005)
            if program.poll() is not None:
                ended = True
                break
    except OSError:
        ended = True
    program.kill()
    served = over_tls(ours.tls, ours.trust, query(SERVICE))
    return f"renegotiation {again}, key updates {'end the connection' if ended else 'are taken'}, {'served' if served else 'not served'} afterwards"


def tls_server(files, more=""):
    port = free_port()
    server = Server(f"tls://.:{port} {{\n    bind 127.0.0.1\n    tls {files[0]} {files[1]} {more}\n    whoami\n}}\n.:@PORT@ {{\n"
        "    bind 127.0.0.1\n    whoami\n}\n").wait_for("whoami.test")
    server.tls = port
    return server


@script
def renewed_certificate(servers):
    authority = Authority("renewing")
    files, other = authority.issue("served", HOST), authority.issue("renewed", HOST)
    server = tls_server(files)

    def shown():
        with secure_connect(server.tls, authority.trust()) as stream:
            return stream.getpeercert()["serialNumber"]
    old, kept = shown(), []
    with secure_connect(server.tls, authority.trust()) as stream:
        for before, after in zip(files, other):
            before.write_bytes(after.read_bytes())

        def is_renewed():
            stream.sendall(framed(query("a.test")))
            kept.append(receive_framed(stream) is not None)
            return shown() != old
        is_new = eventually(is_renewed, pause=0.5)
    server.kill()
    return f"{'the new one is shown' if is_new else 'the old one is shown'}, the open connection {'lives' if all(kept) else 'ended'}"


@script
def client_certificates(servers):
    authority, stranger = Authority("clients"), Authority("strange clients")
    server, results = tls_server(authority.issue("server", HOST), f"{authority.certificate} {{\n        client_auth require_and_verify\n    }}"), []
    for label, client in {"none": None, "another's": stranger.issue("client"), "expired": authority.issue("past", expired=True),
                          "ours": authority.issue("client")}.items():
        try:
            reply = over_tls(server.tls, authority.trust(client=client), query("a.test"))
            results.append(f"{label}: {'answered' if reply else 'closed'}")
        except OSError:
            results.append(f"{label}: refused")
    server.kill()
    return ", ".join(results)


@script
def resumed_session(servers):
    authority, later, session = Authority("before"), Authority("behind"), work / "resumed.pem"
    files, client = authority.issue("server", HOST), authority.issue("client")
    server = tls_server(files, f"{authority.certificate} {{\n        client_auth require_and_verify\n    }}")
    options = ("-cert", client[0], "-key", client[1])
    s_client(server, *options, "-sess_out", session, "-tls1_3", pause=0.5)
    reused = "Reused" in s_client(server, *options, "-sess_in", session) if session.exists() else False
    server.write(server.corefile.read_text().replace(str(authority.certificate), str(later.certificate)))
    done = server.log.count("Reloading complete")
    server.signal(signal.SIGUSR1)
    eventually(lambda: server.log.count("Reloading complete") > done)
    try:
        with secure_connect(server.tls, authority.trust(client=client)) as stream:
            stream.sendall(framed(query("a.test")))
            answered = receive_framed(stream) is not None
    except OSError:
        answered = False
    text = s_client(server, *options, "-sess_in", session) if session.exists() else ""
    server.kill()
    return f"{'resumed' if reused else 'not resumed'} before the reload, {'resumed' if 'Reused' in text else 'not resumed'} behind it, where the client is {'answered' if answered else 'refused'}"
