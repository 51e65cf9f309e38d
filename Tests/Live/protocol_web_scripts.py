"""Cases of HTTPS that no line can say: frames of HTTP/2 by hand, and requests that never end."""

import struct
import time
from live import query
from protocol_scripts import script
from protocol_servers import SERVICE
from protocol_streams import SLACK
from secure_clients import HOST, HTTP2, connect, heard_to_the_end, http1, is_closed

ERRORS = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
          "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"]
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATH = "/dns-query"
# A GET whose fields need no table but the static one: method, scheme, path, authority.
GET = b"\x82\x87" + b"\x04" + bytes([len(PATH)]) + PATH.encode() + b"\x01" + bytes([len(HOST)]) + HOST.encode()
# And a POST.
POST = b"\x83" + GET[1:]


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    return struct.pack("!I", len(payload) if length is None else length)[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def ended(ours, octets, greeting=PREFACE + frame(SETTINGS), seconds=30):
    """How a connection ends on which these frames are sent: GOAWAY's reason, resets of streams, `closed` or `open`."""
    with connect(ours.https, ours.trust_http2) as stream:
        pieces = [greeting, *(octets[start:start + 16384] for start in range(0, len(octets), 16384))]
        heard, end = heard_to_the_end(stream, pieces, seconds)
    said = []
    while len(heard) >= 9:
        length, kind = struct.unpack("!I", b"\0" + heard[:3])[0], heard[3]
        payload = heard[9:9 + length]
        if kind == GOAWAY and len(payload) >= 8: said.append("GOAWAY " + ERRORS[struct.unpack("!I", payload[4:8])[0]])
        if kind == RST_STREAM: said.append("RST_STREAM " + ERRORS[struct.unpack("!I", payload[:4])[0]])
        heard = heard[9 + length:]
    return ", ".join([*dict.fromkeys(said), end])


def served(ours):
    """Whether a new client is."""
    response = http1(ours.https, ours.trust, "POST", PATH, query(SERVICE))
    return "" if response.status == 200 else "; nobody is served afterwards"


def all_of(ours, cases):
    return "; ".join(f"{label}: {ended(ours, octets)}" for label, octets in cases.items()) + served(ours)


@script
def resets(servers):
    ours = servers.ours()
    return ended(ours, b"".join(frame(HEADERS, 5, number, GET) + frame(RST_STREAM, 0, number, struct.pack("!I", 8))
        for number in range(1, 20001, 2))) + served(ours)


@script
def provoked_resets(servers):
    """Each stream is ended by the server, for a window that is updated by nothing."""
    ours = servers.ours()
    return ended(ours, b"".join(frame(HEADERS, 4, number, POST) + frame(WINDOW_UPDATE, 0, number, bytes(4))
        for number in range(1, 20001, 2))) + served(ours)


@script
def empty_frames(servers):
    return all_of(servers.ours(), {
        "100,000 SETTINGS": frame(SETTINGS) * 100_000, "100,000 PING": frame(PING, 0, 0, bytes(8)) * 100_000,
        "100,000 DATA without octets": frame(HEADERS, 4, 1, POST) + frame(DATA, 0, 1) * 100_000,
        "100,000 PRIORITY": frame(PRIORITY, 0, 1, struct.pack("!IB", 0, 1)) * 100_000,
        "100,000 WINDOW_UPDATE of 1": frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)) * 100_000})


@script
def continuations(servers):
    ours = servers.ours()
    field = b"\x00\x01a\x7f\x00" + b"b" * 127
    return ended(ours, frame(HEADERS, 1, 1, GET) + frame(CONTINUATION, 0, 1, field * 100) * 1000) + served(ours)


@script
def compressed_headers(servers):
    return all_of(servers.ours(), {
        "an integer without end": frame(HEADERS, 5, 1, b"\xff" + b"\xff" * 20),
        "an index that nothing has": frame(HEADERS, 5, 1, b"\xff\x80\x01"), "index 0": frame(HEADERS, 5, 1, b"\x80"),
        "a larger table than allowed": frame(HEADERS, 5, 1, b"\x3f\xe1\xff\x03" + GET),
        "text longer than its frame": frame(HEADERS, 5, 1, b"\x00\x7f\x10ab")})


@script
def odd_frames(servers):
    ours = servers.ours()
    others = frame(10, 0, 0, b"\0\0") + frame(12, 0, 0, b"\0\0") + frame(0xEE, 0, 0, b"abc")
    return all_of(ours, {
        "padding longer than DATA": frame(HEADERS, 4, 1, POST) + frame(DATA, 9, 1, b"\x09abc"),
        "padding longer than HEADERS": frame(HEADERS, 13, 1, b"\xff" + GET),
        "HEADERS without an octet": frame(HEADERS, 5, 1), "PUSH_PROMISE": frame(PUSH, 4, 1, struct.pack("!I", 2) + GET),
        "SETTINGS of 5 octets": frame(SETTINGS, 0, 0, bytes(5)), "a frame of 16 MiB": frame(DATA, 0, 1, b"", 0xFFFFFF),
        "DATA for a stream that is not there": frame(DATA, 1, 7, b"abc"),
        "ALTSVC, ORIGIN and an unknown frame, then a stream of even number": others + frame(HEADERS, 5, 2, GET)})


@script
def many_streams(servers):
    """Requests that are begun and not ended, one more than SETTINGS allows."""
    from h2.settings import SettingCodes
    ours = servers.ours()
    with HTTP2(ours.https, ours.trust_http2) as client:
        client.receive()
        most = client.connection.remote_settings.get(SettingCodes.MAX_CONCURRENT_STREAMS)
    return f"{most} allowed; {ended(ours, b''.join(frame(HEADERS, 4, number, POST) for number in range(1, 2 * most + 2, 2)))}{served(ours)}"


def closed_within(begin, stream, seconds):
    """`closed within N s`, with room for a machine that is busy."""
    closed, took = is_closed(stream, 30), time.monotonic() - begin
    return f"closed within {seconds} s" if closed and took < seconds + SLACK else f"closed after {took:.1f} s" if closed else "open"


@script
def no_window(servers):
    from h2.settings import SettingCodes
    ours = servers.ours()
    with HTTP2(ours.https, ours.trust_http2) as client:
        client.connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        begin = time.monotonic()
        client.start("POST", PATH, query(SERVICE))
        return closed_within(begin, client.stream, 5)


@script
def slow_body(servers):
    ours = servers.ours()
    with connect(ours.https, ours.trust, timeout=0.3) as stream:
        begin = time.monotonic()
        stream.sendall(b"POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        try:
            while time.monotonic() - begin < 20:
                stream.sendall(b"a")
                try:
                    if not stream.recv(100):
                        break
                except TimeoutError:
                    pass
        except OSError:
            pass
        return closed_within(begin, stream, 3)


@script
def half_a_body(servers):
    """What is said when the rest of a body never comes: no address, no name of a file."""
    ours = servers.ours()
    with connect(ours.https, ours.trust) as stream:
        heard, _ = heard_to_the_end(stream, [b"POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc"])
    return repr(heard.decode(errors="replace")) if heard else "closed, and nothing is said"


@script
def endless_body(servers):
    ours = servers.ours()
    with connect(ours.https, ours.trust) as stream:
        sent = 0
        try:
            stream.sendall(b"POST /dns-query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            stream.settimeout(5)
            while sent < 4_000_000:
                stream.sendall(b"1000\r\n" + bytes(4096) + b"\r\n")
                sent += 4096
        except OSError:
            pass
        heard, _ = heard_to_the_end(stream)
    return f"{heard[9:12].decode() or 'nothing'} and closed" + served(ours)


@script
def many_fields(servers):
    ours, results = servers.ours(), []
    for label, fields in (("10,000 fields", b"A: b\r\n" * 10_000), ("a field of 1 MiB", b"A: " + b"b" * 1048576 + b"\r\n")):
        with connect(ours.https, ours.trust) as stream:
            heard, _ = heard_to_the_end(stream, [b"GET /dns-query HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n"])
            results.append(f"{label}: {heard[9:12].decode() or 'nothing said'}, closed")
    return "; ".join(results) + served(ours)
