"""Reads the tables of Tests/ProtocolCases, whose README says what stands in them, and writes the page made from them."""

import re
from live import ROOT
from protocol_messages import code_and_answer
from protocol_streams import codes_and_end
from protocol_web import short

FOLDER = ROOT / "Tests/ProtocolCases"
PAGE = ROOT / "docs/protocol-cases.md"
PEERS = ("nsd", "knot", "unbound", "coredns")
TITLES = {"nsd": "NSD", "knot": "Knot", "unbound": "Unbound", "coredns": "CoreDNS"}
TRANSPORTS = ("udp", "tcp", "dot", "doh")
ACTIONS = ("send", "stream", "http", "reply", "script")


class Group:
    """Lines that are acted on, and what is wanted of each of them or, where they are one exchange, of all."""

    def __init__(self, place, case):
        self.place, self.on, self.over, self.skips = place, case.on, case.over, dict(case.skips)
        self.client = case.client
        self.lines, self.wants, self.differs, self.ask = [], {}, {}, None

    def want(self, transport):
        return self.wants.get(transport, self.wants.get("all"))

    def record(self, peer, transport):
        """What the page says of a peer."""
        verb = self.lines[0][0]
        if peer in self.differs or verb == "script":
            return self.differs[peer][0] if peer in self.differs else "–"
        want = self.want(transport)
        return short(want) if verb == "http" else code_and_answer(want) if verb == "reply" else codes_and_end(want) if verb == "stream" else first_code(want)

    def code(self, peer, transport):
        """The code that is recorded for a peer."""
        return self.differs[peer][0] if peer in self.differs else first_code(self.want(transport))


def first_code(want):
    return re.split(r"[ ,]", want)[0] if want else None


class Case:
    def __init__(self, id, title, over, skips):
        self.id, self.title, self.over, self.on, self.skips = id, title, over, "base", dict(skips)
        self.client = "127.0.0.1"
        self.groups, self.notes = [], []


class Section:
    """One file: its title, the words below it, and its cases."""

    def __init__(self, path):
        self.path, self.title, self.words, self.cases = path, "", [], []
        self.over, self.skips = TRANSPORTS, {}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                self.read(line, f"{path.name}:{number}")
            except (ValueError, IndexError, AttributeError) as error:
                raise ValueError(f"{path.name}:{number}: {line.strip()}: {error!r}") from error

    def read(self, line, place):
        if line.startswith("# ") and not self.title:
            self.title = line[2:]
        elif line.startswith("# "):
            self.words.append(line[2:])
        elif not line.strip():
            pass
        elif not line.startswith(" "):
            id, title = line.split(None, 1)
            self.cases.append(Case(id, title.strip(), self.over, self.skips))
        else:
            word, _, rest = line.strip().partition(" ")
            self.take(word, rest.strip(), place)

    def take(self, word, rest, place):
        case = self.cases[-1] if self.cases else self
        group = case.groups[-1] if case is not self and case.groups else None
        if word == "over":
            case.over = tuple(rest.split())
        elif word == "on":
            case.on = rest
        elif word == "from":
            case.client = rest
        elif word == "note":
            case.notes.append(rest)
        elif word == "skip":
            peers, reason = rest.split(": ", 1)
            for peer in peers.split():
                known(peer, PEERS)
                (group or case).skips[peer] = reason
        elif word in ACTIONS or word == "ask":
            if not group or group.wants:
                case.groups.append(group := Group(place, case))
            if word == "ask":
                group.ask = rest
            else:
                group.lines.append((word, rest))
        elif word == "want":
            transports, colon, text = rest.partition(": ")
            if colon and all(word in (*TRANSPORTS, "again") for word in transports.split()):
                group.wants.update((transport, text) for transport in transports.split())
            else:
                group.wants["all"] = rest
        elif word == "differs":
            server, code, reason = re.fullmatch(r"(\w+) ([^:]+): (.+)", rest).groups()
            known(server, PEERS)
            group.differs[server] = (code, reason)
        else:
            raise ValueError(f"no such word: {word}")


def known(word, words):
    if word not in words:
        raise ValueError(f"{word} is none of {', '.join(words)}")


def sections():
    return [Section(path) for path in sorted(FOLDER.glob("[0-9]*.txt"))]


# The page


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def group_row(case, group, is_first):
    ours = [cell(group.wants["all"])] if "all" in group.wants else []
    ours += [f"{transport.upper() if transport in TRANSPORTS else transport}: {cell(text)}"
             for transport, text in group.wants.items() if transport != "all"]
    codes, reasons = [], []
    transport = next((way for way in group.over if way in ("udp", "tcp")), group.over[0])
    for peer in PEERS:
        if peer in group.skips:
            codes.append("–")
        else:
            codes.append(cell(group.record(peer, transport)))
        if peer in group.differs:
            reasons.append(f"{TITLES[peer]}: {cell(group.differs[peer][1])}")
    sent = "<br>".join(f"`{line if verb == 'send' else f'{verb} {line}'}`".replace("|", "\\|") for verb, line in group.lines)
    said = f"**{case.id}** {cell(case.title)}" if is_first else ""
    if is_first and case.notes:
        reasons = [cell(note) for note in case.notes] + reasons
    return f"| {said} | {sent} | {'<br>'.join(ours)} | {' | '.join(codes)} | {'<br>'.join(reasons)} |"


def page():
    """The text of docs/protocol-cases.md."""
    count = sum(len(section.cases) for section in sections())
    lines = [
        "# Malformed and unusual messages", "",
        "Made from the tables in [Tests/ProtocolCases](../Tests/ProtocolCases/README.md), which also explains how messages are",
        "written; the suite `protocol-cases` sends each over every transport that is named and keeps this page in step.", "",
        f"{count} cases. A dash: the case does not apply to that server, or it was not asked; the table says why.", ""]
    for section in sections():
        lines += [f"## {section.title}", ""]
        lines += section.words + [""] * bool(section.words)
        lines += ["| case | sent | this server | NSD | Knot | Unbound | CoreDNS | reasons |", "|---|---|---|---|---|---|---|---|"]
        for case in section.cases:
            lines += [group_row(case, group, index == 0) for index, group in enumerate(case.groups)]
        lines.append("")
    return "\n".join(lines)
