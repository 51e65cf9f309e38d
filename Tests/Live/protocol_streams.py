"""Cases of Tests/ProtocolCases that are one connection: octets as they are, framed messages, half closes."""

import itertools
import re
import socket
import struct
import time
from live import connect, framed, query, receive_framed
from protocol_messages import code_of, message_octets, said
from protocol_servers import GOOD, SERVICE
from secure_clients import connect as secure_connect

SLACK = 10.0  # For a machine that is busy.


def opened(ours, transport):
    """A connection, over TLS or not; `clear` is to the port of TLS without it."""
    if transport == "dot":
        return secure_connect(ours.tls, ours.trust)
    return connect(ours.tls if transport == "clear" else ours.port)


def take_steps(stream, steps):
    """Does what the lines say; gives the queries that were sent, by their ids."""
    sent = {}
    for step in steps:
        word, _, rest = step.partition(" ")
        if word.startswith("framed"):
            count = int(word.partition("*")[2] or 1)
            message = message_octets(rest)
            first = struct.unpack("!H", message[:2])[0]
            numbered = [struct.pack("!H", first + index) + message[2:] for index in range(count)]
            for each in numbered:
                sent.setdefault(each[:2], []).append(each)
            stream.sendall(b"".join(map(framed, numbered)))
        elif word == "end":
            stream.shutdown(socket.SHUT_WR)
        elif word == "pause":
            time.sleep(float(rest))
        elif word:
            stream.sendall(message_octets(f"raw {step}"))
    return sent


def outcome(stream, steps, want):
    """The replies in the order in which they come, and how it ends: `closed`, `closed after N s`, or nothing where it goes on."""
    replies, end = [], ""
    began = time.monotonic()
    try:
        sent = take_steps(stream, steps)
    except OSError:
        return "closed while sending"
    if "closed" not in want:
        stream.sendall(framed(query(SERVICE, id=GOOD)))
    stream.settimeout(30)
    while message := receive_framed(stream):
        if message[:2] == struct.pack("!H", GOOD):
            if len(replies) >= expected(want):
                break
            continue
        # Each query has one reply.
        asked = sent.get(message[:2], [])
        replies.append(said(message, asked.pop()) if asked else "a reply to nothing")
        if "closed" not in want and len(replies) >= expected(want):
            break
    else:
        took = time.monotonic() - began
        wanted = float((re.search(r"closed after (\d+) s", want) or [0, 0])[1])
        is_in_time = wanted - 0.5 <= took < wanted + SLACK if wanted else took < 1.5
        end = f"closed after {wanted:g} s" if wanted and is_in_time else "closed" if is_in_time else f"closed after {took:.1f} s"
    return counted(replies, end)


def counted(replies, end=""):
    """Replies in their order, equal ones behind each other as a number, and the end."""
    parts = [(text, len(list(same))) for text, same in itertools.groupby(replies)]
    return "; ".join([text if count == 1 else f"{count} times {text}" for text, count in parts] + [end] * bool(end))


def expected(want):
    """How many replies a text speaks of."""
    return sum(int((re.match(r"(\d+) times ", part) or [0, 1])[1]) for part in want.split("; ") if not part.startswith("closed"))


def codes_and_end(text):
    """What is compared with other servers: the codes and the end."""
    codes, end = [], ""
    for part in text.split("; "):
        if part.startswith("closed"):
            end = "closed"
        else:
            times, code = re.match(r"(?:(\d+) times )?(\w+)", part).groups()
            codes += [code] * int(times or 1)
    return counted(codes, end)


def peer_outcome(port, steps, want):
    """The codes of another server, and `closed`, or `open` when nothing more comes for two seconds."""
    with connect(port) as stream:
        codes, end = [], "open"
        try:
            take_steps(stream, steps)
            stream.settimeout(2)
            while True:
                length = stream.recv(2)
                if not length:
                    end = "closed"
                    break
                size, message = struct.unpack("!H", length)[0], b""
                while len(message) < size:
                    message += stream.recv(size - len(message))
                codes.append(code_of(message))
                if "closed" not in want and len(codes) >= expected(want):
                    return counted(codes)
        except TimeoutError:
            pass
        except OSError:
            end = "closed"
        return counted(codes, end)
