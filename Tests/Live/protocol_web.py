"""Cases of DNS over HTTPS: a request as a line of a table, over HTTP/1.1 and HTTP/2, and what is said to it in words."""

import http.client
import re
from protocol_messages import message_octets, said
from secure_clients import HTTP2, connect, encoded, heard_to_the_end


class Request:
    """`METHOD TARGET ; Field: value ; body MESSAGE`: `@` in the target stands for the message, `a*90000` for a long text."""

    def __init__(self, line):
        first, *parts = line.split(" ; ")
        self.method, self.target = first.split(" ", 1)
        self.fields, self.message = [], None
        for part in parts:
            if part.startswith("body "):
                self.message = message_octets(part[5:])
            else:
                name, value = part.split(": ", 1)
                self.fields.append((name, value))
        self.target = re.sub(r"(\w)\*(\d+)", lambda found: found.group(1) * int(found.group(2)), self.target)
        self.body = self.message
        if "@" in self.target:
            self.target, self.body = self.target.replace("@", encoded(self.message)), None

    def over(self, version, port, context):
        """Status, header fields and body; None where the connection ended first."""
        if version == "h2":
            from h2.exceptions import ProtocolError
            with HTTP2(port, context(["h2"])) as client:
                fields = [(name.lower(), value) for name, value in self.fields]
                try:
                    response = client.request(self.method, self.target, self.body or b"", fields)
                except (OSError, ProtocolError):
                    return None
                return response and response.status and (response.status, response.headers, response.body) or None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.sock = connect(port, context(None))
        try:
            connection.request(self.method, self.target, body=self.body, headers=dict(self.fields))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        except (http.client.HTTPException, OSError):
            return None
        finally:
            connection.close()


def described(response, message):
    """Status, what a client may keep and for how long, and the DNS message or the text."""
    if response is None:
        return "closed"
    status, fields, body = response
    parts = [str(status)]
    if "allow" in fields:
        parts.append(f"Allow {fields['allow']}")
    if status == 200 and fields.get("content-type") == "application/dns-message":
        parts += [fields["cache-control"]] if "cache-control" in fields else []
        return ", ".join([" ".join(parts), said(body, message or b"")]) if body else " ".join(parts)
    if body.strip():
        parts.append(f'"{body.decode(errors="replace").strip()[:80]}"')
    return " ".join(parts)


def short(text):
    """What is compared with other servers: the status, and the code of the message."""
    found = re.match(r"(\d+|closed)[^,]*(?:, ([A-Z]\w+))?", text)
    return " ".join(filter(None, found.groups()))


def raw(port, context, octets, seconds):
    """Every status that is said to octets over one connection, and `closed` or `open`."""
    with connect(port, context) as stream:
        heard, end = heard_to_the_end(stream, [octets], seconds)
    statuses = re.findall(rb"HTTP/1\.1 (\d{3})", heard)
    return ", ".join([status.decode() for status in statuses] + [end])
