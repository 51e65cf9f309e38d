"""A client that asks thousands of questions a second as glibc's resolver does, in a process of its own.

What is not answered within five seconds, or with an error, is asked a second time, of another server where there is one; what
fails twice is lost. Every answer is held against what it has to be, so `wrong` counts those that no client should ever see.
"""

import collections
import multiprocessing
import os
import random
import select
import signal
import socket
import struct
import time
from live import PATIENCE, Reply, framed, query

# glibc's `timeout` and `attempts` (resolv.conf(5)).
TIMEOUT, ATTEMPTS = 5.0, 2
DATAGRAM_FLOWS, STREAM_FLOWS = 16, 4
LONGEST_TURN = 200
NOERROR, NXDOMAIN = 0, 3


class Question:
    """A name with the addresses it stands for.

    `*` as its first label is another label each time. With `may_be_gone` it is answered with at least one of the addresses,
    or as a name that has none.
    """

    def __init__(self, name, addresses, may_be_gone=False):
        self.name, self.may_be_gone = name, may_be_gone
        self.addresses = {socket.inet_aton(address) for address in addresses}
        self.fixed = None if name.startswith("*") else query(name, id=0)
        self.judged = {}

    def octets(self, number):
        return self.fixed or query(f"q{number:x}" + self.name[1:], id=0)

    def fault(self, asked, message):
        """What is wrong with an answer; None when nothing is."""
        end = len(asked)
        if message[12:end] != asked[12:]:
            return "another question" if message[3] & 15 in (NOERROR, NXDOMAIN) else f"failed with code {message[3] & 15}"
        # Few answers differ in more than what was asked.
        key = message[2:12] + message[end:]
        if key not in self.judged:
            if len(self.judged) > 10_000:
                self.judged.clear()
            self.judged[key] = self.judge(Reply(message))
        return self.judged[key]

    def judge(self, reply):
        found = [reply.message[start:end] for kind, _, _, start, end in reply.records() if kind == 1]
        if reply.rcode not in (NOERROR, NXDOMAIN):
            return f"failed with code {reply.rcode}"
        if not found:
            return None if self.may_be_gone else f"code {reply.rcode} without an address"
        is_right = reply.rcode == NOERROR and len(set(found)) == len(found) and (
            set(found) <= self.addresses if self.may_be_gone else set(found) == self.addresses)
        return None if is_right else "addresses " + " ".join(map(socket.inet_ntoa, found))


class Asked:
    """One question on its way."""

    __slots__ = ("question", "octets", "attempt", "begun", "flow", "id")

    def __init__(self, question, octets):
        self.question, self.octets, self.attempt, self.begun = question, octets, 0, time.monotonic()


class Flow:
    """A socket to one server, and what waits for an answer on it."""

    def __init__(self, client, port, is_stream):
        self.client, self.port, self.is_stream = client, port, is_stream
        self.waiting, self.next_id, self.incoming, self.outgoing = {}, random.randrange(65536), b"", b""
        self.is_open, self.is_retired = True, False
        self.socket = socket.socket(type=socket.SOCK_STREAM if is_stream else socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        if is_stream:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        elif os.geteuid() == 0:
            # A client that the machine keeps from running must not lose what it was sent (SO_RCVBUFFORCE).
            self.socket.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)
        self.socket.connect_ex(("127.0.0.1", port))
        client.flows[self.socket.fileno()] = self
        client.poll.register(self.socket, select.EPOLLIN | (select.EPOLLOUT if is_stream else 0))

    def ask(self, asked):
        while (id := self.next_id) in self.waiting:
            self.next_id = (id + 1) & 0xFFFF
        self.next_id = (id + 1) & 0xFFFF
        asked.flow, asked.id, self.waiting[id] = self, id, asked
        message = struct.pack("!H", id) + asked.octets[2:]
        if self.is_stream:
            if not self.outgoing:
                self.client.unsent.add(self)
            self.outgoing += framed(message)
            return
        try:
            self.socket.send(message)
        except OSError:
            pass  # As if it were lost on its way.

    def flush(self):
        try:
            self.outgoing = self.outgoing[self.socket.send(self.outgoing):]
        except BlockingIOError:
            pass
        except OSError:
            self.end()
        if self.is_open:
            self.client.poll.modify(self.socket, select.EPOLLIN | (select.EPOLLOUT if self.outgoing else 0))

    def ready(self, events):
        if self.is_stream and events & select.EPOLLOUT:
            self.flush()
        if not self.is_stream:
            try:
                # One: the poll says at once when there is more.
                self.client.answered(self, self.socket.recv(4096))
            except OSError:
                pass
            return
        try:
            while self.is_open and (message := self.socket.recv(65536)):
                self.incoming += message
                while len(self.incoming) >= 2 and len(self.incoming) >= (end := 2 + int.from_bytes(self.incoming[:2])):
                    message, self.incoming = self.incoming[2:end], self.incoming[end:]
                    self.client.answered(self, message)
            self.end()
        except BlockingIOError:
            pass
        except OSError:
            self.end()

    def rest(self):
        """Closes the socket of a server that is asked no more, once nothing waits for it."""
        if self.is_retired and not self.waiting:
            self.end()

    def end(self):
        """Closes the socket; a stream's end says at once that no answer will come."""
        if not self.is_open:
            return
        self.is_open = False
        self.client.poll.unregister(self.socket)
        del self.client.flows[self.socket.fileno()]
        self.socket.close()
        waiting, self.waiting = self.waiting, {}
        for asked in waiting.values():
            self.client.again(asked, "the connection ended")


class Asking:
    """The client's process."""

    def __init__(self, channel, questions, rate, streams):
        self.channel, self.questions, self.rate, self.streams = channel, questions, rate, streams
        self.poll, self.flows, self.datagrams, self.connections, self.unsent = select.epoll(), {}, {}, [], set()
        self.servers, self.deadlines, self.numbers, self.is_ending = [], collections.deque(), 0, False
        self.figures = {"asked": 0, "answered": 0, "again": 0, "again over UDP": 0, "lost": 0, "wrong": 0, "slowest": 0.0, "examples": []}

    def run(self):
        parent = os.getppid()
        self.listen()
        begun = time.monotonic()
        while not self.is_ending or self.deadlines:
            now = time.monotonic()
            if not self.is_ending:
                owed = int((now - begun) * self.rate) - self.numbers
                if owed > self.rate:
                    # What was not asked while the machine was busy is not asked later, on top of what is due then.
                    begun, owed = now - self.numbers / self.rate, 0
                for _ in range(min(owed, LONGEST_TURN)):
                    self.ask_next()
            # One that ends has its questions asked again, on others.
            unsent, self.unsent = self.unsent, set()
            for flow in unsent:
                if flow.is_open:
                    flow.flush()
            # As many rounds as there is something: who asks faster than it listens would find answers late.
            happened = self.poll.poll(0.001)
            while happened:
                for number, events in happened:
                    if flow := self.flows.get(number):
                        flow.ready(events)
                happened = self.poll.poll(0)
            self.expire(now)
            if self.channel.poll():
                self.listen()
            if os.getppid() != parent:
                return
        self.channel.send(self.figures)

    def listen(self):
        """Takes what the suite says: servers, a wish for figures, or None for the end."""
        told = self.channel.recv()
        if told is None:
            self.is_ending = True
        elif told == "figures":
            self.channel.send(self.figures)
        else:
            for port in set(self.servers) - set(told):
                for flow in self.datagrams.pop(port, []):
                    flow.is_retired = True
                    flow.rest()
            self.servers = told

    def ask_next(self):
        self.numbers += 1
        question = self.questions[self.numbers % len(self.questions)]
        self.figures["asked"] += 1
        self.ask(Asked(question, question.octets(self.numbers)), self.servers, random.random() < self.streams)

    def ask(self, asked, servers, is_stream):
        asked.attempt += 1
        flow = self.connection(servers, asked.attempt > 1) if is_stream else self.datagram(random.choice(servers))
        self.deadlines.append((time.monotonic() + TIMEOUT, asked, asked.attempt))
        flow.ask(asked)

    def datagram(self, port):
        flows = self.datagrams.setdefault(port, [])
        if len(flows) < DATAGRAM_FLOWS:
            flows.append(Flow(self, port, False))
        return random.choice(flows)

    def connection(self, servers, is_new):
        """A connection stays with the server that it was opened to until that closes it, as behind kube-proxy."""
        self.connections = [flow for flow in self.connections if flow.is_open]
        if is_new or len(self.connections) < STREAM_FLOWS:
            self.connections.append(Flow(self, random.choice(servers), True))
            return self.connections[-1]
        return random.choice(self.connections)

    def answered(self, flow, message):
        asked = flow.waiting.pop(int.from_bytes(message[:2]), None)
        if asked is None:
            return  # Late, and asked again since.
        fault = asked.question.fault(asked.octets, message) if len(message) >= 12 else "no message"
        if fault and fault.startswith("failed"):
            return self.again(asked, fault)
        asked.flow = None
        flow.rest()
        self.figures["answered"] += 1
        self.figures["slowest"] = max(self.figures["slowest"], time.monotonic() - asked.begun)
        if fault:
            self.figures["wrong"] += 1
            self.example(asked, fault)

    def again(self, asked, why):
        flow, asked.flow = asked.flow, None
        if asked.attempt == ATTEMPTS:
            self.figures["lost"] += 1
            return self.example(asked, f"lost: {why}")
        self.figures["again"] += 1
        self.figures["again over UDP"] += not flow.is_stream
        self.ask(asked, [port for port in self.servers if port != flow.port] or self.servers, flow.is_stream)

    def example(self, asked, fault):
        if len(self.figures["examples"]) < 10:
            self.figures["examples"].append(f"{asked.question.name}: {fault}")

    def expire(self, now):
        while self.deadlines and (self.deadlines[0][0] < now or self.deadlines[0][1].flow is None):
            _, asked, attempt = self.deadlines.popleft()
            if asked.flow is not None and asked.attempt == attempt:
                flow = asked.flow
                flow.waiting.pop(asked.id, None)
                self.again(asked, "no answer")
                flow.rest()


class Client:
    """The client as its suite sees it: asks `servers`, a list of ports, which may be replaced at any time."""

    def __init__(self, servers, questions, rate, streams=0.0):
        context = multiprocessing.get_context("fork")
        self.channel, other = context.Pipe()
        self.process = context.Process(target=self.body, args=(other, questions, rate, streams), daemon=True)
        self.process.start()
        self.begun = time.monotonic()
        self.ask(servers)

    @staticmethod
    def body(channel, *settings):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        Asking(channel, *settings).run()

    def ask(self, servers):
        self.channel.send(servers)

    def figures(self, told="figures"):
        """What was counted until now."""
        self.channel.send(told)
        if not self.channel.poll(5 * PATIENCE):
            raise RuntimeError("the asking client does not answer")
        return self.channel.recv()

    def stop(self):
        """Asks no more, waits for what is on its way, and gives the last figures, `rate` among them."""
        elapsed = time.monotonic() - self.begun
        figures = self.figures(None)
        return figures | {"rate": figures["asked"] / elapsed}
