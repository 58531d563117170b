"""An exported frame log through the parser: what this version would make of what was said then.

Nothing is written and no charger is needed. For each CALL of the charger: the frame, the decoder
of its action and, on request, the official schema. What the schema forbids and we accept is a
quirk; what we refuse is a refusal, whatever the server said at the time.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from stations.drivers.ocpp import frames, schemas
from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.handlers import ACTIONS

MOST_DETAIL = 160


@dataclass(frozen=True, slots=True)
class Finding:
    """``kind``: unreadable (a line that is no message), broken (no frame), refused, unknown, quirk."""

    kind: str
    action: str
    detail: str


@dataclass(slots=True)
class Report:
    """What was found, each with the first line it was found in and how often."""

    calls: Counter[str] = field(default_factory=Counter)
    found: Counter[Finding] = field(default_factory=Counter)
    first: dict[Finding, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """How many CALLs, or things that should have been, would not be taken."""
        return sum(n for f, n in self.found.items() if f.kind != "quirk")

    def add(self, line: int, finding: Finding) -> None:
        self.found[finding] += 1
        self.first.setdefault(finding, line)


def replay(lines: Iterable[str], *, validate: bool = False) -> Report:
    """Feed every CALL of the charger in a JSON Lines export."""
    report = Report()
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            message = orjson.loads(text)
            from_charger = message["direction"] == "in"
            kind = message["kind"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            report.add(number, Finding("unreadable", "", text[:40].strip()))
            continue
        if from_charger and kind in ("call", "broken"):
            for finding in _feed(report, message, validate):
                report.add(number, finding)
    return report


def _feed(report: Report, message: dict[str, Any], validate: bool) -> list[Finding]:
    """What is wrong with one message; empty where all is well."""
    text = _wire(message)
    try:
        frame = frames.parse(text)
    except frames.Broken as problem:
        return [Finding("broken", "", problem.description[:MOST_DETAIL])]
    if frame.kind != frames.CALL:
        return []
    if not bytes(frame.first).startswith(b'"'):
        return [Finding("refused", "", "FormationViolation: the action must be a string")]
    action = bytes(frame.first)[1:-1].decode("utf-8", "replace")
    report.calls[action] += 1
    known = ACTIONS.get(bytes(frame.first))
    if known is None:
        return [Finding("unknown", action, "")]
    try:
        payload = known[0].decode(frame.second)
        if isinstance(payload, m.MeterValues):
            for element in payload.meter_value:
                m.read_samples(element.sampled_value)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as problem:
        refusal = frames.violation(problem)
        return [Finding("refused", action, f"{refusal.code}: {refusal.description}"[:MOST_DETAIL])]
    return _quirks(action, message["payload"]) if validate else []


def _quirks(action: str, payload: Any) -> list[Finding]:
    """Where the official schema is stricter than we are."""
    try:
        errors = list(schemas.validator(action).iter_errors(payload))
    except FileNotFoundError:
        return []
    found = []
    for error in errors:
        path = ".".join("#" if isinstance(step, int) else str(step) for step in error.instance_path)
        detail = f"{path or 'payload'}: {error.message}"
        found.append(Finding("quirk", action, detail[:MOST_DETAIL]))
    return found


def _wire(message: dict[str, Any]) -> str:
    """The frame as it went over the wire; what was none is kept as it came."""
    if message["kind"] == "broken":
        return str(message.get("payload", ""))
    frame = [2, str(message.get("message_id", "")), message.get("action"), message.get("payload")]
    return orjson.dumps(frame).decode()
