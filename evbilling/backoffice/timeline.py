"""Facts in words: what happened at a charger or in a charge, for people to read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from core.models import Fact
from evbilling.backoffice.order_catalogue import BY_ACTION
from evbilling.states import STATES
from evbilling.templatetags.ui import baht, duration, kwh
from stations.models import CaseKind, CommandStatus

COMMAND_STATES: dict[str, tuple[str, str]] = {
    # status -> hue, icon; the words are in command_word()
    CommandStatus.QUEUED: ("wait", "clock"),
    CommandStatus.SENT: ("wait", "loader-2"),
    CommandStatus.ACCEPTED: ("ok", "check"),
    CommandStatus.REJECTED: ("bad", "x"),
    CommandStatus.TIMEOUT: ("bad", "clock"),
    CommandStatus.OFFLINE: ("off", "plug-connected-x"),
    CommandStatus.ERROR: ("bad", "alert-triangle"),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a timeline."""

    at: datetime
    css: str
    icon: str
    text: str
    detail: str = ""
    url: str = ""


def happenings(facts: Iterable[Fact]) -> list[Happening]:
    """Facts in words, in the order given; kinds nobody reads are left out."""
    rows = list(facts)
    lost = _lost_for(rows)
    found = []
    for fact in rows:
        words = _WORDS.get(fact.kind)
        if words is not None:
            found.append(words(fact, lost.get(fact.pk, "")))
    return found


def command_word(status: str) -> str:
    """The outcome of an order, as people say it."""
    return {
        CommandStatus.QUEUED: _("Waiting to be sent"),
        CommandStatus.SENT: _("Sent, waiting for the answer"),
        CommandStatus.ACCEPTED: _("Accepted"),
        CommandStatus.REJECTED: _("Rejected"),
        CommandStatus.TIMEOUT: _("No answer in time"),
        CommandStatus.OFFLINE: _("Charger offline, never sent"),
        CommandStatus.ERROR: _("Error"),
    }[CommandStatus(status)]


def _lost_for(rows: list[Fact]) -> dict[int, str]:
    """How long the line was away before each ``charger_online`` whose loss is in the list too."""
    lost: dict[int, str] = {}
    away: datetime | None = None
    for fact in sorted(rows, key=lambda f: (f.at, f.pk)):
        if fact.kind == "charger_offline":
            away = fact.at
        elif fact.kind == "charger_online":
            if away is not None:
                lost[fact.pk] = duration(fact.at - away)
            away = None
    return lost


def _online(fact: Fact, lost: str) -> Happening:
    text = _("Connected again after %(time)s") % {"time": lost} if lost else _("Came online")
    return Happening(fact.at, "ok", "plug-connected", text)


def _offline(fact: Fact, lost: str) -> Happening:
    return Happening(fact.at, "off", "plug-connected-x", _("Connection lost"))


def _booted(fact: Fact, lost: str) -> Happening:
    return Happening(fact.at, "ok", "power", _("Charger started up"), "BootNotification")


def _progress(fact: Fact, lost: str) -> Happening:
    return Happening(fact.at, "plug", "refresh", _("Charger reports"), str(fact.data.get("status")))


def _switched(fact: Fact, lost: str) -> Happening:
    on = bool(fact.data.get("enabled"))
    text = _("Opened for service") if on else _("Closed for service")
    return Happening(
        fact.at, "ok" if on else "out", "toggle-left", text, str(fact.data.get("by", ""))
    )


def _commissioned(fact: Fact, lost: str) -> Happening:
    if fact.data.get("status") == "done":
        return Happening(fact.at, "ok", "circle-check", _("Set-up done"))
    return Happening(fact.at, "wait", "alert-triangle", _("Set-up stopped"))


def _connector(fact: Fact, lost: str) -> Happening:
    state = STATES.get(str(fact.data.get("status")))
    number = fact.data.get("number")
    plug = _("Connector %(n)s") % {"n": number} if number else _("Charger")
    error = str(fact.data.get("error") or "NoError")
    return Happening(
        fact.at,
        state.css if state else "out",
        state.icon if state else "info-circle",
        f"{plug} · {state.word if state else fact.data.get('status')}",
        "" if error == "NoError" else error,
    )


def _tapped(fact: Fact, lost: str) -> Happening:
    return Happening(fact.at, "plug", "id-badge-2", _("A card was tapped"))


def _started(fact: Fact, lost: str) -> Happening:
    refusal = str(fact.data.get("refusal") or "")
    url = reverse("session", args=[fact.subject_id])
    if refusal:
        return Happening(fact.at, "bad", "ban", _("Charge refused"), refusal, url)
    return Happening(fact.at, "chg", "bolt", _("Charge started"), "", url)


def _ended(fact: Fact, lost: str) -> Happening:
    text = _("Charge ended, %(kwh)s kWh") % {"kwh": kwh(fact.data.get("energy_wh") or 0)}
    url = reverse("session", args=[fact.subject_id])
    return Happening(
        fact.at, "ok", "flag-check", text, stop_reason(str(fact.data.get("reason") or "")), url
    )


def _billed(fact: Fact, lost: str) -> Happening:
    text = _("Billed %(baht)s") % {"baht": baht(fact.data.get("total") or 0)}
    return Happening(
        fact.at, "ok", "receipt-2", text, "", reverse("session", args=[fact.subject_id])
    )


def _command(fact: Fact, lost: str) -> Happening:
    status = str(fact.data.get("status"))
    css, icon = COMMAND_STATES.get(status, ("out", "info-circle"))
    word = command_word(status) if status in CommandStatus.values else status
    action = str(fact.data.get("action"))
    order = BY_ACTION.get(action)
    return Happening(fact.at, css, icon, f"{order.label if order else action} · {word}", action)


def _case(fact: Fact, lost: str) -> Happening:
    kind = str(fact.data.get("case"))
    word = str(CaseKind(kind).label) if kind in CaseKind.values else kind
    return Happening(fact.at, "wait", "alert-triangle", _("Case opened"), word, reverse("cases"))


def _reservation(fact: Fact, lost: str) -> Happening:
    status = str(fact.data.get("status"))
    word = {
        "requested": _("Reservation asked for"),
        "reserved": _("Reservation confirmed"),
        "used": _("Reservation used"),
        "cancelled": _("Reservation cancelled"),
        "expired": _("Reservation expired"),
        "refused": _("Reservation refused"),
    }.get(status, status)
    number = fact.data.get("number")
    plug = _("Connector %(n)s") % {"n": number} if number else _("Charger")
    reason = str(fact.data.get("reason") or "")
    return Happening(fact.at, "rsv", "calendar-time", f"{plug} · {word}", reason)


def _security(fact: Fact, lost: str) -> Happening:
    return Happening(
        fact.at, "plug", "shield-lock", _("Security event"), str(fact.data.get("event"))
    )


_WORDS: dict[str, Callable[[Fact, str], Happening]] = {
    "charger_online": _online,
    "charger_offline": _offline,
    "charger_booted": _booted,
    "charger_progress": _progress,
    "charger_switched": _switched,
    "charger_commissioned": _commissioned,
    "security_event": _security,
    "connector_changed": _connector,
    "card_tapped": _tapped,
    "session_started": _started,
    "session_ended": _ended,
    "session_billed": _billed,
    "command_finished": _command,
    "case_opened": _case,
    "reservation_changed": _reservation,
}


def stop_reason(word: str) -> str:
    """Why a charge ended (OCPP 1.6 §7.36), as people say it; other words as they came."""
    return {
        "": "",
        "Local": _("Stopped at the charger"),
        "Remote": _("Stopped from here"),
        "EVDisconnected": _("The cable was pulled out"),
        "DeAuthorized": _("Permission was taken back"),
        "EmergencyStop": _("Emergency stop pressed"),
        "HardReset": _("The charger was reset (hard)"),
        "SoftReset": _("The charger was reset (soft)"),
        "PowerLoss": _("The power failed"),
        "Reboot": _("The charger restarted"),
        "UnlockCommand": _("The connector was unlocked"),
        "Other": _("Another reason"),
    }.get(word, word)
