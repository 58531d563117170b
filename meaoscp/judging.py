"""Judges a step of the acceptance form by what went over the wire. Pure: no database, no clock.

A judge gets what was asked and what has been said since, and gives a verdict: wait, pass with the
remark that the form wants, or fail with a reason (a code of ``meaoscp.words``). Messages that no
step asks for are tolerated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from meaoscp import measuring
from meaoscp.form import FormStep, Kind

Payload = Mapping[str, Any]
ACCEPTED = "Accepted"
MOST_EARLY = timedelta(seconds=10)  # how far a charger's clock may be ahead of ours


class Outcome(Enum):
    WAIT = "wait"
    OK = "ok"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A CALL with its answer. ``inward``: the charger called. ``error``: the CALLERROR's code."""

    at: datetime
    message_id: str
    inward: bool
    action: str
    request: Payload
    answer: Payload | None
    error: str = ""

    @property
    def tag_status(self) -> str:
        """What an idTag was answered."""
        info = (self.answer or {}).get("idTagInfo")
        return str(info.get("status", "")) if isinstance(info, dict) else ""

    def is_for(self, id_tag: str) -> bool:
        """idTags are compared without regard to case (CiString)."""
        said = str(self.request.get("idTag", "")).strip()
        return said.upper() == id_tag.upper()


@dataclass(frozen=True, slots=True)
class Order:
    """What became of the request that this step sends. ``status`` is '' before it is sent."""

    status: str = ""
    payload: Payload = field(default_factory=dict)
    answer: Payload | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step is about. ``over``: its time is up. ``values``: what earlier steps of the test found."""

    step: FormStep
    connector: int
    connectors: Sequence[int]
    card: str
    stop_cards: Sequence[str]
    invalid_id_tag: str
    direct: bool
    limit: float
    now: datetime
    over: bool
    values: Payload
    order: Order = Order()
    connector_status: str = ""

    @property
    def transaction_id(self) -> Any:
        return self.values.get("transactionId")


@dataclass(frozen=True, slots=True)
class Verdict:
    """``at`` and ``messages`` are the evidence; ``values`` what later steps need of it."""

    outcome: Outcome
    remark: str = ""
    at: datetime | None = None
    messages: tuple[str, ...] = ()
    values: Payload = field(default_factory=dict)
    reason: str = ""
    reason_values: Payload = field(default_factory=dict)


Said = Sequence[Exchange]
WAIT = Verdict(Outcome.WAIT)


def judge(asked: Asked, said: Said) -> Verdict:
    """The verdict of now; one that still waits when the time is over becomes a failure."""
    verdict = _JUDGES[asked.step.kind](asked, said)
    # An order of ours ends by itself: answered, or with its own time limit.
    if verdict.outcome is Outcome.WAIT and asked.over and not asked.order.status:
        return _too_late(asked, said)
    return verdict


def _too_late(asked: Asked, said: Said) -> Verdict:
    kind = asked.step.kind
    if kind is Kind.STATUS:
        words = [str(e.request.get("status")) for e in _statuses(asked, said)]
        expected = " / ".join(asked.step.status)
        if not words:
            return fail("no_status", expected=expected)
        return fail("wrong_status", expected=expected, said=words[-1])
    if kind is Kind.STATUSES:
        heard = {e.request.get("connectorId") for e in _calls(said, "StatusNotification")}
        missing = [str(n) for n in asked.connectors if n not in heard]
        return fail("connectors_missing", missing=", ".join(missing))
    if kind is Kind.METER:
        return _measured_too_little(asked, said)
    if kind is Kind.FREE:
        return fail("not_free", status=asked.connector_status)
    if kind is Kind.REMOTE_START and not asked.order.status:
        return fail("not_plugged")
    return fail("nothing_came", action=_EXPECTED.get(kind, ""))


_EXPECTED = {
    Kind.BOOT: "BootNotification",
    Kind.HEARTBEAT: "Heartbeat",
    Kind.CARD_REFUSED: "Authorize",
    Kind.CARD_ACCEPTED: "Authorize",
    Kind.CARD_TO_STOP: "Authorize",
    Kind.STARTED: "StartTransaction",
    Kind.STOPPED: "StopTransaction",
}


def passed(exchange: Exchange, remark: str, **values: Any) -> Verdict:
    messages = (exchange.message_id,) if exchange.message_id else ()
    return Verdict(Outcome.OK, remark, exchange.at, messages, values)


def fail(reason: str, by: Exchange | None = None, **values: Any) -> Verdict:
    return Verdict(
        Outcome.FAIL,
        at=by.at if by else None,
        messages=(by.message_id,) if by and by.message_id else (),
        reason=reason,
        reason_values=values,
    )


def _calls(said: Said, action: str) -> list[Exchange]:
    """What the charger said of its own, in order of time."""
    return [e for e in said if e.inward and e.action == action]


def _list(payload: Payload, *names: str) -> str:
    """The values that the form wants in its Remark."""
    return ", ".join(f"{name} {payload[name]}" for name in names if name in payload)


# --- tests 1 to 3: the charger as a whole -----------------------------------------------------------


def _boot(asked: Asked, said: Said) -> Verdict:
    for call in _calls(said, "BootNotification"):
        if (call.answer or {}).get("status") != ACCEPTED:
            return fail("refused_by_us", call, action="BootNotification", answer=_answer(call))
        names = ("chargePointVendor", "chargePointModel")
        if missing := [name for name in names if not call.request.get(name)]:
            return fail("fields_missing", call, missing=", ".join(missing))
        more = ("chargePointSerialNumber", "chargeBoxSerialNumber", "firmwareVersion")
        return passed(call, _list(call.request, *names, *more))
    return WAIT


def _all_statuses(asked: Asked, said: Said) -> Verdict:
    newest: dict[int, Exchange] = {}
    for call in _calls(said, "StatusNotification"):
        number = call.request.get("connectorId")
        if isinstance(number, int):
            newest[number] = call
    if not newest or not set(asked.connectors) <= newest.keys():
        return WAIT
    remark = ", ".join(f"{n} {newest[n].request.get('status')}" for n in sorted(newest))
    last = max(newest.values(), key=lambda call: call.at)
    messages = tuple(newest[n].message_id for n in sorted(newest))
    return Verdict(Outcome.OK, remark, last.at, messages)


def _heartbeat(asked: Asked, said: Said) -> Verdict:
    for call in _calls(said, "Heartbeat"):
        return passed(call, _list(call.answer or {}, "currentTime"))
    return WAIT


def _card_refused(asked: Asked, said: Said) -> Verdict:
    """The right card is the one the form was started with; without one, any that we do not know."""
    for call in _calls(said, "Authorize"):
        if asked.invalid_id_tag and not call.is_for(asked.invalid_id_tag):
            continue
        if call.tag_status == "Invalid":
            return passed(call, f"idTag {call.request.get('idTag')}, Invalid")
    return WAIT


# --- a charge ------------------------------------------------------------------------------------------


def _card_accepted(asked: Asked, said: Said) -> Verdict:
    for call in said:
        if call.inward and call.action == "Authorize" and call.is_for(asked.card):
            if call.tag_status == ACCEPTED:
                return passed(call, f"idTag {call.request['idTag']}, Accepted")
            return fail("card_not_accepted", call, answer=_answer(call))
        if call.inward and call.action == "StartTransaction" and _here(asked, call):
            return fail("started_unasked", call)
    return WAIT


def _card_to_stop(asked: Asked, said: Said) -> Verdict:
    for call in said:
        if call.inward and call.action == "Authorize" and any(map(call.is_for, asked.stop_cards)):
            if call.tag_status == ACCEPTED:
                return passed(call, f"idTag {call.request['idTag']}, Accepted")
            return fail("card_not_accepted", call, answer=_answer(call))
        if _ends(asked, call):
            if call.request.get("reason", "Local") == "Local":
                return fail("stopped_unasked", call)
            return fail("ended_early", call, why=str(call.request.get("reason", "")))
    return WAIT


def _here(asked: Asked, call: Exchange) -> bool:
    return call.request.get("connectorId") == asked.connector


def _started(asked: Asked, said: Said) -> Verdict:
    for call in _calls(said, "StartTransaction"):
        if not call.is_for(asked.card):
            if _here(asked, call):
                return fail("other_card", call, id_tag=str(call.request.get("idTag", "")))
            continue
        if not _here(asked, call):
            return fail("other_connector", call, number=call.request.get("connectorId"))
        return _judge_start(asked, call)
    return WAIT


def _judge_start(asked: Asked, call: Exchange) -> Verdict:
    wanted = ["connectorId", "idTag", "timestamp", "meterStart"]
    if asked.step.reserved:
        wanted.append("reservationId")
    if missing := [name for name in wanted if call.request.get(name) in (None, "")]:
        return fail("fields_missing", call, missing=", ".join(missing))
    if asked.step.reserved and call.request["reservationId"] != asked.values.get("reservationId"):
        said = call.request["reservationId"]
        return fail("other_reservation", call, said=said, ours=asked.values.get("reservationId"))
    if call.error or call.tag_status != ACCEPTED:
        return fail("refused_by_us", call, action="StartTransaction", answer=_answer(call))
    number = (call.answer or {}).get("transactionId")
    remark = f"{_list(call.request, *wanted)}, transactionId {number}"
    return passed(call, remark, transactionId=number)


def _status(asked: Asked, said: Said) -> Verdict:
    for call in _statuses(asked, said):
        if call.request.get("status") in asked.step.status:
            return passed(call, _list(call.request, "connectorId", "status"))
    if asked.step.status == ("Charging",):
        return _ended_early(asked, said)
    return WAIT


def _statuses(asked: Asked, said: Said) -> list[Exchange]:
    return [call for call in _calls(said, "StatusNotification") if _here(asked, call)]


def _ends(asked: Asked, call: Exchange) -> bool:
    return (
        call.inward
        and call.action == "StopTransaction"
        and call.request.get("transactionId") == asked.transaction_id
    )


def _ended_early(asked: Asked, said: Said) -> Verdict:
    """A charge that ends before it was asked to: the rest of the test has nothing to look at."""
    for call in said:
        if _ends(asked, call):
            return fail("ended_early", call, why=str(call.request.get("reason", "Local")))
    return WAIT


def _meter_calls(asked: Asked, said: Said) -> list[Exchange]:
    """MeterValues of this charge; a transactionId that was left out counts by its connector."""
    return [
        call
        for call in _calls(said, "MeterValues")
        if _here(asked, call)
        and call.request.get("transactionId", asked.transaction_id) == asked.transaction_id
    ]


def _meter(asked: Asked, said: Said) -> Verdict:
    calls = _meter_calls(asked, said)
    found = measuring.read(call.request for call in calls)
    if not measuring.missing(found, asked.direct):
        messages = tuple(call.message_id for call in calls)
        remark = measuring.remark(found, asked.direct)
        values = measuring.figures(found)
        return Verdict(Outcome.OK, remark, calls[-1].at, messages, values)
    if sum(measuring.is_periodic(call.request) for call in calls) >= measuring.ENOUGH:
        return _measured_too_little(asked, said)
    return _ended_early(asked, said)


def _measured_too_little(asked: Asked, said: Said) -> Verdict:
    calls = _meter_calls(asked, said)
    if not calls:
        return fail("nothing_came", action="MeterValues")
    found = measuring.read(call.request for call in calls)
    missing = ", ".join(measuring.missing(found, asked.direct))
    return fail("measurands_missing", calls[-1], missing=missing)


def _stopped(asked: Asked, said: Said) -> Verdict:
    """A stop from the server names no card (OCPP 1.6 §6.47), so there idTag may be left out."""
    for call in said:
        if not _ends(asked, call):
            continue
        wanted = ["transactionId", "idTag", "timestamp", "meterStop"]
        missing = [name for name in wanted if call.request.get(name) in (None, "")]
        if asked.step.remote and "idTag" in missing:
            missing.remove("idTag")
        if missing:
            return fail("fields_missing", call, missing=", ".join(missing))
        if call.error:
            return fail("refused_by_us", call, action="StopTransaction", answer=_answer(call))
        remark = _list(call.request, *wanted)
        if "idTag" not in call.request:
            remark += ", idTag – (stop from the server)"
        return passed(call, remark)
    return WAIT


# --- what we order ----------------------------------------------------------------------------------------


def _ordered(asked: Asked, said: Said) -> Verdict:
    """Accepted by the charger: the call as it stands in the frame log, with its answer."""
    order = asked.order
    if order.status in ("", "queued", "sent"):
        return WAIT
    if order.status != "accepted":
        answer = str(
            (order.answer or {}).get("status") or (order.answer or {}).get("errorCode") or ""
        )
        return fail(f"order_{order.status}", action=asked.step.order, answer=answer)
    calls = [e for e in said if _is_ours(asked, e)]
    if not calls:
        # Frames are written a moment behind; after a crash they may be lost, the order is not.
        if order.sent_at is None or asked.now - order.sent_at < timedelta(seconds=5):
            return WAIT
        calls = [Exchange(order.sent_at, "", False, asked.step.order, order.payload, order.answer)]
    return passed(calls[-1], _order_remark(order.payload), **_order_values(order.payload))


def _is_ours(asked: Asked, call: Exchange) -> bool:
    same = not call.inward and call.action == asked.step.order
    return same and call.answer is not None and call.request == asked.order.payload


def _order_remark(payload: Payload) -> str:
    names = ("idTag", "connectorId", "reservationId", "expiryDate", "transactionId")
    return _list(payload, *names).replace("expiryDate", "expire")


def _order_values(payload: Payload) -> dict[str, Any]:
    return {k: payload[k] for k in ("reservationId", "expiryDate") if k in payload}


def _profile(asked: Asked, said: Said) -> Verdict:
    """Accepted, and what the charger measures afterwards keeps to it."""
    verdict = _ordered(asked, said)
    if verdict.outcome is not Outcome.OK or verdict.at is None:
        return verdict
    since = verdict.at
    calls = [call for call in _meter_calls(asked, said) if call.at > since]
    limit = measuring.Limit(asked.limit, asked.direct)
    newest = [(call, measuring.figures(measuring.read([call.request]))) for call in calls]
    known = [(call, figures) for call, figures in newest if limit.measured(figures) is not None]
    for call, figures in known:
        if limit.holds(figures):
            words = f"{limit}: {limit.shown(asked.values)} → {limit.shown(figures)}"
            return Verdict(Outcome.OK, words, call.at, (*verdict.messages, call.message_id))
    if asked.over:
        if known:
            return fail("limit_ignored", limit=str(limit), measured=limit.shown(known[-1][1]))
        return Verdict(Outcome.OK, f"{limit}: Accepted, not measured", since, verdict.messages)
    return _ended_early(asked, said)


def _expiry(asked: Asked, said: Said) -> Verdict:
    """Nothing may free the connector before the reservation's time."""
    expires = datetime.fromisoformat(str(asked.values["expiryDate"]).replace("Z", "+00:00"))
    began = datetime.fromisoformat(str(asked.values["reservedAt"]))
    early = min(MOST_EARLY, (expires - began) / 4)
    for call in _statuses(asked, said):
        if call.request.get("status") != "Reserved" and call.at < expires - early:
            return fail("freed_early", call, status=str(call.request.get("status")))
    if asked.now < expires:
        return WAIT
    return Verdict(Outcome.OK, f"expired {asked.values['expiryDate']}", expires)


def _free(asked: Asked, said: Said) -> Verdict:
    if asked.connector_status == "Available":
        return Verdict(Outcome.OK, at=asked.now)
    return WAIT


def _answer(call: Exchange) -> str:
    return call.error or call.tag_status or str((call.answer or {}).get("status", ""))


_JUDGES: dict[Kind, Callable[[Asked, Said], Verdict]] = {
    Kind.FREE: _free,
    Kind.BOOT: _boot,
    Kind.STATUSES: _all_statuses,
    Kind.HEARTBEAT: _heartbeat,
    Kind.CARD_REFUSED: _card_refused,
    Kind.CARD_ACCEPTED: _card_accepted,
    Kind.STARTED: _started,
    Kind.STATUS: _status,
    Kind.METER: _meter,
    Kind.CARD_TO_STOP: _card_to_stop,
    Kind.STOPPED: _stopped,
    Kind.REMOTE_START: _ordered,
    Kind.REMOTE_STOP: _ordered,
    Kind.RESERVE: _ordered,
    Kind.CANCEL: _ordered,
    Kind.EXPIRY: _expiry,
    Kind.PROFILE: _profile,
}
