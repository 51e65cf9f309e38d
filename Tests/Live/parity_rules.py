"""What a reply is beside another one, and in which ways an answer may differ by how it was asked.

A difference is one of the rules below, each with the specification that asks for it and a condition that holds for
exactly this difference. What none of them says is a difference that should not be.
"""

import struct
import signatures
from live import Reply, question_end
from protocol_messages import name_text
from secure_clients import encoded

NAMES = {2: 0, 5: 0, 12: 0, 39: 0, 33: 6, 15: 2}  # Types whose data end with a name, and where it begins.
SOA, OPT, TSIG, IXFR, AXFR = 6, 41, 250, 251, 252
PADDING = 12
BLOCK = 468
LONGEST_DATAGRAM, LONGEST_PATH = 4095, 16_000


class Cell:
    """What came of one message over one transport: a message or words, how often the upstream was asked, and whether the
    signature is right, if there is one."""

    def __init__(self, heard, asked, text, signature):
        self.message = heard if isinstance(heard, bytes) else None
        self.words = None if self.message else heard
        self.asked, self.text, self.signature = asked, text, signature
        self.parts = Parts(heard) if self.message else None

    def equals(self, other):
        return (self.words, self.asked, self.signature, self.parts) == (other.words, other.asked, other.signature, other.parts)


class Parts:
    """A reply taken apart: names are whole, and what depends on the time only is left out."""

    def __init__(self, message):
        reply = Reply(message)
        self.id, self.flags, self.size = reply.id, reply.flags, len(message)
        self.question = message[12:question_end(message)] if reply.questions else b""
        self.records, self.opt, self.options, self.signature = [], None, [], None
        counts = [reply.answers, reply.authorities, reply.additionals]
        sections = [number for number, count in enumerate(counts) for _ in range(count)]
        index = 12 + len(self.question)
        for section in sections:
            owner = name_text(message, index)
            index = reply.skip_name(index)
            kind, klass, ttl, length = struct.unpack("!HHIH", message[index:index + 10])
            start, index = index + 10, index + 10 + length
            self.take(message, section, owner, kind, klass, ttl, start, index)
        self.rest = message[index:]

    def take(self, message, section, owner, kind, klass, ttl, start, end):
        data = message[start:end]
        if kind == OPT:
            self.opt, place = (section, klass, ttl), 0
            while place + 4 <= len(data):
                code, length = struct.unpack("!HH", data[place:place + 4])
                self.options.append((code, data[place + 4:place + 4 + length]))
                place += 4 + length
        elif kind == TSIG:
            behind = len(signatures.ALGORITHM) + 8
            behind += 2 + struct.unpack("!H", data[behind:behind + 2])[0]
            self.signature = owner, data[behind + 2:behind + 4], end - start
        else:
            if kind in NAMES:
                data = data[:NAMES[kind]] + name_text(message, start + NAMES[kind]).encode()
            elif kind == SOA:  # Its serial may change between two questions.
                data = name_text(message, start).encode() + data[-16:]
            self.records.append((section, owner, kind, klass, data))

    def __eq__(self, other):
        return other is not None and vars(self) == vars(other)

    @property
    def code(self):
        return self.flags & 15

    @property
    def answers(self):
        return [record for record in self.records if record[0] == 0]

    def like(self, other, *but):
        """True when all but these fields are the same."""
        return all(value == vars(other)[name] for name, value in vars(self).items() if name not in but)


class Row:
    """One message of the table; `source` is the line of the table that it is from."""

    def __init__(self, case, group, source, line, sent):
        self.case, self.group, self.source, self.line, self.sent = case, group, source, line, sent

    @property
    def options(self):
        """Codes of the options in the query."""
        try:
            return [code for code, _ in Parts(self.sent).options]
        except (IndexError, struct.error):
            return []

    @property
    def kind(self):
        end = question_end(self.sent)
        return struct.unpack("!H", self.sent[end - 4:end - 2])[0]

    @property
    def datagram(self):
        """The most octets of an answer over UDP (RFC 6891 §6.2.3), at most this server's own 1232."""
        opt = Reply(self.sent).opt
        return max(512, min(opt[0], 600 if self.group.on == "small" else 1232)) if opt else 512


class Rule:
    def __init__(self, name, ways, says, specification, holds):
        self.name, self.ways, self.says, self.specification, self.holds = name, ways, says, specification, holds

    def explains(self, row, way, reference, cell):
        try:
            return (way in self.ways and reference.asked == cell.asked and reference.signature == cell.signature
                and bool(self.holds(row, reference, cell)))
        except (IndexError, struct.error, AttributeError):
            return False


def is_cut(row, reference, cell):
    """As much of the same answer as a datagram has room for, and TC."""
    whole, part = reference.parts, cell.parts
    return (whole.size > row.datagram >= part.size and part.flags == whole.flags | 0x200
        and part.like(whole, "flags", "size", "records") and part.records == whole.records[:len(part.answers)])


def is_without_additional(row, reference, cell):
    """All of the answer, and fewer of the records that need not be there."""
    whole, part = reference.parts, cell.parts
    return (whole.size > row.datagram >= part.size and part.like(whole, "size", "records")
        and part.records == whole.records[:len(part.records)] and part.answers == whole.answers)


def is_padded(row, reference, cell):
    """The same, and padding up to a multiple of 468 octets where the query was padded, too."""
    plain, padded = reference.parts, cell.parts
    return (PADDING in row.options and padded.size % BLOCK == 0 and padded.like(plain, "size", "options")
        and padded.options[:-1] == plain.options and padded.options[-1][0] == PADDING and not any(padded.options[-1][1])
        and padded.size - plain.size == 4 + len(padded.options[-1][1]))


def is_one_message(row, reference, cell):
    """REFUSED where the answer is a zone in several messages: it does not end with the SOA that it begins with."""
    first, refusal = reference.parts, cell.parts
    return (row.kind in (AXFR, IXFR) and first.records[-1][2] != SOA and refusal.code == 5 and not refusal.records
        and refusal.question == first.question)


def is_no_copy(row, reference, cell):
    return row.kind == AXFR and reference.parts.code == 0 and cell.parts.code == 5 and not cell.parts.records


def is_one_version(row, reference, cell):
    """The current SOA alone: the client asks again over TCP."""
    return row.kind == IXFR and len(reference.parts.records) > 1 and cell.parts.records == reference.parts.records[:1]


def is_too_long(row, reference, cell):
    """What is longer than the largest datagram that is read is cut, and so is malformed: its header alone is answered."""
    return len(row.sent) > LONGEST_DATAGRAM and cell.parts.code == 1 and cell.parts.size == 12


def is_too_long_a_path(row, reference, cell):
    return len(encoded(row.sent)) > LONGEST_PATH and cell.words == "closed"


def is_no_session(row, reference, cell):
    """A message of stateful operations that no session can begin with, and one where none can begin at all."""
    return row.sent[2] >> 3 & 15 == 6 and reference.parts.code == 1 and cell.parts.code == 4


def is_unanswered(reference):
    return reference.words in ("nothing", "closed")


RULES = [
    Rule("cut", ["udp"], "an answer that is longer than the client takes is cut, with TC",
        "RFC 2181 §9, RFC 6891 §6.2.5", is_cut),
    Rule("without additional records", ["udp"], "records that need not be there are left out where there is no room",
        "RFC 2181 §9", is_without_additional),
    Rule("a longer datagram", ["udp"], "queries have at most 4,095 octets; this server announces 1,232", "RFC 6891 §6.2.4",
        is_too_long),
    Rule("a longer path", ["get"], "all fields of a request have at most 16 KiB; POST takes the message", "RFC 9113 §10.5.1",
        is_too_long_a_path),
    Rule("padded", ["dot", "post", "get", "grpc"], "a padded query has a padded answer where nobody can read either",
        "RFC 7830 §4, RFC 8467 §4.1", is_padded),
    Rule("not in a datagram", ["udp"], "a zone is not copied over UDP", "RFC 5936 §4.2", is_no_copy),
    Rule("the version alone", ["udp"], "a newer zone does not fit: the client asks again over TCP", "RFC 1995 §2",
        is_one_version),
    Rule("not in one message", ["post", "get", "grpc"], "a response is one message: a zone that takes several is refused",
        "RFC 8484 §6", is_one_message),
    Rule("no session", ["udp", "post", "get", "grpc"], "stateful operations belong to a connection of TCP or TLS",
        "RFC 8490 §4", is_no_session),
    Rule("silence", ["udp"], "what has no header is dropped; a stream that carries it is closed, its lengths mean nothing",
        "RFC 7766 §8", lambda row, reference, cell: reference.words == "closed" and cell.words == "nothing"),
    Rule("HTTP 400", ["post", "get"], "every request has a response: what is no query is a bad one",
        "RFC 8484 §4.2.1, RFC 9110 §15.5.1",
        lambda row, reference, cell: is_unanswered(reference) and cell.words == "HTTP 400"),
    Rule("HTTP 500", ["post", "get"], "every request has a response, also where the query is to have none",
        "RFC 8484 §4.2.1, RFC 9110 §15.6.1",
        lambda row, reference, cell: reference.words == "nothing" and cell.words == "HTTP 500"),
    Rule("gRPC 3", ["grpc"], "every call has a status: what is no query is an invalid argument", "RFC 9113 §8.1",
        lambda row, reference, cell: is_unanswered(reference) and cell.words == "gRPC 3"),
    Rule("not counted", ["udp"], "a limit of queries is one of connections", "RFC 1035 §4.2.1",
        lambda row, reference, cell: reference.words == "3 answered, closed" and cell.words == "5 answered"),
    Rule("streams", ["post", "get", "grpc"], "how much one connection may ask is a number of streams", "RFC 9113 §5.1.2",
        lambda row, reference, cell: reference.words == "3 answered, closed" and cell.words == "5 answered"),
    Rule("gRPC 13", ["grpc"], "every call has a status, also where the query is to have none", "RFC 9113 §8.1",
        lambda row, reference, cell: reference.words == "nothing" and cell.words == "gRPC 13"),
]
