"""Signatures of messages (TSIG, RFC 8945) by HMAC-SHA256, made and judged from the specification alone."""

import hashlib
import hmac
import struct
import time
from live import encoded_name, question_end

ALGORITHM = encoded_name("hmac-sha256")


def variables(key, at, fudge, error, other):
    """What is signed behind the message (RFC 8945 §4.3.3)."""
    return (encoded_name(key.lower()) + struct.pack("!HI", 255, 0) + ALGORITHM
        + struct.pack("!HIH", at >> 32, at & 0xFFFFFFFF, fudge) + struct.pack("!HH", error, len(other)) + other)


def record(key, id, code, at, fudge=300):
    """A TSIG record that holds `code`."""
    data = (ALGORITHM + struct.pack("!HIH", at >> 32, at & 0xFFFFFFFF, fudge) + struct.pack("!H", len(code)) + code
        + struct.pack("!HHH", id, 0, 0))
    return encoded_name(key) + struct.pack("!HHIH", 250, 255, 0, len(data)) + data


def signed(message, key, secret, at=0):
    """The record that signs a message which has none yet, `at` seconds from now."""
    now = int(time.time()) + at
    code = hmac.new(secret, message + variables(key, now, 300, 0, b""), hashlib.sha256).digest()
    return record(key, struct.unpack("!H", message[:2])[0], code, now)


def last_record(message):
    """Where the last record begins and where its data do."""
    def skipped(index):
        while message[index]:
            if message[index] >= 0xC0:
                return index + 2
            index += message[index] + 1
        return index + 1

    questions, *counts = struct.unpack("!HHHH", message[4:12])
    index = question_end(message) if questions else 12
    start = data = index
    for _ in range(sum(counts)):
        start, data = index, skipped(index) + 10
        index = data + struct.unpack("!H", message[data - 2:data])[0]
    return start, data


def code_of(message):
    """The code in a message's signature; nothing where it has none or is not signed."""
    start, data = last_record(message)
    if struct.unpack("!H", message[data - 10:data - 8])[0] != 250:
        return b""
    place = data + len(ALGORITHM) + 10
    return message[place:place + struct.unpack("!H", message[place - 2:place])[0]]


def is_right(reply, query, key, secret):
    """Whether a reply's signature is the one of who has the secret, over this reply to this query."""
    start, data = last_record(reply)
    code, asked = code_of(reply), code_of(query)
    at = data + len(ALGORITHM)
    high, low, fudge = struct.unpack("!HIH", reply[at:at + 8])
    behind = at + 10 + len(code)
    id, error, length = struct.unpack("!HHH", reply[behind:behind + 6])
    other = reply[behind + 6:behind + 6 + length]
    count = struct.unpack("!H", reply[10:12])[0] - 1
    unsigned = struct.pack("!H", id) + reply[2:10] + struct.pack("!H", count) + reply[12:start]
    content = struct.pack("!H", len(asked)) + asked + unsigned + variables(key, high << 32 | low, fudge, error, other)
    return bool(code) and hmac.compare_digest(code, hmac.new(secret, content, hashlib.sha256).digest())
