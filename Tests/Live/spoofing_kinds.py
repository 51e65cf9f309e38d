"""Kinds of forged replies: each is right in all but one thing."""

import struct
from forger import Volley, address
from live import encoded_name, question_end

TRUE, FORGED = bytes([192, 0, 2, 1]), bytes([203, 0, 113, 66])
RESPONSE, QUERY, CUT = 0x8180, 0x0100, 0x8380


class Heard:
    """A query as its upstream heard it: from which port, by which way, and at which port of its own."""

    def __init__(self, message, port, way, upstream):
        self.message, self.port, self.way, self.upstream = message, port, way, upstream
        self.id, self.question = message[:2], message[12:question_end(message)]
        self.key = name_of(self.question).lower()


def name_of(question):
    labels, index = [], 0
    while question[index]:
        labels.append(question[index + 1:index + 1 + question[index]].decode())
        index += question[index] + 1
    return ".".join(labels)


def answer(query, address, flags=RESPONSE, id=None, question=None, count=1):
    """A reply with one address; to a question of another type it has none."""
    question = query[12:question_end(query)] if question is None else question
    has_address = question[-4:-2] == b"\0\1" or not count
    record = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 3600, 4) + address if has_address else b""
    return (id or query[:2]) + struct.pack("!HHHHH", flags, count, has_address, 0, 0) + question + record


class Kind:
    """One kind: what it says of itself, where it is sent from, and the datagrams of it."""

    def __init__(self, word, says, make, source="upstream", is_heard=True, is_late=False, needs_own_network=False):
        self.word, self.says, self.make, self.source = word, says, make, source
        self.is_heard, self.is_late, self.needs_own_network = is_heard, is_late, needs_own_network

    def volley(self, heard):
        """What is sent where in answer to a query."""
        made = self.make(heard)
        return made if isinstance(made, Volley) else Volley(b"".join(made), [len(each) for each in made], address(heard.port))


EVERY_ADDRESS = b"".join(map(address, range(65536)))


def every_other_id(heard):
    forged, true = answer(heard.message, FORGED), struct.unpack("!H", heard.id)[0]
    octets = bytearray(forged * 65536)
    octets[0::len(forged)] = bytes(id >> 8 for id in range(65536))
    octets[1::len(forged)] = bytes(range(256)) * 256
    del octets[true * len(forged):(true + 1) * len(forged)]
    return Volley(octets, len(forged), address(heard.port))


def every_other_port(heard):
    targets = bytearray(EVERY_ADDRESS)
    for port in sorted({0, heard.port, heard.upstream}, reverse=True):
        del targets[16 * port:16 * (port + 1)]
    forged = answer(heard.message, FORGED)
    return Volley(forged, len(forged), bytes(targets))


def with_question(change):
    return lambda heard: [answer(heard.message, FORGED, question=change(heard.question))]


def with_flags(*flags):
    return lambda heard: [answer(heard.message, FORGED, flags=each) for each in flags]


def below(question):
    """A question for a name that is another one each time."""
    return b"\6victim" + question


KINDS = [
    Kind("ids", "another id", every_other_id),
    Kind("ports", "another port", every_other_port, is_heard=False, needs_own_network=True),
    Kind("sources", "from another address", with_flags(RESPONSE), source="another address", is_heard=False),
    Kind("doors", "from another port", with_flags(RESPONSE), source="another port", is_heard=False),
    Kind("names", "about another name", with_question(below)),
    Kind("types", "about another type", with_question(lambda question: question[:-4] + b"\0\x1c\0\1")),
    Kind("classes", "about another class", with_question(lambda question: question[:-4] + b"\0\1\0\3")),
    Kind("letters", "in other letter case", with_question(bytes.swapcase)),
    Kind("nothing", "without a question", lambda heard: [answer(heard.message, FORGED, question=b"", count=0)]),
    Kind("queries", "a query, not a response", with_flags(QUERY)),
    Kind("opcodes", "another opcode", with_flags(*(RESPONSE | opcode << 11 for opcode in range(1, 16)))),
    Kind("cut", "cut, with TC", with_flags(CUT)),
    Kind("short", "shorter than a header", lambda heard: [answer(heard.message, FORGED)[:length] for length in range(12)]),
    Kind("late", "after the true one", with_flags(RESPONSE), is_late=True),
]


def others(name):
    """What else a forged reply could have left in the cache."""
    return [(f"victim.{name}", 1), (name, 28)]


# Records that nobody asked for, of names that `stranger` gives: as many as the largest datagram has room for.
STRANGERS = 54


def stranger(number):
    return f"v{number}.victim.test"


def with_strangers(query):
    """A genuine reply, and in each of its sections records of other names."""
    question = query[12:question_end(query)]
    place = 12 + len(question) + 16  # Of the first stranger's name, which the others share but for a label.
    parts, third = [], STRANGERS // 3
    for number in range(STRANGERS):
        label = f"v{number}".encode()
        rest = encoded_name("victim.test") if not number else struct.pack("!H", 0xC000 | place + 3)
        name = bytes([len(label)]) + label + rest
        is_server = third <= number < 2 * third
        data = struct.pack("!H", 0xC000 | place) if is_server else FORGED
        parts.append(name + struct.pack("!HHIH", 2 if is_server else 1, 1, 3600, len(data)) + data)
    genuine = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 3600, 4) + TRUE
    header = query[:2] + struct.pack("!HHHHH", RESPONSE, 1, 1 + third, third, STRANGERS - 2 * third)
    return header + question + genuine + b"".join(parts)
