"""Cases of Tests/ProtocolCases that no line can say: each function acts and says in words what came of it."""

import socket
import struct
from live import dig, query
from protocol_messages import code_of
from protocol_servers import SERVICE

ALL = {}


def script(function):
    ALL[function.__name__] = function
    return function


@script
def source_ports(servers):
    """Queries whose source port is 0, and ports whose services answer whatever comes."""
    ours, message = servers.ours(), query(SERVICE)
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        return "not run: raw sockets need CAP_NET_RAW"
    heard = []
    with raw:
        for port in (7, 19, 0):
            raw.settimeout(5)
            raw.sendto(struct.pack("!HHHH", port, ours.port, 8 + len(message), 0) + message, ("127.0.0.1", 0))
            # A good query behind it: when its answer passes by, the one to the strange port has passed, or will not.
            dig(ours.port, SERVICE)
            answer = "nothing"
            raw.settimeout(0.05)
            try:
                while True:
                    packet = raw.recv(65535)
                    source, destination = struct.unpack("!HH", packet[20:24])
                    if source == ours.port and destination == port:
                        answer = code_of(packet[28:])
            except TimeoutError:
                pass
            heard.append(f"{port} {answer}")
    return ", ".join(heard)
