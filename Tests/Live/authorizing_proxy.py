"""An API server that knows RBAC: TLS and tokens of service accounts in front of the embedded cluster.

The embedded cluster lets its token do everything. This proxy lets each service account do what its roles say, answers
everything else with 403 as an API server does, and keeps which right each request was allowed by. As API servers without
the feature WatchList it refuses to stream a list, so that lists are asked for and need their right.
"""

import collections
import http.client
import http.server
import json
import re
import socket
import ssl
import subprocess
import threading
import urllib.parse
from live import work

RESOURCE = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<resource>[^/]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?")
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def certificate(address):
    """A certificate authority and a server certificate for an address: (CA file, certificate file, key file)."""
    folder = work / f"proxy-tls.{address.replace(':', '-')}"
    names = folder / "names"
    if names.exists():
        return folder / "ca.crt", folder / "server.crt", folder / "server.key"
    folder.mkdir()
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=test-ca", "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=kube-apiserver",
        "-keyout", "server.key", "-out", "server.csr")
    names.write_text(f"subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "names", "-out", "server.crt")
    return folder / "ca.crt", folder / "server.crt", folder / "server.key"


class AuthorizingProxy:
    """Serves on `address`; `rights` can be changed at any time."""

    def __init__(self, address, lab, rights, token="service-account"):
        self.address, self.lab, self.rights, self.token = address, lab, rights, token
        self.allowed_by = collections.Counter()
        self.forbidden = collections.Counter()
        self.is_away = False
        ca, chain, key = certificate(address)
        self.ca = ca.read_text()
        text = lab.kubeconfig.read_text()
        self.upstream = urllib.parse.urlsplit(re.search(r"server: \"?([^\s\"]+)", text).group(1))
        self.upstream_token = re.search(r"token: \"?([^\s\"]+)", text).group(1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)

        proxy = self

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

            def handle_error(self, request, client_address):
                pass  # clients hang up when they end

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                # The handshake belongs to the connection's thread, not to the one that accepts.
                self.request = context.wrap_socket(self.request, server_side=True)
                super().setup()

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                proxy.answer(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        self.server = Server((address, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def for_pods(self):
        """What a Pod takes as its API server."""
        return self.address, self.port, self.ca, self.token

    def right_for(self, method, path):
        """(verb, group, resource, namespace, name) of a request; None for what needs no right."""
        parts = urllib.parse.urlsplit(path)
        query = urllib.parse.parse_qs(parts.query)
        found = RESOURCE.fullmatch(parts.path)
        if not found:
            return None
        resource = found["resource"] + (f"/{found['sub']}" if found["sub"] else "")
        verb, name = VERBS.get(method), found["name"]
        if method == "GET":
            verb = "get" if name else "watch" if query.get("watch", ["false"])[0] in ("1", "true") else "list"
            # A list of one name counts as that name's: the authorizer looks into the field selector.
            selector = query.get("fieldSelector", [""])[0]
            if not name and selector.startswith("metadata.name="):
                name = selector.split("=", 1)[1]
        return verb, found["group"] or "", resource, found["namespace"], name

    def answer(self, client):
        length = int(client.headers.get("Content-Length") or 0)
        body = client.rfile.read(length) if length else None
        if self.is_away:
            client.close_connection = True
            return
        if client.headers.get("Authorization") != f"Bearer {self.token}":
            return self.refuse(client, 401, "Unauthorized", "Unauthorized")
        right = self.right_for(client.command, client.path)
        if right:
            fact = self.rights.granting(*right)
            if fact is None:
                self.forbidden[right] += 1
                verb, group, resource, namespace, _ = right
                where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
                return self.refuse(client, 403, "Forbidden",
                    f'{resource} is forbidden: User "system:serviceaccount:kube-system:cluster-dns" cannot {verb} '
                    f'resource "{resource}" in API group "{group}" {where}')
            self.allowed_by[fact] += 1
        if "sendInitialEvents=true" in client.path:
            return self.refuse(client, 422, "Invalid",
                "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for "
                "watch unless the WatchList feature gate is enabled")
        self.forward(client, body)

    def refuse(self, client, code, reason, message):
        body = json.dumps({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "code": code}).encode()
        client.send_response(code)
        client.send_header("Content-Type", "application/json")
        client.send_header("Content-Length", str(len(body)))
        client.end_headers()
        client.wfile.write(body)

    def forward(self, client, body):
        context = ssl._create_unverified_context()
        upstream = http.client.HTTPSConnection(
            self.upstream.hostname, self.upstream.port, context=context, timeout=600)
        headers = {
            name: value for name, value in client.headers.items()
            if name.lower() not in ("host", "authorization", "connection", "content-length")}
        headers["Authorization"] = f"Bearer {self.upstream_token}"
        try:
            upstream.request(client.command, client.path, body, headers)
            response = upstream.getresponse()
            client.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                    client.send_header(name, value)
            client.send_header("Transfer-Encoding", "chunked")
            client.end_headers()
            while (piece := response.read1(65536)) and not self.is_away:
                client.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                client.wfile.flush()
            if self.is_away:
                client.close_connection = True
                return
            client.wfile.write(b"0\r\n\r\n")
        except (OSError, http.client.HTTPException):
            client.close_connection = True
        finally:
            upstream.close()
