#!/usr/bin/env python3
"""What is said at the start about what is wrong: Corefiles, addresses, manifests; and what still works."""

import os
import re
import shutil
import signal
import socket
import subprocess
from live import BINARY, EXAMPLES, ROOT, Lab, Program, Server, Suite, dig, eventually, free_port, work

KUBERNETES = """
.:@PORT@ {
    bind 127.0.0.1
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
    }
}
"""
# Corefile, and the lines that must be named.
BROKEN = {
    "unknown directive": (".:%d {\n    bind 127.0.0.1\n    kubernete cluster.local\n}\n", [3]),
    "no number": (".:%d {\n    bind 127.0.0.1\n    whoami\n    cache 0\n}\n", [4]),
    "unknown option": (".:%d {\n    bind 127.0.0.1\n    forward . 127.0.0.1 {\n        max_fial 3\n    }\n}\n", [4]),
    "two mistakes": (".:%d {\n    bind 127.0.0.1\n    cache 0\n    whoami\n    reload 1\n}\n", [3, 5]),
    "open block": (".:%d {\n    bind 127.0.0.1\n    whoami\n", None),
}

# Modules of the embedded cluster and what only it uses, as they stand in the names of Swift symbols.
OF_THE_LAB = ("ClusterLab", "HummingbirdHTTP2")


def modules(program, names):
    """Those of the modules that the program has symbols of; None when it has none at all, or they cannot be read."""
    if not shutil.which("nm"):
        return None
    symbols = subprocess.run(["nm", program], capture_output=True, text=True).stdout
    swift = "\n".join(line for line in symbols.splitlines() if " $s" in line)
    return {name for name in names if re.search(rf"(?<!\d){len(name)}{name}", swift)} if swift else None


def lab_stands_beside(suite):
    """`cluster-dns lab` is the program beside it: nothing of it is in this one, and where it is absent that is said."""
    lab = BINARY.with_name("cluster-dns-lab")
    in_lab = modules(lab, OF_THE_LAB)
    if in_lab is None:
        print("  start: symbols of the programs: not run: nm finds none", flush=True)
    else:
        suite.equal("the embedded cluster is in its own program", in_lab, set(OF_THE_LAB))
        suite.equal("and nothing of it in cluster-dns", modules(BINARY, (*OF_THE_LAB, "DNSServer")), {"DNSServer"})

    def said(*words):
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr
    help_text = said(BINARY, "lab", "--help")
    suite.equal("lab --help is the lab's own", help_text, said(lab, "lab", "--help"))
    suite.check("and lists its flags", help_text[0] == 0 and "--generate" in help_text[1], help_text)
    suite.equal("exit codes are the lab's", said(BINARY, "lab", "--nonsense"), said(lab, "lab", "--nonsense"))

    alone = work / "alone/cluster-dns"
    alone.parent.mkdir()
    shutil.copy(BINARY, alone)
    for words in (["lab"], ["lab", "--help"], ["autoscale", "--simulate", work / "day.svg"]):
        code, output, error = said(alone, *words)
        suite.check(f"{words[0]} {words[-1]}: without the program beside it, its place and the remedy are named",
            code == 1 and not output and str(alone.with_name("cluster-dns-lab")) in error and "make build" in error, error)
    alone.unlink()
    drawing = work / "day.svg"
    suite.equal("autoscale --simulate", said(BINARY, "autoscale", "--simulate", drawing), (0, "", ""))
    suite.check("draws what the manual shows",
        drawing.read_text() == (ROOT / "docs/autoscaler-simulation.svg").read_text())


def pipes(suite):
    """A Corefile that can be read once is kept, as standard input is; one that does not come holds up no signal."""
    file = work / "Corefile.piped"
    for label, command in {
        "from a process": f"exec {BINARY} -conf <(cat {file})",
        "through /dev/stdin": f"cat {file} | exec {BINARY} -conf /dev/stdin",
        "through stdin": f"cat {file} | exec {BINARY} -conf stdin",
    }.items():
        port = free_port()
        file.write_text(f"piped.test:{port} {{\n    bind 127.0.0.1\n    whoami\n}}\n")
        pidfile = work / f"pid.{port}"
        program = Program("serve", ["bash", "-c", f"{command} -pidfile {pidfile}"])
        suite.check(f"a Corefile {label} is served",
            eventually(lambda: not program.is_alive or dig(port, "a.piped.test", "A", "+time=1").rcode == "NOERROR")
            and f"serving piped.test.:{port}" in program.log, program.log)
        os.kill(int(pidfile.read_text()), signal.SIGUSR1)
        suite.check(f"a Corefile {label} is there at a reload", eventually(lambda: "Reloading complete" in program.log), program.log)
        suite.equal(f"a Corefile {label} is served on", dig(port, "a.piped.test").rcode, "NOERROR")
        os.kill(int(pidfile.read_text()), signal.SIGTERM)
        suite.equal(f"a Corefile {label}: exit code", program.exit_code(), 0)
    is_quiet(suite)
    silent = work / "Corefile.silent"
    os.mkfifo(silent)
    pidfile = work / "pid.silent"
    for number in (signal.SIGTERM, signal.SIGINT):
        program = Program("serve", [BINARY, "-conf", silent, "-pidfile", pidfile])
        eventually(pidfile.exists)
        program.signal(number)
        suite.equal(f"{number.name} ends a start that waits for its Corefile", program.exit_code(), 0)
        pidfile.unlink()


def is_quiet(suite):
    """`-quiet` leaves out what is served and the version, as CoreDNS does, and nothing else."""
    lines = {}
    for flags in ((), ("-quiet",)):
        port, page = free_port(), free_port()
        file = work / f"Corefile.announced{len(flags)}"
        file.write_text(f"quiet.test:{port} {{\n    bind 127.0.0.1\n    hosts {work}/none\n    health 127.0.0.1:{page}\n}}\n")
        program = Program("serve", [BINARY, "-conf", file, *flags])
        suite.check(f"serves with {flags}", eventually(lambda: dig(port, "a.quiet.test", "A", "+time=1").rcode == "SERVFAIL"),
            program.log)
        program.signal(signal.SIGTERM)
        program.exit_code()
        lines[flags] = [line for line in program.log.splitlines() if "plugin/hosts" not in line]
        suite.check(f"a warning is said with {flags}", "plugin/hosts" in program.log, program.log)
    announced = [line for line in lines[()] if "serving quiet.test." in line or "cluster-dns-" in line]
    suite.equal("without -quiet zones and version are said", len(announced), 2)
    suite.equal("with -quiet they are not, and the rest is", lines[("-quiet",)], [line for line in lines[()] if line not in announced])


def body(suite):
    lab_stands_beside(suite)
    pipes(suite)
    for label, (text, lines) in BROKEN.items():
        file = work / f"Corefile.{label.replace(' ', '-')}"
        file.write_text(text % free_port())
        for command in (["serve", "-conf", file], ["check", file]):
            name = f"{label}, {command[0]}"
            program = Program(command[0], [BINARY, *command])
            suite.equal(f"{name}: exit code", program.exit_code(), 1)
            for line in lines or [r"\d+"]:
                suite.check(f"{name}: line {line} is named", re.search(rf"{re.escape(str(file))}:{line}\b", program.log),
                    program.log)
    examples = sorted((ROOT / "Corefile-examples").glob("*.Corefile"))
    checked = subprocess.run(
        [BINARY, "check", *examples], capture_output=True, text=True, cwd=ROOT,
        env={"KUBECONFIG": str(ROOT / "Tests/Live/nowhere.kubeconfig"), "PATH": "/usr/bin:/bin"})
    suite.equal("every example Corefile is accepted", (checked.returncode, checked.stdout + checked.stderr if checked.returncode else ""), (0, ""))

    missing = Program("serve", [BINARY, "serve", "-conf", work / "no-such-file"])
    suite.equal("a Corefile that is not there: exit code", missing.exit_code(), 1)
    suite.check("a Corefile that is not there is named", "no-such-file" in missing.log, missing.log)

    port = free_port()
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        file = work / "Corefile.taken"
        file.write_text(f".:{port} {{\n    bind 127.0.0.1\n    whoami\n}}\n")
        taken = Program("serve", [BINARY, "serve", "-conf", file])
        suite.equal("an address that is taken: exit code", taken.exit_code(), 1)
        suite.check("an address that is taken is named", str(port) in taken.log, taken.log)

    # One manifest cannot be read: it is named with its line, the others count.
    manifests = work / "manifests"
    shutil.copytree(EXAMPLES, manifests)
    (manifests / "broken.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata:\n  name: [unclosed\n")
    (manifests / "unknown.yaml").write_text("# a comment\napiVersion: example.org/v1\nkind: Gadget\nmetadata:\n  name: x\n")
    lab = Lab(manifests=manifests)
    suite.check("a malformed manifest is named with a line", re.search(r"broken\.yaml:\d+", lab.log), lab.log)
    suite.check("an unknown kind is named with its line", "unknown.yaml:2" in lab.log, lab.log)
    server = Server(KUBERNETES, lab.kubeconfig).wait_for("kube-dns.kube-system.svc.cluster.local.")
    suite.equal("the other manifests are loaded",
        dig(server.port, "store-be.shop.svc.cluster.local.").data, ["a 10.244.1.20"])

    absent = Program("lab", [BINARY, "lab", "--manifests", work / "no-such-folder"])
    suite.check("a manifest path that is not there ends the lab", absent.exit_code() not in (0, None), absent.log)
    suite.check("and is named", "no-such-folder" in absent.log, absent.log)


if __name__ == "__main__":
    Suite("start").run(body)
