"""The table of `tests/conformance/recorded.txt`: its steps, and how an answer is held against what AWS answered."""

import base64
import datetime
import json
import pathlib
import re
import time

TABLE = pathlib.Path(__file__).parent.parent / "conformance" / "recorded.txt"
NOW = int(time.time() * 1000)
WORDS = {"time": r"\d.*", "any": r".*", "hex64": r"[0-9a-f]{64}"}
HOLE = re.compile(r"\$[A-Za-z]\w*(?:\.\w+)?|<\w+>")
REPEATED = re.compile(r"<(.)\*(\d+)>")


class Step:
    """One call, AWS's answer to it if that was recorded, and why the sandbox answers otherwise if it does."""

    def __init__(self, text):
        call = re.fullmatch(r"(\w+)\.(\w+)(?:\*(\d+))?(?: as (\w+))? (\{.*\})", text)
        assert call, f"no call: {text}"
        self.service, self.operation, self.times, self.caller = call[1], call[2], int(call[3] or 1), call[4]
        self.members = json.loads(call[5])
        self.error = self.answer = self.differs = None
        self.fields = {}
        self.partial = False

    @property
    def is_row(self):
        return self.error is not None or self.answer is not None

    def expect(self, kind, text):
        if kind == "!":
            status, code, message = re.fullmatch(r"(\d+) ([\w.]+):(?: (.*))?", text).groups()
            self.error = [int(status), code, message or ""]
        elif kind == "&":
            self.fields = json.loads(text)
        elif kind in "=>":
            self.answer, self.partial = json.loads(text), kind == ">"
        else:
            code, reason = text.split(" ", 1)
            self.differs = (code, reason)


def scenes():
    """Steps by the title of their scene, in order."""
    lines = []
    for line in TABLE.read_text().splitlines():
        if line.startswith("    "):
            lines[-1] += " " + line.strip()
        elif line and not line.startswith("#"):
            lines.append(line)
    found = {}
    for line in lines:
        if line.startswith("== "):
            steps = found[line[3:]] = []
        elif line.startswith("  "):
            steps[-1].expect(line[2], line[4:])
        else:
            steps.append(Step(line))
    return found


def repeated(text):
    return REPEATED.sub(lambda found: found[1] * int(found[2]), text)


def numbered(value, count):
    text = json.dumps(value)
    return [json.loads(text.replace("<n>", str(number))) for number in range(count)]


def filled(value, known):
    """A request with what earlier answers told; `Name:json` is the text of its value, `Name:3` three of it."""
    if isinstance(value, dict):
        full = {}
        for name, inner in value.items():
            name, made = re.fullmatch(r"(.*?)(?::(json|\d+))?", name).groups()
            inner = filled(numbered(inner, int(made)) if made and made.isdigit() else inner, known)
            full[name] = json.dumps(inner) if made == "json" else inner
        return full
    if isinstance(value, list):
        return [filled(inner, known) for inner in value]
    if isinstance(value, str):
        if moment := re.fullmatch(r"<now([+-]\d+)?>", value):
            return NOW + int(moment[1] or 0)
        return HOLE.sub(lambda hole: known[hole[0]] if hole[0][0] == "$" else hole[0], repeated(value))
    return value


def plain(value):
    """An answer of boto3's as JSON has it."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return value.read().decode() if hasattr(value, "read") else value


def mismatch(expected, got, known, partial=False, at=""):
    """Where an answer is not as expected; None if it is. Learns what `$NAME` stands for where it is met first."""
    if isinstance(expected, dict):
        if isinstance(got, str):
            got = json.loads(got)
        if not isinstance(got, dict):
            return f"{at}: {got!r} instead of {expected}"
        shared = [name for name in expected if name in got]
        wrong = [mismatch(expected[name], got[name], known, partial, f"{at}.{name}") for name in shared]
        if missing := expected.keys() - got.keys():
            wrong.append(f"{at}: lacks {sorted(missing)}")
        if (more := got.keys() - expected.keys()) and not partial:
            wrong.append(f"{at}: has {sorted(more)} besides")
        return next(filter(None, wrong), None)
    if isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
            return f"{at}: {got!r} instead of {expected}"
        wrong = [mismatch(inner, got[n], known, partial, f"{at}[{n}]") for n, inner in enumerate(expected)]
        return next(filter(None, wrong), None)
    if isinstance(expected, str):
        new, pattern, behind = [], "", 0
        expected = repeated(expected)
        for hole in HOLE.finditer(expected):
            pattern += re.escape(expected[behind : hole.start()])
            behind, name = hole.end(), hole[0]
            if name[0] == "<":
                pattern += WORDS.get(name[1:-1], re.escape(name))
            elif name in known:
                pattern += re.escape(known[name])
            else:
                new.append(name)
                pattern += "(.+)"
        found = re.fullmatch(pattern + re.escape(expected[behind:]), str(got), re.DOTALL)
        if not found:
            return f"{at}: {got!r} instead of {expected!r}"
        known.update(zip(new, found.groups()))
        return None
    return None if expected == got and type(expected) is type(got) else f"{at}: {got!r} instead of {expected!r}"
