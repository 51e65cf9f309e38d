"""What clients without good intent do, each in a process of its own until that is ended."""

import itertools
import multiprocessing
import os
import random
import signal
import socket
import time
import protocol_messages as messages
import protocol_tables as tables
from crowds import hold
from live import framed, query

HANDSHAKE = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)


class Ports:
    """Where a server listens for each transport."""

    def __init__(self, clear, tls, https):
        self.clear, self.tls, self.https = clear, tls, https

    @property
    def all(self):
        return self.clear, self.tls, self.https


def paced(rate):
    """A step at a time, so many a second."""
    begun, parent = time.monotonic(), os.getppid()
    for number in itertools.count():
        if number % 100 == 0 and os.getppid() != parent:
            return  # The suite was killed.
        time.sleep(max(0, begun + number / rate - time.monotonic()))
        yield number


# None of these is the address of a good client.
SOURCES = [f"127.0.7.{number}" for number in range(1, 5)]


def datagrams(port, rate, message):
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.bind((SOURCES[0], 0))
        client.connect(("127.0.0.1", port))
        client.setblocking(False)
        for number in paced(rate):
            try:
                client.send(message(number))
                client.recv(4096)
            except OSError:
                pass


def malformed(ports, rate=300):
    """The messages of Tests/ProtocolCases, a good question with octets that are another, and noise."""
    recorded = [
        messages.message_octets(line) for section in tables.sections() for case in section.cases for group in case.groups
        for verb, text in group.lines if verb == "send" for line in messages.expanded(text)]
    generator = random.Random(1)

    def message(number):
        if number % 3 == 0:
            return generator.choice(recorded)[:60000]
        if number % 3 == 1:
            octets = bytearray(query(id=number & 0xFFFF))
            for _ in range(generator.randrange(1, 6)):
                octets[generator.randrange(len(octets))] = generator.randrange(256)
            return bytes(octets)
        return generator.randbytes(generator.randrange(600))
    datagrams(ports.clear, rate, message)


def subdomains(ports, rate=500):
    """Names that nobody has asked before, which have to be asked upstream; nobody waits for their answers."""
    generator = random.Random(2)
    datagrams(ports.clear, rate, lambda number: query(f"{generator.randbytes(8).hex()}.victim.test", id=number & 0xFFFF))


def idle(ports, count=200):
    """Connections that say nothing, or begin and say no more, and are given up after a while."""
    for number in paced(1):
        source = SOURCES[number % len(SOURCES)]
        streams = [
            stream for port in ports.all for octets in (b"", b"\0", HANDSHAKE) for stream in hold(port, count, octets, source)]
        time.sleep(5)
        for stream in streams:
            stream.close()


def slow(ports, count=30):
    """Connections that send an octet at a time: of a question, of a handshake."""
    streams = []
    for number in paced(20):
        while len(streams) < count:
            port = random.choice(ports.all)
            streams.append((hold(port, 1, b"", random.choice(SOURCES))[0], framed(query()) if port == ports.clear else HANDSHAKE))
        streams = [(stream, octets) for stream, octets in streams if takes(stream, octets[number % len(octets):][:1])]


def takes(stream, octets):
    try:
        stream.sendall(octets)
        return True
    except OSError:
        stream.close()
        return False


def knocking(port):
    """Connections that are opened and closed, as many as there can be."""
    for _ in paced(1000):
        streams = [socket.socket() for _ in range(8)]
        for stream in streams:
            stream.setblocking(False)
            stream.connect_ex(("127.0.0.1", port))
        time.sleep(0.0005)
        for stream in streams:
            stream.close()


ALL = (malformed, subdomains, idle, slow)


def begin(attack, target):
    """The process of one of them."""
    def run():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        attack(target)
    process = multiprocessing.get_context("fork").Process(target=run, name=attack.__name__, daemon=True)
    process.start()
    return process
