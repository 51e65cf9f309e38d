#!/usr/bin/env python3
"""Forged replies: millions of each kind against the real server, whose upstream is slow; none is believed, the true one is.

    spoofing.py             everything
    spoofing.py ids late    only these kinds of forgery

Whoever forges here knows more than an attacker could: the port, the id and the question of the query under way, all but
the one thing that is wrong in the forgery.
"""

import collections
import ctypes
import queue
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import spoofing_chance
from forger import Forger, unread
from live import Reply, Server, Suite, eventually, extent, framed, free_port, query, receive_framed
from spoofing_kinds import FORGED, KINDS, STRANGERS, TRUE, Heard, answer, others, stranger, with_strangers

COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    prometheus 127.0.0.1:@METRICS@
    cache 3600
    forward . 127.0.0.1:UPSTREAM {
        max_fails 0
        read_timeout 5s
    }
}
"""
CLONE_NEWNET = 0x40000000
SWEEP = 65535  # Forged replies to one question: an id each, but for the true one.
LONGEST = 2.5  # Seconds of forging: a question lives for five.


class Upstream:
    """Answers truly, at once or, for names that are held, when it is told to; over UDP and TCP."""

    def __init__(self):
        self.port = free_port()
        self.datagrams = socket.socket(type=socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.held, self.arrived = {}, queue.Queue()
        self.asked = collections.Counter()  # Queries by name, over UDP and TCP.
        threading.Thread(target=self.serve_datagrams, daemon=True).start()
        threading.Thread(target=self.accept, daemon=True).start()

    def hold(self, name):
        """Answers nothing about `name` until the event that is given is set, and says of each query that it came."""
        self.held[name.lower()] = threading.Event()
        return self.held[name.lower()]

    def serve_datagrams(self):
        while True:
            message, client = self.datagrams.recvfrom(65535)
            heard = Heard(message, client[1], "udp", self.port)
            self.asked[heard.key] += 1
            may_answer = self.held.get(heard.key)
            if may_answer and not may_answer.is_set():
                self.arrived.put(heard)
            else:
                self.reply(heard)

    def reply(self, heard):
        message = with_strangers(heard.message) if heard.key.endswith("strangers.test") else answer(heard.message, TRUE)
        self.datagrams.sendto(message, ("127.0.0.1", heard.port))

    def accept(self):
        while True:
            stream, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        with stream:
            try:
                while message := receive_framed(stream):
                    threading.Thread(target=self.answer_later, args=(stream, message), daemon=True).start()
            except OSError:
                pass

    def answer_later(self, stream, message):
        heard = Heard(message, 0, "tcp", self.port)
        self.asked[heard.key] += 1
        if may_answer := self.held.get(heard.key):
            self.arrived.put(heard)
            may_answer.wait()
        try:
            stream.sendall(framed(answer(message, TRUE)))
        except OSError:
            pass


class Attack:
    """The server under attack, its upstream, and who forges that one's replies."""

    def __init__(self):
        self.upstream, self.server, self.servers = Upstream(), None, 0
        self.forgers = {"upstream": Forger(self.upstream.datagrams)}
        for source, address in (("another port", ("127.0.0.1", 0)), ("another address", ("127.0.0.2", self.upstream.port))):
            forging = socket.socket(type=socket.SOCK_DGRAM)
            forging.bind(address)
            self.forgers[source] = Forger(forging)
        self.client = socket.socket(type=socket.SOCK_DGRAM)
        self.client.settimeout(30)

    def start(self):
        """A new server, which suspects nobody."""
        if self.server:
            self.server.kill()
        self.server = Server(COREFILE.replace("UPSTREAM", str(self.upstream.port))).wait_for("ready.test")
        self.client.connect(("127.0.0.1", self.server.port))
        self.servers += 1

    def mismatched(self):
        """How many messages this server read that answered no question of its own."""
        return self.server.metric("coredns_forward_mismatched_replies_total") or 0

    def ask(self, name, kind=1):
        """The addresses of the answer to a question; nothing where none comes."""
        id = random.randrange(65536)
        self.client.send(query(name, kind, id=id))
        return self.hear(id)

    def hear(self, id):
        while True:
            try:
                message = self.client.recv(65535)
            except TimeoutError:
                return None
            if message[:2] == struct.pack("!H", id):
                reply = Reply(message)
                return [message[start:end] for kind, _, _, start, end in reply.records() if kind == 1]

    def under_way(self, name):
        """Asks for a name that the upstream does not answer yet; what it heard over UDP, and the query's id."""
        for _ in range(5):
            may_answer = self.upstream.hold(name)
            id = random.randrange(65536)
            self.client.send(query(name, id=id))
            while (heard := self.upstream.arrived.get(timeout=30)).key != name.lower():
                pass  # Of the question before.
            if heard.way == "udp":
                return heard, id, may_answer
            # It has been suspicious for a while, and asks over TCP, where there is nothing to forge.
            may_answer.set()
            self.start()
        raise RuntimeError("the server asks over TCP from the start")

    def round(self, kind, number, count):
        """One question, so many forged replies, then the true one; how many forged ones were taken."""
        name = f"N{number}.{kind.word}.test"
        heard, id, may_answer = self.under_way(name)
        forger = self.forgers[kind.source]
        volley = kind.volley(heard)
        if not kind.is_late:
            forger.send(volley, count, LONGEST, heard.port if kind.is_heard else None)
        eventually(lambda: not unread(heard.port))
        may_answer.set()
        self.upstream.reply(heard)
        while not self.upstream.arrived.empty():
            again = self.upstream.arrived.get()
            if again.way == "udp":
                self.upstream.reply(again)
        answers = [self.hear(id)]
        if kind.is_late:
            forger.send(volley, count, LONGEST, heard.port)
        asked = self.upstream.asked[heard.key]
        answers.append(self.ask(name))
        is_kept = self.upstream.asked[heard.key] == asked
        del self.upstream.held[heard.key]
        taken = sum(FORGED in (found or []) for found in answers)
        for other, type in others(name):
            taken += FORGED in (self.ask(other, type) or [])
        is_true = all(found == [TRUE] for found in answers)
        return taken, is_true and is_kept, answers


def forged(suite, attack, kind):
    """Millions of replies of one kind: none is answered or kept, the true reply always is."""
    whole = extent(SWEEP, 10_000_000)
    taken, lost, number, read, forger = 0, [], 0, 0, attack.forgers[kind.source]
    attack.start()
    forger.sent = 0
    while forger.sent < whole:
        server, before = attack.servers, attack.mismatched()
        count, is_true, answers = attack.round(kind, number, min(SWEEP, whole - forger.sent))
        taken, number = taken + count, number + 1
        read += attack.mismatched() - (before if server == attack.servers else 0)
        if not is_true:
            lost.append(answers)
    suite.equal(f"{kind.says}: questions without the true answer, then or from the cache", lost, [])
    suite.gate("G7", f"forged replies taken: {kind.says}", taken, 0, taken == 0,
        f"{forger.sent:,} forged replies to {number} questions, {read:,.0f} of them read")


def strangers(suite, attack):
    """Genuine answers with records that nobody asked for: those are neither passed on nor kept."""
    whole = extent(20_000, 10_000_000)
    attack.start()
    wrong, number = [], 0
    while number * STRANGERS < whole:
        # Many at once, each with an answer of its own.
        many = range(number, number + 64)
        for each in many:
            attack.client.send(query(f"{each}.strangers.test", id=each & 0xFFFF))
        for _ in many:
            message = attack.client.recv(65535)
            if TRUE not in message or FORGED in message or b"victim" in message or Reply(message).answers != 1:
                wrong.append(message)
        number += len(many)
    for name in map(stranger, range(STRANGERS)):
        if attack.ask(name) != [TRUE] or attack.upstream.asked[name] != 1:
            wrong.append(name)
    suite.equal("answers with records that nobody asked for, and such records kept", wrong, [])
    suite.gate("G7", "records taken that nobody asked for, in genuine replies", len(wrong), 0, not wrong,
        f"{number * STRANGERS:,} records in {number:,} replies")


def crowd(suite, attack):
    """A thousand clients ask for one name at once: one question goes upstream, so there is one to guess at."""
    clients = 1000
    attack.start()
    may_answer = attack.upstream.hold("birthday.test")
    sockets = []
    try:
        for index in range(clients):
            client = socket.socket(type=socket.SOCK_DGRAM)
            sockets.append(client)
            client.settimeout(30)
            client.sendto(query("BirthDay.Test" if index % 2 else "birthday.test", id=index), ("127.0.0.1", attack.server.port))
        waiting = lambda: attack.server.metric("coredns_forward_coalesced_total")
        eventually(lambda: waiting() == clients - attack.upstream.asked["birthday.test"])
        asked = attack.upstream.asked["birthday.test"]
        may_answer.set()
        while not attack.upstream.arrived.empty():
            attack.upstream.reply(attack.upstream.arrived.get())
        answers = collections.Counter(TRUE in client.recv(65535) for client in sockets)
    finally:
        for client in sockets:
            client.close()
    suite.equal("each of the thousand has the answer", answers, {True: clients})
    suite.gate("G7", "questions upstream when a thousand clients ask one at once", asked, 1, asked == 1, f"{clients} clients")


def new_network():
    """Moves this process into a network of its own, where every port is free; false where that is not permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not shutil.which("ip") or libc.unshare(CLONE_NEWNET):
        return False
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return True


def body(suite):
    wanted, has_network = sys.argv[1:], new_network()
    attack = Attack()
    for kind in KINDS:
        if kind.needs_own_network and not has_network:
            print(f"  {suite.name}: {kind.says}: not run: other programs have ports on this network", flush=True)
        elif not wanted or kind.word in wanted:
            forged(suite, attack, kind)
    if not wanted:
        strangers(suite, attack)
        crowd(suite, attack)
        attack.server.kill()
        spoofing_chance.ports_and_ids(suite, has_network)


if __name__ == "__main__":
    Suite("spoofing").run(body)
