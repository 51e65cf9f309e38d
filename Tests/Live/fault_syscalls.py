#!/usr/bin/env python3
"""A kernel that says no every now and then, by strace: calls that are interrupted, without memory, buffers or descriptors.

Who asks again is answered, nothing ends the process, and once the kernel does as it should all is as before.
"""

import concurrent.futures
import pathlib
import shutil
import signal
import ssl
import subprocess
from api_faults import create_service
from faulty_proxy import Upstream, make_certificate
from live import (
    EXAMPLES, Lab, Reply, Server, Suite, connect, dig, eventually, exchange, extent, framed, free_port, numbers, query,
    receive_framed, work)
from steady_load import PromptUpstream

KNOWN, DATA = "kube-dns.kube-system.svc.cluster.local.", ["a 10.96.0.10"]
COREFILE = """
.:@PORT@ tls://.:%d {
    bind 127.0.0.1
    tls %s %s
    errors
    log
    health 127.0.0.1:@HEALTH@
    prometheus 127.0.0.1:@METRICS@
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
        snapshot %s
    }
    forward . 127.0.0.1:%d
}
"""
# Which calls fail with what; one in so many of each thread's. Not EAGAIN of `read`: no kernel gives it for a descriptor that
# epoll has reported, and wake-ups of libraries are read that way.
REFUSALS = (
    (("sendmmsg", "sendto", "sendmsg"), ("ENOBUFS", "EINTR", "EAGAIN"), 50),
    (("recvmmsg", "recvfrom", "recvmsg"), ("EINTR", "ENOMEM", "EAGAIN"), 50),
    (("socket", "connect"), ("ENOBUFS", "EMFILE", "EAGAIN"), 20),
    (("accept4", "accept"), ("EINTR", "ECONNABORTED", "ENFILE"), 20),
    (("epoll_wait", "epoll_pwait"), ("EINTR",), 10),
    (("read", "write", "writev"), ("EINTR",), 50),
    (("openat",), ("EMFILE", "ENOMEM", "EINTR"), 3),
    (("fsync", "rename", "pwrite64"), ("EIO", "ENOSPC"), 2),
)


def can_trace():
    if not shutil.which("strace"):
        return "strace is not installed"
    tried = subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", "trace=none", "true"], capture_output=True, text=True)
    return (tried.stderr.strip() or "no process may be traced") if tried.returncode else None


class Refusals:
    """While it is entered, calls of the process fail: of each thread the first, and then one in so many."""

    def __init__(self, pid, calls, error, one_in):
        self.pid = pid
        self.file = work / f"calls.{next(numbers)}"
        self.command = ["strace", "-f", "-qq", "-o", self.file, "-p", str(pid), "-e", "trace=" + ",".join(calls),
                        *(part for call in calls for part in ("-e", f"inject={call}:error={error}:when=1+{one_in}"))]

    def __enter__(self):
        self.tracer = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not eventually(self.is_attached):
            raise RuntimeError(f"strace does not trace {self.pid}")
        return self

    def is_attached(self):
        """Every thread of the process is traced."""
        return all("TracerPid:\t0\n" not in path.read_text() for path in pathlib.Path(f"/proc/{self.pid}/task").glob("*/status"))

    def __exit__(self, *_):
        self.tracer.send_signal(signal.SIGINT)
        self.tracer.wait()

    @property
    def count(self):
        """How many calls failed."""
        return self.file.read_text(errors="replace").count("(INJECTED)")


def asked(port, tls, context, name, first=0):
    """True when a client that asks up to six times, over one transport after the other, has its answer."""
    for attempt in range(first, first + 6):
        try:
            if attempt % 3 == 0:
                reply = exchange(port, query(name), 1)
            else:
                stream = connect(port if attempt % 3 == 1 else tls, 3)
                if attempt % 3 == 2:
                    stream = context.wrap_socket(stream)
                with stream:
                    stream.sendall(framed(query(name)))
                    octets = receive_framed(stream)
                    reply = Reply(octets) if octets else None
            if reply and reply.rcode == 0 and reply.answers == 1:
                return True
        except OSError:
            pass
    return False


def body(suite):
    if reason := can_trace():
        print(f"  {suite.name}: everything: not run: {reason}", flush=True)
        return suite.check("nothing to run", True)
    lab = Lab(manifests=EXAMPLES)
    upstream, resolver, tls = Upstream(lab.kubeconfig), PromptUpstream(), free_port()
    certificate, key = make_certificate("refusals")
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    corefile = COREFILE % (tls, certificate, key, work / "snapshot", resolver.port)
    server = Server(corefile, lab.kubeconfig).wait_for(KNOWN)
    number, counted = 0, []
    for calls, errors, one_in in REFUSALS:
        for error in errors:
            label = f"{error} of {calls[0]}"
            with Refusals(server.pid, calls, error, one_in) as refusals, concurrent.futures.ThreadPoolExecutor(4) as clients:
                names = [KNOWN if place % 2 else f"n{number + place}.elsewhere.test." for place in range(extent(40, 400))]
                number += len(names)
                got = list(clients.map(lambda place: asked(server.port, tls, context, names[place], place), range(len(names))))
                late, data = create_service(upstream)
                server.signal(signal.SIGUSR1)
                # A snapshot file is written within ten seconds of a change.
                eventually(lambda: refusals.count > 0, 15)
                changed = eventually(lambda: dig(server.port, late, "A", "+time=1").data == data, 20)
            counted.append((refusals.count, got.count(False)))
            suite.check(f"{label}: calls failed", refusals.count > 0)
            if not suite.check(f"{label}: the process lives", server.is_alive, server.log_end()):
                server = Server(corefile, lab.kubeconfig).wait_for(KNOWN)
                continue
            suite.check(f"{label}: who asks again is answered", got.count(False) <= len(got) // 20, f"{got.count(False)} of {len(got)} are not")
            suite.check(f"{label}: once it is over, a change is answered", changed or eventually(lambda: dig(server.port, late).data == data, 75), server.log_end())
            suite.check(f"{label}: once it is over, everybody is answered",
                eventually(lambda: all(asked(server.port, tls, context, name) for name in (KNOWN, "after.elsewhere.test.")), 20), server.log_end())
            suite.equal(f"{label}: once it is over, health", server.page(server.health_port, "/health")[0], 200)
    refused, unanswered = map(sum, zip(*counted))
    print(f"  {suite.name}: {number} questions while {refused} calls failed in {len(counted)} ways: {unanswered} without an "
          "answer after six attempts", flush=True)
    server.signal(signal.SIGUSR1)
    suite.check("a reload is taken", eventually(lambda: server.log.rstrip().endswith("Reloading complete") or "Reloading complete" in server.log[-3000:]), server.log_end())
    suite.equal("SIGTERM ends it", server.stop(), 0)


if __name__ == "__main__":
    Suite("fault-syscalls").run(body)
