"""What the live suites share: the programs under test and beside them, queries, deadlines and counts.

Every suite is a program of its own. It starts what it needs on ports of 127.0.0.1 that are free, decides by polling up
to a deadline, never by sleeping, and ends with the line `name: N passed, N failed`.
"""

import atexit
import base64
import concurrent.futures
import copy
import fcntl
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CLUSTER_DNS", ROOT / ".build/release/cluster-dns")).resolve()
EXAMPLES = ROOT / "deploy/examples"
NOWHERE = ROOT / "Tests/Live/nowhere.kubeconfig"

work = pathlib.Path(tempfile.mkdtemp(prefix="cluster-dns-live."))
started = []
numbers = itertools.count()  # Of files: no two programs share one, though threads start them at once.
taken = []  # Files whose locks say which ports are ours.
# A child that is forked while a port is tried would keep it.
trying = threading.Lock()
os.register_at_fork(before=trying.acquire, after_in_parent=trying.release, after_in_child=trying.release)


@atexit.register
def clean_up():
    for program in reversed(started):
        program.kill()
    shutil.rmtree(work, ignore_errors=True)


# A suite that is ended from outside takes its programs with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


# Counting


class Suite:
    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0

    def check(self, label, is_right, detail=""):
        if is_right:
            self.passed += 1
        else:
            self.failed += 1
            print(f"  {self.name}: FAILED: {label}" + (f": {detail}" if detail != "" else ""), flush=True)
        return bool(is_right)

    def equal(self, label, got, wanted):
        return self.check(label, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def gate(self, gate, what, figure, threshold, is_right, extent=""):
        """A check whose figure `make gates` puts into its table, beside what it has to keep to.

        `gate` is the gate's name, as in docs/gates.md; `extent` says over how much the figure was taken.
        """
        print(f"  gate: {gate} | {what} | {figure} | {threshold} | {'yes' if is_right else 'NO'} | {extent}", flush=True)
        return self.check(f"{gate}: {what}", is_right, f"got {figure}, allowed {threshold} ({extent})")

    def run_together(self, parts, at_once, *arguments):
        """Runs parts of the suite beside each other; one that breaks off does not end the others."""
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            running = {pool.submit(part, self, *arguments): part.__name__ for part in parts}
            for done in concurrent.futures.as_completed(running):
                if error := done.exception():
                    self.check(f"{running[done]} broke off", False, repr(error))

    def run(self, body):
        """Runs the suite's body; a suite that breaks off has failed."""
        try:
            body(self)
        except Exception:
            self.failed += 1
            print(f"  {self.name}: FAILED: broke off\n{traceback.format_exc()}", flush=True)
            for program in started:
                print(f"  log of {program.label}:\n{program.log_end()}", flush=True)
        print(f"{self.name}: {self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(self.failed > 0)


# How long anything may take that is only waited for. A machine that is busy with other things needs seconds for what
# is done at once elsewhere, and only a failure waits for all of it.
PATIENCE = 60.0


def extent(usual, whole):
    """How far a check goes: `usual` in a test run, `whole` where `make gates` asks for all of it."""
    return whole if os.environ.get("GATES") else usual


def eventually(condition, seconds=PATIENCE, pause=0.02):
    """The first true result of `condition`, or its last one at the deadline."""
    deadline = time.monotonic() + seconds
    while not (result := condition()) and time.monotonic() < deadline:
        time.sleep(pause)
    return result


def while_still(state, body, attempts=20):
    """What `body` gives while `state` stays as it is: asked again when something changed meanwhile."""
    for _ in range(attempts):
        before, result = state(), body()
        if state() == before:
            return result
    raise RuntimeError(f"nothing stood still in {attempts} attempts: {before}, then {state()}")


# Programs


def free_port():
    """A port that is free for UDP and TCP, below the range from which clients' ports come.

    It is this suite's until it ends: suites that run beside each other take ports by locking a file of the same name.
    """
    folder = pathlib.Path(tempfile.gettempdir()) / f"cluster-dns-ports.{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for _ in range(1000):
        port = random.SystemRandom().randrange(20000, 32000)
        lock = open(folder / str(port), "w")
        with trying, socket.socket(type=socket.SOCK_DGRAM) as datagrams, socket.socket() as streams:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                datagrams.bind(("127.0.0.1", port))
                streams.bind(("127.0.0.1", port))
                taken.append(lock)
                return port
            except OSError:
                lock.close()
    raise RuntimeError("no free port in 1000 attempts")


class Program:
    """A process whose output goes to a file, or to the descriptor `output`."""

    def __init__(self, label, arguments, environment=None, output=None):
        self.label = label
        self.log_path = work / f"{label}.{next(numbers)}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments], stdout=log if output is None else output, stderr=log,
                stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
        started.append(self)

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_end(self):
        return "".join(f"    {line}\n" for line in self.log.splitlines()[-15:])

    @property
    def is_alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def exit_code(self, seconds=PATIENCE):
        """The exit status, None when it still runs at the deadline."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, seconds=PATIENCE):
        if self.is_alive:
            self.signal(signal.SIGTERM)
        return self.exit_code(seconds)

    def kill(self):
        if self.is_alive:
            self.process.kill()
            self.process.wait()


class Lab(Program):
    """The embedded cluster; started when this returns."""

    def __init__(self, *arguments, manifests=None, kubeconfig=None):
        self.kubeconfig = kubeconfig or work / f"kubeconfig.{next(numbers)}"
        if manifests is not None:
            arguments = ("--manifests", manifests, *arguments)
        super().__init__("lab", [BINARY, "lab", *arguments, "--kubeconfig", self.kubeconfig])
        eventually(lambda: not self.is_alive or "ready" in self.log.splitlines())
        if not self.is_alive or "ready" not in self.log.splitlines():
            raise RuntimeError(f"the embedded cluster did not start\n{self.log_end()}")

    def ask(self, method, path, body=None, content_type="application/json"):
        """An open answer of the API, asked by the administrator."""
        text = self.kubeconfig.read_text()
        def value(key):
            return re.search(rf"^\s*{key}: (\S+)$", text, re.MULTILINE).group(1).strip('"')
        authority = base64.b64decode(value("certificate-authority-data")).decode()
        context = ssl.create_default_context(cadata=authority)
        request = urllib.request.Request(
            value("server") + path, method=method, data=body,
            headers={"Authorization": "Bearer " + value("token"), "Accept": "application/json",
                     "Content-Type": content_type})
        return urllib.request.urlopen(request, context=context, timeout=30)

    def get(self, path):
        """An object or list as the API gives it."""
        with self.ask("GET", path) as response:
            return json.load(response)

    @property
    def kubectl_environment(self):
        """This cluster, and a home of its own for what kubectl keeps."""
        home = work / "home"
        home.mkdir(exist_ok=True)
        return {"KUBECONFIG": str(self.kubeconfig), "HOME": str(home)}

    def kubectl(self, *arguments, given=None):
        """Exit status, output and errors."""
        done = subprocess.run(
            ["kubectl", "--request-timeout=20s", *map(str, arguments)], capture_output=True, text=True, timeout=180,
            input=given, env={**os.environ, **self.kubectl_environment})
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def fault(self, *faults):
        """Exactly these faults from now on; none ends them."""
        self.ask("PUT", "/lab/fault", "\n".join(faults).encode(), "text/plain").close()

    def service(self, name, namespace="shop"):
        return self.get(f"/api/v1/namespaces/{namespace}/services/{name}")["spec"]

    def pod_addresses(self, selector, namespace="shop"):
        pods = self.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")["items"]
        return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in pods}


class Server(Program):
    """`serve` with a Corefile in which @PORT@, @PORT2@, @METRICS@, @HEALTH@, @READY@ and @KUBECONFIG@ are filled in."""

    command = (BINARY, "serve")

    def __init__(self, corefile, kubeconfig=NOWHERE, output=None, file=None):
        self.port, self.second_port, self.metrics_port, self.health_port, self.ready_port = (free_port() for _ in range(5))
        self.kubeconfig = kubeconfig
        self.corefile = file or work / f"Corefile.{next(numbers)}"
        self.write(corefile)
        super().__init__("serve", [*self.command, "-conf", self.corefile], output=output)

    def successor(self):
        """Another process with the same Corefile, at the same addresses."""
        other = copy.copy(self)
        Program.__init__(other, "serve", [*self.command, "-conf", self.corefile])
        return other

    def filled(self, text):
        """A Corefile with every mark filled in."""
        for mark, value in {
            "@PORT@": self.port, "@PORT2@": self.second_port, "@METRICS@": self.metrics_port, "@HEALTH@": self.health_port,
            "@READY@": self.ready_port, "@KUBECONFIG@": self.kubeconfig,
        }.items():
            text = text.replace(mark, str(value))
        return text

    def write(self, text):
        """Replaces the Corefile in one step."""
        draft = self.corefile.with_name(f"{self.corefile.name}.new")
        draft.write_text(self.filled(text))
        draft.replace(self.corefile)

    def wait_for(self, name, kind="A", rcode="NOERROR", seconds=PATIENCE):
        """Waits for the first answer with `rcode`; a server that never gives it ends the suite."""
        if not eventually(lambda: not self.is_alive or dig(self.port, name, kind, "+time=1").rcode == rcode, seconds):
            raise RuntimeError(f"no {rcode} for {name} {kind} within {seconds} s")
        if not self.is_alive:
            raise RuntimeError("the server ended")
        return self

    def page(self, port, path, at="127.0.0.1"):
        """Status and text of an HTTP page of the server; (0, reason) when there is none."""
        try:
            with urllib.request.urlopen(f"http://{at}:{port}{path}", timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metric(self, name):
        """The sum of a metric's series; None when there is none."""
        text = self.page(self.metrics_port, "/metrics")[1]
        values = re.findall(rf"^{name}(?:{{[^\n]*}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, values)) if values else None


def serve_zone(zone, file):
    """An NSD with one zone; its port."""
    port = free_port()
    folder = work / f"nsd.{port}"
    folder.mkdir()
    Program("nsd", [ROOT / "Tests/Tools/serve-zone.sh", port, zone, file, folder])
    if not eventually(lambda: dig(port, zone, "SOA", "+time=1").rcode == "NOERROR"):
        raise RuntimeError(f"nsd does not serve {zone}")
    return port


class ScriptedUpstream:
    """A name server over UDP and TCP that answers every A query with 192.0.2.1, names under `slow` after a delay."""

    def __init__(self, delay, port=None):
        self.delay, self.port, self.asked = delay, port or free_port(), 0
        self.datagrams = socket.socket(type=socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        self.streams = socket.socket()
        self.streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.streams.bind(("127.0.0.1", self.port))
        self.streams.listen(64)
        threading.Thread(target=self.serve_datagrams, daemon=True).start()
        threading.Thread(target=self.accept, daemon=True).start()

    def reply_later(self, query, send):
        def reply():
            try:
                send(self.reply(query))
            except OSError:
                pass
        self.asked += 1
        if b"\x04slow" not in query[12:].split(b"\0")[0].lower():
            return reply()
        timer = threading.Timer(self.delay, reply)
        timer.daemon = True
        timer.start()

    @staticmethod
    def reply(query):
        end = question_end(query)
        header = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
        return header + query[12:end] + b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 60, 4) + bytes([192, 0, 2, 1])

    def serve_datagrams(self):
        while True:
            query, client = self.datagrams.recvfrom(65535)
            self.reply_later(query, lambda reply, client=client: self.datagrams.sendto(reply, client))

    def accept(self):
        while True:
            stream, _ = self.streams.accept()
            threading.Thread(target=self.serve_stream, args=(stream,), daemon=True).start()

    def serve_stream(self, stream):
        while query := receive_framed(stream):
            self.reply_later(query, lambda reply: stream.sendall(framed(reply)))


# Queries: dig and drill, two independent readers of an answer


class Answer:
    def __init__(self, output, rcode_mark):
        self.text = output
        found = re.search(rf"{rcode_mark}: (\w+)", output)
        self.rcode = found.group(1) if found else "NONE"
        found = re.search(r"flags: ([a-z ]*);", output)
        self.flags = set(found.group(1).split()) if found else set()
        self.extended_errors = [int(code) for code in re.findall(r"^; EDE: (\d+)", output, re.MULTILINE)]
        self.answer = self.section("ANSWER")
        self.authority = self.section("AUTHORITY")
        self.additional = self.section("ADDITIONAL")

    def section(self, name):
        """Records as (owner, ttl, type, data), all in lower case, sorted."""
        return sorted(self.records(self.lines(name)))

    def lines(self, name):
        found = re.search(rf"^;; {name} SECTION:\n((?:[^;\n].*\n?)*)", self.output_with_end, re.MULTILINE)
        return found.group(1) if found else ""

    @staticmethod
    def records(text):
        """As `section`, in the order of the text."""
        records = [line.lower().split(None, 4) for line in text.splitlines() if line and not line.startswith(";")]
        return [(owner, int(ttl), kind, " ".join(data.split())) for owner, ttl, _, kind, data in records]

    @property
    def first(self):
        """The answer's first record; None without one."""
        return next(iter(self.records(self.lines("ANSWER"))), None)

    @property
    def output_with_end(self):
        return self.text + "\n"

    @property
    def data(self):
        """The answer's records without owner and TTL: `type data`, sorted."""
        return sorted(f"{kind} {data}" for _, _, kind, data in self.answer)


def dig(port, name, kind="A", *options, at="127.0.0.1"):
    arguments = ["dig", f"@{at}", "-p", str(port), "+tries=1", "+time=15", "+nocookie", *options, "-q", name, "-t", kind]
    return Answer(subprocess.run(arguments, capture_output=True, text=True).stdout, "status")


def drill(port, name, kind="A", *options):
    """Asks with ldns' own tool, which decodes the answer with ldns."""
    arguments = ["drill", "-p", str(port), *options, "@127.0.0.1", name, kind]
    return Answer(subprocess.run(arguments, capture_output=True, text=True).stdout, "rcode")


# Messages as octets


def encoded_name(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def question(name="kube-dns.kube-system.svc.cluster.local", kind=1, klass=1):
    return encoded_name(name) + struct.pack("!HH", kind, klass)


def header(id=0x1234, flags=0x0100, questions=1, answers=0, authorities=0, additionals=0):
    return struct.pack("!HHHHHH", id, flags, questions, answers, authorities, additionals)


def query(name="kube-dns.kube-system.svc.cluster.local", kind=1, id=0x1234, flags=0x0100, klass=1):
    return header(id, flags) + question(name, kind, klass)


def opt(payload=1232, version=0, flags=0, options=b"", owner=b"\0", length=None):
    fixed = struct.pack("!HHBBHH", 41, payload, 0, version, flags, len(options) if length is None else length)
    return owner + fixed + options


def question_end(message):
    index = 12
    while message[index]:
        index += message[index] + 1
    return index + 5


class Reply:
    def __init__(self, message):
        self.message = message
        self.id, self.flags, self.questions, self.answers, self.authorities, self.additionals = struct.unpack(
            "!HHHHHH", message[:12])
        self.opcode = self.flags >> 11 & 15
        self.rcode = self.flags & 15
        self.opt = self.find_opt()
        if self.opt:
            self.rcode |= self.opt[1] >> 24 << 4

    def records(self):
        """Type, class, TTL and where the data begins and ends, of every record that can be read."""
        try:
            index = 12
            for _ in range(self.questions):
                index = self.skip_name(index) + 4
            for _ in range(self.answers + self.authorities + self.additionals):
                index = self.skip_name(index)
                kind, payload, ttl, length = struct.unpack("!HHIH", self.message[index:index + 10])
                index += 10 + length
                yield kind, payload, ttl, index - length, index
        except (IndexError, struct.error):
            return

    def find_opt(self):
        """The OPT record as (payload size, TTL field, options); None without one."""
        for kind, payload, ttl, start, end in self.records():
            if kind == 41:
                return payload, ttl, self.message[start:end]
        return None

    @property
    def without_serials(self):
        """The octets but for the serials of SOA records: the cluster may change between two questions."""
        octets = bytearray(self.message)
        for kind, _, _, start, end in self.records():
            if kind == 6 and end - start > 20:
                octets[end - 20:end - 16] = bytes(4)
        return bytes(octets)

    def skip_name(self, index):
        while self.message[index]:
            if self.message[index] >= 0xC0:
                return index + 2
            index += self.message[index] + 1
        return index + 1


def framed(message):
    return struct.pack("!H", len(message)) + message


def receive_exactly(stream, count):
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return data


def receive_framed(stream):
    """The next message of a stream; None at its end and when nothing comes for the stream's timeout."""
    try:
        length = receive_exactly(stream, 2)
        return receive_exactly(stream, struct.unpack("!H", length)[0]) if length else None
    except (ConnectionError, TimeoutError):
        return None


def connect(port, timeout=30.0):
    stream = socket.create_connection(("127.0.0.1", port), timeout)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def exchange(port, message, timeout=30.0):
    """One datagram there and one back; None when none comes."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.sendto(message, ("127.0.0.1", port))
        try:
            return Reply(client.recv(65535))
        except TimeoutError:
            return None
