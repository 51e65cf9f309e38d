"""Two servers between `serve` and the embedded cluster that do what networks and API servers do on bad days.

`TunnelProxy` ends TLS on both sides and passes the octets between, so that a test can add some, or fall silent.
`RequestProxy` speaks plain HTTP/1.1 and decides for each request.
"""

import base64
import http.client
import http.server
import re
import select
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.parse
from live import work


class Upstream:
    """Where a kubeconfig of the embedded cluster leads."""

    def __init__(self, kubeconfig):
        text = kubeconfig.read_text()
        def value(key):
            return re.search(rf"^\s*{key}: (\S+)$", text, re.MULTILINE).group(1).strip('"')
        self.server, self.token = value("server"), value("token")
        address = urllib.parse.urlsplit(self.server)
        self.host, self.port = address.hostname, address.port
        self.authorities = base64.b64decode(value("certificate-authority-data")).decode()

    def context(self):
        return ssl.create_default_context(cadata=self.authorities)


def make_certificate(name):
    """A certificate of 127.0.0.1 that is its own authority, and its key."""
    certificate, key = work / f"{name}.crt", work / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    return certificate, key


class TunnelProxy:
    """Passes octets between TLS connections; `mode` says what it does to those that are open and to new ones.

    pass, or one of: `stall` (open connections pass nothing more, new ones pass), `no handshake` (new connections are
    accepted and left alone). Clients log in with what `token_file` holds; `token` is what is accepted, and replaced by the
    cluster's own.
    """

    def __init__(self, upstream, name):
        self.upstream, self.name = upstream, name
        self.mode, self.accepted, self.number = "pass", 0, 0
        self.authority = work / f"{name}.authority"
        self.token, self.token_file = f"{name}-token-1", work / f"{name}.token"
        self.token_file.write_text(self.token)
        self.stalled, self.links, self.injected, self.lock = set(), set(), {}, threading.Lock()
        self.rotate()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.kubeconfig = work / f"{name}.kubeconfig"
        self.kubeconfig.write_text(f"""apiVersion: v1
kind: Config
current-context: proxy
clusters: [{{name: proxy, cluster: {{server: "https://127.0.0.1:{self.port}", certificate-authority: "{self.authority}"}}}}]
users: [{{name: proxy, user: {{tokenFile: "{self.token_file}"}}}}]
contexts: [{{name: proxy, context: {{cluster: proxy, user: proxy}}}}]
""")
        threading.Thread(target=self.accept, daemon=True).start()

    def rotate(self, tell=True):
        """A new certificate for new connections; `tell` writes its authority where the client reads it."""
        self.number += 1
        certificate, key = make_certificate(f"{self.name}-{self.number}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["http/1.1"])
        self.context, self.certificate = context, certificate
        if tell:
            self.publish_authority()

    def publish_authority(self):
        draft = self.authority.with_suffix(".new")
        draft.write_bytes(self.certificate.read_bytes())
        draft.replace(self.authority)

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            self.accepted += 1
            if self.mode == "no handshake":
                self.links.add((client, client))
                continue
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            client = self.context.wrap_socket(client, server_side=True)
            server = socket.create_connection((self.upstream.host, self.upstream.port), 10)
            server = self.upstream.context().wrap_socket(server, server_hostname=self.upstream.host)
        except (OSError, ssl.SSLError):
            client.close()
            return
        link = (client, server)
        with self.lock:
            self.links.add(link)
        try:
            self.pump(link)
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            with self.lock:
                self.links.discard(link)
            client.close()
            server.close()

    def pump(self, link):
        client, server = link
        while True:
            ready = [side for side in link if side.pending()] or select.select(link, [], [], 0.05)[0]
            if link in self.stalled:
                time.sleep(0.05)
                continue
            if client in ready:
                octets = client.recv(65536)
                if not octets:
                    return
                # A request's head comes in one piece.
                if octets.startswith(b"GET ") and f"Bearer {self.token}\r".encode() not in octets:
                    client.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
                    continue
                server.sendall(octets.replace(self.token.encode(), self.upstream.token.encode()))
            if server in ready:
                octets = server.recv(65536)
                if not octets:
                    return
                client.sendall(octets)
            with self.lock:
                say = self.injected.pop(link, None)
            if say:
                client.sendall(say)

    def inject(self, octets):
        """Sends `octets` to the client of every open connection."""
        with self.lock:
            for link in self.links:
                self.injected[link] = octets
            return len(self.links)

    def stall(self):
        """Open connections stay open and pass nothing more."""
        with self.lock:
            self.stalled |= self.links
            return len(self.links)

    def cut(self):
        with self.lock:
            links = list(self.links)
        for link in links:
            for side in link:
                try:
                    side.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class RequestProxy:
    """Passes requests on to the embedded cluster; `rule` may answer in its place.

    `rule(path, query)` returns None to pass the request on, or (status, headers, body), or a callable that is given
    the body's iterator and returns another.
    """

    def __init__(self, upstream):
        self.upstream, self.rule, self.seen = upstream, lambda path, query: None, []
        self.open, self.lock = set(), threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                proxy.answer(self)

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def requests(self, word="", watch=None):
        """Times and addresses of requests whose address holds `word`."""
        with self.lock:
            seen = list(self.seen)
        return [(when, path) for when, path in seen if word in path and watch in (None, "watch=true" in path)]

    def answer(self, handler):
        address = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        with self.lock:
            self.seen.append((time.monotonic(), handler.path))
        decided = self.rule(address.path, query)
        if isinstance(decided, tuple):
            status, headers, body = decided
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            return
        upstream = self.upstream
        connection = http.client.HTTPSConnection(upstream.host, upstream.port, context=upstream.context(), timeout=700)
        with self.lock:
            self.open.add((handler.connection, connection))
        try:
            connection.request("GET", handler.path, headers={
                "Accept": handler.headers["Accept"], "Authorization": "Bearer " + upstream.token})
            response = connection.getresponse()
            handler.send_response(response.status)
            handler.send_header("Content-Type", response.headers["Content-Type"])
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            pieces = iter(lambda: response.read1(65536), b"")
            for piece in decided(pieces) if decided else pieces:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            handler.wfile.write(b"0\r\n\r\n")
        except (OSError, http.client.HTTPException, ValueError):
            handler.close_connection = True
            self.hang_up(handler.connection)
        finally:
            with self.lock:
                self.open.discard((handler.connection, connection))
            connection.close()

    @staticmethod
    def hang_up(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def cut(self):
        """Hangs up on every request under way."""
        with self.lock:
            under_way = list(self.open)
        for client, upstream in under_way:
            self.hang_up(client)
            if upstream.sock:
                self.hang_up(upstream.sock)
