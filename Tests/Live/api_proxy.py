"""A proxy in front of an API server that notes every request and refuses what a test says, as missing rights would be."""

import base64
import http.client
import http.server
import json
import re
import ssl
import threading
import urllib.parse

from live import work


class Request:
    def __init__(self, verb, path):
        self.verb, self.path = verb, path

    def __repr__(self):
        return f"{self.verb} {self.path}"


class APIProxy:
    """Plain HTTP on loopback; sends its own token to the API server, as clients send none without TLS."""

    def __init__(self, kubeconfig):
        text = kubeconfig.read_text()

        def value(key):
            return re.search(rf"^\s*{key}: (\S+)$", text, re.MULTILINE).group(1).strip('"')

        authority = base64.b64decode(value("certificate-authority-data")).decode()
        self.context = ssl.create_default_context(cadata=authority)
        self.upstream = urllib.parse.urlsplit(value("server"))
        self.token = value("token")
        self.requests = []
        # Called with each request; true refuses it with 403.
        self.forbids = lambda request: False
        # Every request breaks while this is set.
        self.is_down = False
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def handle_any(self):
                proxy.handle(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.kubeconfig = work / f"kubeconfig.proxy.{self.port}"
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [], "contexts": [{"name": "proxy", "context": {"cluster": "proxy"}}]}))

    def seen(self, pattern):
        """Requests whose verb and path match."""
        return [request for request in list(self.requests) if re.search(pattern, repr(request))]

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = Request(handler.command, handler.path)
        self.requests.append(request)
        if self.is_down:
            handler.close_connection = True
            return
        if self.forbids(request):
            status = json.dumps({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403,
                "message": f"{request!r} is forbidden by the test"}).encode()
            handler.send_response(403)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(status)))
            handler.end_headers()
            handler.wfile.write(status)
            return
        self.forward(handler, body)

    def forward(self, handler, body):
        upstream = http.client.HTTPSConnection(self.upstream.hostname, self.upstream.port, context=self.context)
        try:
            headers = {key: handler.headers[key] for key in ("Accept", "Content-Type") if handler.headers[key]}
            upstream.request(
                handler.command, handler.path, body or None, {**headers, "Authorization": f"Bearer {self.token}"})
            response = upstream.getresponse()
            handler.send_response(response.status)
            handler.send_header("Content-Type", response.headers.get("Content-Type") or "application/json")
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            while piece := response.read1(65536):
                if self.is_down:
                    raise ConnectionError("down")
                handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                handler.wfile.flush()
            handler.wfile.write(b"0\r\n\r\n")
        except (OSError, http.client.HTTPException):
            handler.close_connection = True
        finally:
            upstream.close()
