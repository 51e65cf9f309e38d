"""Clients of encrypted transports: TLS, HTTP/1.1, HTTP/2 and gRPC, and the certificates they judge the server by."""

import base64
import http.client
import socket
import ssl
import struct
import subprocess
from live import framed, receive_framed, work

HOST = "dns.test"


class Authority:
    """A certificate authority made by openssl."""

    def __init__(self, name):
        self.folder = work / f"authority-{name}"
        self.folder.mkdir()
        self.certificate, self.key = self.folder / "ca.crt", self.folder / "ca.key"
        self.openssl(
            "req", "-x509", *self.new_key, "-keyout", self.key, "-out", self.certificate, "-days", "2", "-subj",
            f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def issue(self, name, *hosts, expired=False):
        """Files of a new certificate and its key."""
        stem = self.folder / name
        files = stem.with_suffix(".crt"), stem.with_suffix(".key")
        request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        names = ",".join(["IP:127.0.0.1", *(f"DNS:{host}" for host in hosts)])
        extensions.write_text(f"subjectAltName={names}\n")
        self.openssl("req", "-new", *self.new_key, "-keyout", files[1], "-out", request, "-subj", f"/CN={name}")
        self.openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
            "-days", "-1" if expired else "2", "-extfile", extensions, "-out", files[0])
        return files

    def trust(self, client=None, protocols=None, version=None):
        """What a client needs to judge a server by this authority."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if client:
            context.load_cert_chain(*map(str, client))
        if protocols:
            context.set_alpn_protocols(protocols)
        if version:
            context.maximum_version = version
        return context


def connect(port, context=None, timeout=30.0, source="127.0.0.1"):
    stream = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return stream
    try:
        return context.wrap_socket(stream, server_hostname=HOST)
    except Exception:
        stream.close()
        raise


def heard_to_the_end(stream, octets=(), seconds=None):
    """What comes while and after these pieces are sent, and `closed`; `open` when the end does not come in time."""
    heard, end = b"", "closed"
    if seconds is not None:
        stream.settimeout(seconds)
    try:
        for piece in octets:
            stream.sendall(piece)
    except TimeoutError:
        end = "open"
    except OSError:
        pass  # It may have said why before it closed.
    try:
        while piece := stream.recv(65536):
            heard += piece
    except TimeoutError:
        end = "open"
    except OSError:
        pass
    return heard, end


def is_closed(stream, seconds):
    """True when the server ends the connection within this time, whatever it says before."""
    stream.settimeout(seconds)
    try:
        while stream.recv(65536):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True


def over_tls(port, context, message):
    with connect(port, context) as stream:
        stream.sendall(framed(message))
        return receive_framed(stream)


class Response:
    def __init__(self, status, headers, body, trailers=None):
        self.status, self.headers, self.body, self.trailers = status, headers, body, trailers or {}


def http1(port, context, method, target, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.sock = connect(port, context)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        answer = connection.getresponse()
        return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


class HTTP2:
    """One connection, over TLS or, without a context, in clear text."""

    def __init__(self, port, context=None, source="127.0.0.1"):
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        self.stream = connect(port, context, source=source)
        self.connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.happened = []
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def flush(self):
        self.stream.sendall(self.connection.data_to_send())

    def start(self, method, path, body=b"", headers=(), ends=True):
        number = self.connection.get_next_available_stream_id()
        fields = [(":method", method), (":path", path), (":scheme", "https"), (":authority", HOST), *headers]
        self.connection.send_headers(number, fields, end_stream=ends and not body)
        self.flush()
        if body:
            self.send(number, body, ends)
        return number

    def send(self, number, body, ends):
        """Sends a body as fast as the server takes it, or as much of it as it wants."""
        from h2.exceptions import StreamClosedError
        try:
            while body:
                size = min(self.connection.local_flow_control_window(number), 16384, len(body))
                if size > 0:
                    self.connection.send_data(number, body[:size], end_stream=ends and size == len(body))
                    body = body[size:]
                    self.flush()
                elif not self.receive():
                    return
        except StreamClosedError:
            pass

    def receive(self):
        """Takes what comes next; false at the end of the connection."""
        data = self.stream.recv(65536)
        if data:
            self.happened += self.connection.receive_data(data)
        return bool(data)

    def responses(self, numbers):
        """The responses to these requests, in the order in which they end; fewer when the connection ends."""
        from h2 import events
        parts, done = {number: Response(0, {}, b"") for number in numbers}, {}
        while len(done) < len(numbers):
            if not self.happened and not self.receive():
                break
            while self.happened:
                event = self.happened.pop(0)
                number = getattr(event, "stream_id", None)
                if isinstance(event, events.ResponseReceived):
                    parts[number].headers = dict(event.headers)
                    parts[number].status = int(parts[number].headers[":status"])
                elif isinstance(event, events.DataReceived):
                    parts[number].body += event.data
                    self.connection.acknowledge_received_data(event.flow_controlled_length, number)
                elif isinstance(event, events.TrailersReceived):
                    parts[number].trailers = dict(event.headers)
                elif isinstance(event, (events.StreamEnded, events.StreamReset)) and number in parts:
                    done[number] = parts[number]
                elif isinstance(event, events.ConnectionTerminated):
                    return done
            self.flush()
        return done

    def frames_to_the_end(self):
        """Every frame until the connection ends, whatever stands in it: the library reads none after a GOAWAY."""
        from hyperframe.frame import Frame
        data = b""
        try:
            while piece := self.stream.recv(65536):
                data += piece
        except OSError:
            pass
        frames = []
        while len(data) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(data[:9]))
            frame.parse_body(memoryview(data[9:9 + length]))
            frames.append(frame)
            data = data[9 + length:]
        return frames

    def request(self, *arguments, **options):
        number = self.start(*arguments, **options)
        return self.responses([number]).get(number)


def encoded(message):
    """A message as it stands in a path."""
    return base64.urlsafe_b64encode(message).rstrip(b"=").decode()


CALL = "/coredns.dns.DnsService/Query"
CALL_HEADERS = (("content-type", "application/grpc"), ("te", "trailers"))


def packet(message):
    """One message of a gRPC call that holds a DnsPacket."""
    length, count = b"", len(message)
    while count > 127:
        length += bytes([count & 127 | 128])
        count >>= 7
    content = b"\x0a" + length + bytes([count]) + message
    return b"\0" + struct.pack("!I", len(content)) + content


def message_of(body):
    """The DNS message of a gRPC response; None when it is no such packet."""
    if len(body) < 5 or body[0] or struct.unpack("!I", body[1:5])[0] != len(body) - 5 or body[5:6] != b"\x0a":
        return None
    index, length, shift = 6, 0, 0
    while True:
        length |= (body[index] & 127) << shift
        shift += 7
        index += 1
        if body[index - 1] < 128:
            break
    return body[index:] if len(body) - index == length else None


def over_grpc(port, context, message):
    with HTTP2(port, context) as client:
        response = client.request("POST", CALL, packet(message), CALL_HEADERS)
        if response is None or response.trailers.get("grpc-status") != "0":
            return None
        return message_of(response.body)
