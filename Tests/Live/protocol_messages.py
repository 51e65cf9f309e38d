"""The language in which Tests/ProtocolCases writes messages, and the one line that says what a reply is."""

import ipaddress
import re
import struct
import time
import signatures
from live import question_end

NAMES = {"$service": "kube-dns.kube-system.svc.cluster.local", "$zone": "cluster.local"}
FLAGS = {"qr": 0x8000, "aa": 0x400, "tc": 0x200, "rd": 0x100, "ra": 0x80, "z": 0x40, "ad": 0x20, "cd": 0x10}
COUNTS = ("qd", "an", "ns", "ar")
CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 9: "NOTAUTH", 16: "BADVERS",
         17: "BADKEY", 18: "BADTIME", 23: "BADCOOKIE"}
SIGNATURE_CODES = {0: "NOERROR", 16: "BADSIG", 17: "BADKEY", 18: "BADTIME"}
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "SIG": 24, "AAAA": 28, "SRV": 33,
         "DNAME": 39, "OPT": 41, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "SVCB": 64, "TKEY": 249, "TSIG": 250,
         "IXFR": 251, "AXFR": 252, "MAILB": 253, "MAILA": 254, "ANY": 255, "CAA": 257}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
CLASSES = {"IN": 1, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}
OPTIONS = {"nsid": 3, "ecs": 8, "cookie": 10, "keepalive": 11, "padding": 12, "ede": 15}
OPTION_NAMES = {number: name for name, number in OPTIONS.items()}
SECRET = b"secret-of-thirty-two-octets-1234"  # Of every key that is known.
TOKEN = re.compile(r"\s*(?:(\d+)\*)?([a-z]+)\(((?:[^()\\]|\\.)*)\)|\s*(\S+)")


# Words to octets


def expanded(text):
    """Every text that the first braces stand for: {a,b}, {3..7}, {1,4..6}."""
    found = re.search(r"\{([^{}]*)\}", text)
    if not found:
        return [text]
    values = []
    for part in found.group(1).split(","):
        first, _, last = part.partition("..")
        is_range = first.isdigit() and last.isdigit()
        values += map(str, range(int(first), int(last) + 1)) if is_range else [part]
    return [line for value in values for line in expanded(text[:found.start()] + value + text[found.end():])]


def hexadecimal(words):
    """Octets of words like `c00c` and `00*500`."""
    octets = b""
    for word in words:
        digits, _, times = word.partition("*")
        octets += bytes.fromhex(digits) * int(times or 1)
    return octets


def unescaped(text):
    """Octets of text with `\\n`, `\\r`, `\\ddd` and `\\x`."""
    octets, index = b"", 0
    while index < len(text):
        if text[index] != "\\":
            octets += text[index].encode()
            index += 1
        elif re.match(r"\d{3}", text[index + 1:]):
            octets += bytes([int(text[index + 1:index + 4])])
            index += 4
        else:
            octets += {"n": b"\n", "r": b"\r"}.get(text[index + 1], text[index + 1].encode())
            index += 2
    return octets


def name_octets(text):
    """`=` points to the question's name; a label `a*63` is repeated, and `\\046` is a dot within a label."""
    if text == "=":
        return b"\xc0\x0c"
    for short, long in NAMES.items():
        text = text.replace(short, long)
    octets = b""
    for label in re.findall(r"(?:[^.\\]|\\\d{3}|\\.)+", text.rstrip(".")):
        repeated = re.fullmatch(r"(.)\*(\d+)", label)
        content = repeated.group(1).encode() * int(repeated.group(2)) if repeated else unescaped(label)
        octets += bytes([len(content)]) + content
    return octets + b"\0"


def number(text, names):
    return names[text] if text in names else int(re.sub("^[A-Z]+", "", text))


def question_octets(words, asked):
    if words[:1] == ["="]:
        return asked
    if words[:1] == ["lower"]:
        return asked[:-4].lower() + asked[-4:]
    kind, klass = (words[1:] + ["A", "IN"][len(words) - 1:])
    return name_octets(words[0]) + struct.pack("!HH", number(kind, TYPES), number(klass, CLASSES))


def data_octets(kind, words):
    if words and words[0] == "#":
        return hexadecimal(words[1:])
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(words[0]).packed
    if kind in ("NS", "CNAME", "PTR", "DNAME"):
        return name_octets(words[0])
    if kind == "TXT":
        return b"".join(bytes([len(text)]) + text for text in map(unescaped, words))
    if kind == "SOA":
        return b"\0\0" + struct.pack("!IIIII", 1, 3600, 600, 86400, int(words[0]) if words else 60)
    raise ValueError(f"data of {kind}")


def record_octets(words):
    """NAME TYPE TTL DATA…; `# HEX…` for data as it is, and `len=N` for a length that is not the data's."""
    lied = [word for word in words if word.startswith("len=")]
    owner, kind, ttl, *data = [word for word in words if word not in lied]
    octets = data_octets(kind, data)
    length = int(lied[0][4:]) if lied else len(octets)
    return name_octets(owner) + struct.pack("!HHIH", number(kind, TYPES), 1, int(ttl), length) + octets


def opt_octets(words):
    """SIZE, do, v=N, flags=HEX, rcode=N (of the high octet), CODE:HEX, CODE:HEX/LENGTH, N*CODE:HEX, owner=HEX, rdlen=N, +HEX."""
    size, version, flags, high, options, owner, length = 1232, 0, 0, 0, b"", b"\0", None
    for word in words:
        if word.isdigit():
            size = int(word)
        elif word == "do":
            flags |= 0x8000
        elif word.startswith("+"):
            options += hexadecimal([word[1:]])
        elif ":" in word:
            times, code, data, lied = re.fullmatch(r"(?:(\d+)\*)?(\w+):([^/]*)(?:/(\d+))?", word).groups()
            data = hexadecimal([data])
            options += int(times or 1) * (
                struct.pack("!HH", number(code, OPTIONS), int(lied) if lied else len(data)) + data)
        else:
            key, value = word.split("=")
            if key == "v": version = int(value)
            elif key == "flags": flags |= int(value, 16)
            elif key == "rcode": high = int(value)
            elif key == "owner": owner = bytes.fromhex(value)
            elif key == "rdlen": length = int(value)
            else: raise ValueError(word)
    return owner + struct.pack("!HHBBHH", 41, size, high, version, flags, len(options) if length is None else length) + options


def tsig_octets(words, message):
    """TSIG of key NAME, made now: with a MAC of 32 octets of zero, nobody's, or `signed`, and so many seconds off (`at=N`)."""
    key, *words = words
    off = sum(int(word[3:]) for word in words if word.startswith("at="))
    if "signed" in words:
        return signatures.signed(message, key, SECRET, off)
    return signatures.record(key, 0x1234, bytes(32), int(time.time()) + off)


def chain_octets(count, place):
    """A TXT record whose data are pointers, each to the one before, and an address whose owner is the last of them."""
    start = place + 11
    pointers = [0xC00C, *(0xC000 + start + 2 * index for index in range(count - 1))]
    return (b"\0" + struct.pack("!HHIH", 16, 1, 0, 2 * count) + struct.pack(f"!{count}H", *pointers)
        + struct.pack("!HHHIH", 0xC000 + start + 2 * (count - 1), 1, 1, 60, 4) + bytes([192, 0, 2, 1]))


def message_octets(text, query=b""):
    """The octets of a line of the language; a reply takes id and question (`=`) from `query`."""
    id, flags, counts, said, content, raw, dropped = 0x1234, 0, [0] * 4, {}, b"", False, 0
    if query:
        id = struct.unpack("!H", query[:2])[0]
    asked = query[12:question_end(query)] if query else b""
    for times, call, inside, word in TOKEN.findall(text):
        words = inside.split()
        repeat = int(times or 1)
        if call == "x": content += hexadecimal(words) * repeat
        elif call == "text": content += unescaped(inside) * repeat
        elif call == "q":
            content += question_octets(words, asked) * repeat
            counts[0] += repeat
        elif call in COUNTS:
            content += record_octets(words) * repeat
            counts[COUNTS.index(call)] += repeat
        elif call == "opt":
            content += opt_octets(words) * repeat
            counts[3] += repeat
        elif call == "tsig":
            content += tsig_octets(words, struct.pack("!HHHHHH", id, flags, *counts) + content) * repeat
            counts[3] += repeat
        elif call == "chain":
            content += chain_octets(int(inside), len(content) + 12)
            counts[3] += 2
        elif call: raise ValueError(f"{call}( in: {text}")
        elif word == "raw": raw = True
        elif word == "id+1": id = (id + 1) & 0xFFFF
        elif word in FLAGS: flags |= FLAGS[word]
        else:
            key, value = word.split("=")
            if key == "id": id = int(value, 16)
            elif key == "op": flags |= int(value) << 11
            elif key == "rcode": flags |= int(value)
            elif key == "less": dropped = int(value)
            elif key in COUNTS: said[COUNTS.index(key)] = int(value)
            else: raise ValueError(f"{word} in: {text}")
    if not raw:
        content = struct.pack("!HHHHHH", id, flags, *(said.get(index, count) for index, count in enumerate(counts))) + content
    return content[:len(content) - dropped]


# Octets to words


def skipped(message, index):
    while message[index]:
        if message[index] >= 0xC0:
            return index + 2
        index += message[index] + 1
    return index + 1


def name_text(message, index):
    labels = []
    while message[index]:
        if message[index] >= 0xC0:
            index = struct.unpack("!H", message[index:index + 2])[0] & 0x3FFF
            continue
        labels.append("".join(chr(octet) if 33 <= octet < 127 and octet != 46 else f"\\{octet:03}"
            for octet in message[index + 1:index + 1 + message[index]]))
        index += message[index] + 1
    return ".".join(labels) or "."


def records_text(records):
    """`A 10.96.0.10`, `A*73`, `SOA`: data of addresses and aliases where there are few."""
    parts, seen = [], []
    for kind, text, _ in records:
        if kind not in seen:
            seen.append(kind)
    for kind in seen:
        same = [text for other, text, _ in records if other == kind]
        name = TYPE_NAMES.get(kind, f"TYPE{kind}")
        parts.append(f"{name}*{len(same)}" if len(same) > 4 else " ".join(
            [name, *sorted(same)]) if any(same) else name if len(same) == 1 else f"{name}*{len(same)}")
    return " ".join(parts)


def options_text(data):
    parts, index = [], 0
    while index + 4 <= len(data):
        code, length = struct.unpack("!HH", data[index:index + 4])
        content = data[index + 4:index + 4 + length]
        name = OPTION_NAMES.get(code, str(code))
        if name == "ede":
            parts.append(f"EDE {struct.unpack('!H', content[:2])[0]}")
        elif name in ("nsid", "ecs"):
            parts.append(f"{name.upper()} {content.hex()}")
        elif name == "padding":
            parts.append("PADDING")
        else:
            parts.append(f"{name.upper()}:{length}")
        index += 4 + length
    return parts + (["octets left"] if index != len(data) else [])


def code_of(reply):
    """The response code by name, with the bits that stand in OPT where that can be read."""
    text = said(reply, b"")
    if text.startswith("unreadable"):
        return CODES.get(reply[3] & 15, f"RCODE{reply[3] & 15}")
    return re.split("[ ,]", text)[0]


def code_and_answer(text):
    """Of what is said of a reply the code and the answer section."""
    return ", ".join(part for index, part in enumerate(re.sub(r"^(\S+?)(?: [^,]*)?(,|$)", r"\1\2", text).split(", "))
        if index == 0 or part.startswith("answer"))


def said(reply, sent):
    """What a reply is, in one line: code, flags, question, records of each section, OPT and TSIG."""
    try:
        return described(reply, sent)
    except (IndexError, struct.error) as error:
        return f"unreadable ({len(reply)} octets: {error!r})"


def described(reply, sent):
    id, flags, *counts = struct.unpack("!HHHHHH", reply[:12])
    code, words = flags & 15, [name for name, bit in FLAGS.items() if flags & bit and name != "qr"]
    if not flags & 0x8000:
        words.append("no-qr")
    if len(sent) >= 4:
        if id != struct.unpack("!H", sent[:2])[0]: words.append("another-id")
        if (flags >> 8 ^ sent[2]) & 0x78: words.append("another-opcode")
    parts, index = [], 12
    for _ in range(counts[0]):
        index = skipped(reply, index) + 4
    if counts[0]:
        parts.append("question" if sent[12:12 + index - 12] == reply[12:index] else "another question")
    for count, section in zip(counts[1:], ("answer", "authority", "additional")):
        records, special = [], []
        for _ in range(count):
            start = index
            index = skipped(reply, index)
            kind, klass, ttl, length = struct.unpack("!HHIH", reply[index:index + 10])
            index += 10 + length
            data = reply[index - length:index]
            if kind == 41:
                code |= ttl >> 24 << 4
                field = [f"OPT {klass}"] + ["do"] * bool(ttl & 0x8000)
                field += [f"v={ttl >> 16 & 255}"] * bool(ttl >> 16 & 255) + [f"flags={ttl & 0x7fff:04x}"] * bool(ttl & 0x7FFF)
                special.append(" ".join(field + options_text(data)))
            elif kind == 250:
                at = skipped(data, 0) + 8
                at += 2 + struct.unpack("!H", data[at:at + 2])[0] + 2
                error = struct.unpack("!H", data[at:at + 2])[0]
                special.append(f"TSIG {SIGNATURE_CODES.get(error, error)}")
            else:
                text = str(ipaddress.ip_address(data)) if kind in (1, 28) and length in (4, 16) else (
                    name_text(reply, index - length) if kind in (2, 5, 12, 39) else "")
                records.append((kind, text, start))
        if records:
            parts.append(f"{section} {records_text(records)}")
        parts += special
    if index != len(reply):
        parts.append(f"{len(reply) - index} octets more")
    if sum(counts[1:]) > 5 or any("PADDING" in part for part in parts):
        parts.append(f"{len(reply)} octets")
    return ", ".join([" ".join([CODES.get(code, f"RCODE{code}"), *words]), *parts])
