"""An API server of which only as much exists as lists and watches need: objects are made while they are sent.

So it can have more objects, and larger ones, than would fit in the memory of a test. It speaks plain HTTP/1.1 and the
protobuf encoding, as API servers do with clients that can.
"""

import http.server
import struct
import threading
import urllib.parse

MAGIC = b"k8s\0"
KINDS = {"namespaces": ("v1", "Namespace"), "services": ("v1", "Service"),
         "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice")}
VERSION = "1000"


# Protobuf: field numbers are those of Kubernetes' generated.proto files.


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, payload):
    """A length-delimited field; text is UTF-8, a number is a varint field instead."""
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def pairs(number, entries):
    return b"".join(field(number, field(1, key) + field(2, value)) for key, value in entries.items())


def metadata(name, namespace="", labels={}, annotations={}):
    space = field(3, namespace) if namespace else b""
    return field(1, name) + space + field(6, VERSION) + pairs(11, labels) + pairs(12, annotations)


def namespace(name):
    return field(1, metadata(name))


def service(name, space, address, annotations={}):
    """A Service with one port; without an address a headless one."""
    port = field(1, "http") + field(2, "TCP") + field(3, 80)
    spec = field(1, port) + field(3, address or "None") + field(4, "ClusterIP") + field(18, address or "None")
    return field(1, metadata(name, space, annotations=annotations)) + field(2, spec)


def endpoint_slice(name, space, service, addresses, annotations={}):
    """Ready endpoints of a Service, each with the pod that it stands for."""
    labels = {"kubernetes.io/service-name": service}
    endpoints = b"".join(
        field(2, field(1, address) + field(2, field(1, 1))
              + field(4, field(1, "Pod") + field(2, space) + field(3, f"pod-{address.replace('.', '-')}"))
              + field(6, f"node-{index % 100}.example.internal") + field(7, f"zone-{index % 3}"))
        for index, address in enumerate(addresses))
    port = field(1, "http") + field(2, "TCP") + field(3, 80)
    return field(1, metadata(name, space, labels, annotations)) + endpoints + field(3, port) + field(4, "IPv4")


def envelope(version, kind, raw):
    """`raw` as an object stands alone: runtime.Unknown."""
    return MAGIC + field(1, field(1, version) + field(2, kind)) + field(2, raw) + field(4, "application/vnd.kubernetes.protobuf")


class ScriptedAPI:
    """Serves `objects`: for each kind a function that gives its objects, each time anew.

    `way` is how a client may have them: `stream`, as events of a watch (WatchList); `pages`, as it asks for them; `page`, all
    on one whatever it asks for, as servers do that answer from memory.
    """

    def __init__(self, objects, way):
        self.objects, self.way = objects, way
        self.seen, self.lock, self.stopping = [], threading.Lock(), threading.Event()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                try:
                    api.answer(self)
                except OSError:
                    self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler):
        address = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        resource = address.path.split("/")[-1]
        with self.lock:
            self.seen.append((resource, query))
        if resource not in KINDS:
            return self.refuse(handler, 404, "NotFound")
        if query.get("watch") != "true":
            return self.list(handler, resource, query)
        if query.get("sendInitialEvents") == "true" and self.way != "stream":
            return self.refuse(handler, 422, "Invalid")
        self.watch(handler, resource, query)

    def refuse(self, handler, code, reason):
        body = (f'{{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": {code}, "reason": "{reason}", '
                '"message": "refused by the test"}').encode()
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def begin(self, handler, kind):
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

    def send(self, handler, octets):
        handler.wfile.write(b"%x\r\n" % len(octets) + octets + b"\r\n")

    def list(self, handler, resource, query):
        """One page, its items sent as they are made."""
        first, limit = int(query.get("continue") or 0), int(query.get("limit") or 0) if self.way == "pages" else 0
        rest = ""
        version, kind = KINDS[resource]
        # The list's length stands before it, so its items are made twice: once to be measured.
        length, count = 0, 0
        for index, item in enumerate(self.objects[resource]()):
            if index < first:
                continue
            if limit and count == limit:
                rest = str(index)
                break
            length, count = length + len(field(2, item)), count + 1
        head = field(1, field(2, VERSION) + (field(3, rest) if rest else b""))
        raw = varint(2 << 3 | 2) + varint(length + len(head)) + head
        self.begin(handler, "application/vnd.kubernetes.protobuf")
        self.send(handler, MAGIC + field(1, field(1, version) + field(2, kind + "List")) + raw)
        for index, item in enumerate(self.objects[resource]()):
            if first <= index < first + count:
                self.send(handler, field(2, item))
            elif index >= first + count:
                break
        handler.wfile.write(b"0\r\n\r\n")

    def watch(self, handler, resource, query):
        """The initial state where that is asked for, and then nothing but silence."""
        version, kind = KINDS[resource]
        self.begin(handler, "application/vnd.kubernetes.protobuf;stream=watch")
        if query.get("sendInitialEvents") == "true":
            for item in self.objects[resource]():
                self.send(handler, self.event("ADDED", envelope(version, kind, item)))
            mark = field(1, field(6, VERSION) + pairs(12, {"k8s.io/initial-events-end": "true"}))
            self.send(handler, self.event("BOOKMARK", envelope(version, kind, mark)))
        self.stopping.wait(600)

    @staticmethod
    def event(kind, octets):
        body = field(1, kind) + field(2, field(1, octets))
        return struct.pack("!I", len(body)) + body
