"""A client of DNS Push Notifications (RFC 8765) over DSO (RFC 8490), as plain as can be."""

import ipaddress
import queue
import socket
import struct
import threading
import time
from live import connect, encoded_name, framed
from secure_clients import HOST

KEEPALIVE, RETRY_DELAY, PADDING, SUBSCRIBE, PUSH, UNSUBSCRIBE, RECONFIRM = 1, 2, 3, 0x40, 0x41, 0x42, 0x43
TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "PTR": 12, "TXT": 16, "AAAA": 28, "SRV": 33, "ANY": 255}
REMOVE_ALL, REMOVE_ONE = 0xFFFFFFFE, 0xFFFFFFFF


def value(kind, data=b""):
    return struct.pack("!HH", kind, len(data)) + data


def message(id, *values, flags=0x3000, counts=(0, 0, 0, 0)):
    return struct.pack("!HHHHHH", id, flags, *counts) + b"".join(values)


def wanted(name, kind="A", klass=1):
    return encoded_name(name) + struct.pack("!HH", TYPES.get(kind, kind), klass)


def read_name(octets, index):
    labels = []
    while octets[index]:
        assert octets[index] < 64, "a compressed name"
        labels.append(octets[index + 1:index + 1 + octets[index]].decode())
        index += 1 + octets[index]
    return ".".join(labels) + ".", index + 1


def shown(kind, data):
    if kind in (1, 28):
        return str(ipaddress.ip_address(data))
    if kind in (5, 12):
        return read_name(data, 0)[0]
    if kind == 33:
        return "%d %d %d " % struct.unpack("!HHH", data[:6]) + read_name(data, 6)[0]
    return data.hex()


def changes(octets):
    """The change notifications of a PUSH message: `- name TYPE` removes all, `+ name TTL TYPE data` adds."""
    names = {number: name for name, number in TYPES.items()}
    kind, length = struct.unpack("!HH", octets[12:16])
    assert kind == PUSH and len(octets) == 16 + length, octets.hex()
    index, found = 16, []
    while index < len(octets):
        name, index = read_name(octets, index)
        type, klass, ttl, size = struct.unpack("!HHIH", octets[index:index + 10])
        data = octets[index + 10:index + 10 + size]
        index += 10 + size
        text = names.get(type, str(type))
        found.append(f"- {name} {text}" if ttl == REMOVE_ALL else f"+ {name} {ttl} {text} {shown(type, data)}")
    return found


class Session:
    """A connection whose messages are gathered as they come: responses by id, all else in order."""

    def __init__(self, port, context=None):
        self.stream = connect(port)
        if context:
            self.stream = context.wrap_socket(self.stream, server_hostname=HOST)
        self.last = 0
        self.responses = queue.Queue()
        self.told = queue.Queue()
        self.is_open = True
        self.was_reset = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        self.stream.settimeout(None)
        try:
            while True:
                head = self.take(2)
                octets = head and self.take(struct.unpack("!H", head)[0])
                if not octets:
                    break
                (self.responses if octets[2] & 0x80 else self.told).put((time.monotonic(), octets))
        except ConnectionResetError:
            self.was_reset = True
        except OSError:
            pass
        self.is_open = False
        self.told.put((time.monotonic(), None))
        self.responses.put((time.monotonic(), None))

    def take(self, count):
        data = b""
        while len(data) < count:
            piece = self.stream.recv(count - len(data))
            if not piece:
                return None
            data += piece
        return data

    def send(self, octets):
        self.stream.sendall(framed(octets))

    def response(self, seconds=10):
        try:
            return self.responses.get(timeout=seconds)[1]
        except queue.Empty:
            return None

    def ask(self, *values, **header):
        """The response to a request with these values."""
        self.last += 1
        self.send(message(self.last, *values, **header))
        return self.response()

    def subscribe(self, name, kind="A", klass=1):
        """The response's code; None when there is none."""
        response = self.ask(value(SUBSCRIBE, wanted(name, kind, klass)))
        return response[3] & 15 if response else None

    def unsubscribe(self, id):
        self.send(message(0, value(UNSUBSCRIBE, struct.pack("!H", id))))

    def push(self, seconds=10):
        """The next change notifications; [] when none come in time, None at the end of the connection."""
        try:
            octets = self.told.get(timeout=seconds)[1]
        except queue.Empty:
            return []
        return changes(octets) if octets else None

    def ends(self, seconds=10):
        self.thread.join(seconds)
        return not self.thread.is_alive()

    def close(self):
        try:
            self.stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.stream.close()
