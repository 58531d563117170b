"""A case's evidence in words: what happened, what it means for money, what to do."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from evbilling.backoffice.timeline import stop_reason
from evbilling.templatetags.ui import clock_s, day, kwh
from stations.findings import FINDINGS
from stations.models import Case, CaseKind, TransferKind


@dataclass(frozen=True, slots=True)
class Story:
    """``what`` happened, what it ``means``, what to ``do``; ``facts`` are the evidence by name."""

    what: str
    means: str
    do: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    readings: list[tuple[str, str]] = field(default_factory=list)


# What happened, what it means for money, what to do.
STORIES: dict[str, tuple[Promise, Promise, Promise]] = {
    CaseKind.UNKNOWN_STOP: (
        _("The charger reported the end of a charge that we never saw begin."),
        _("Nothing was billed for it."),
        _("Look at the charger's frames around this time; it may have been offline at the start."),
    ),
    CaseKind.REPEATED_STOP: (
        _("The charger reported the end twice, the second time with other numbers."),
        _("The bill was made from the first and has not been changed."),
        _("Compare the two meter values; correct the difference with the customer if it matters."),
    ),
    CaseKind.LATE_STOP: (
        _("The real end arrived after we had closed the charge at its last reading."),
        _("The bill was made from the first and has not been changed."),
        _("Compare the two meter values; correct the difference with the customer if it matters."),
    ),
    CaseKind.NO_STOP: (
        _("The charge ended without a word from the charger."),
        _("It was billed up to its last reading, never beyond."),
        _("Usually the power or the line failed. Check that the charger is well."),
    ),
    CaseKind.METER_FAULT: (
        _("The meter's register ran backwards during the charge."),
        _("Only the rises were counted; the fall was not."),
        _("Compare with the charger's display. A meter that does this again needs the maker."),
    ),
    CaseKind.ENERGY_DISPUTED: (
        _("The charger claims more energy than its meter proves."),
        _("Only what is proven was billed; the rest is not, unless you decide so."),
        _("Compare with the charger's display and the customer's car, then decide below."),
    ),
    CaseKind.UNIT_FAULT: (
        _("The readings rose a thousand times less than the power that was drawn."),
        _("Only what the register shows was billed: probably far too little."),
        _("If its display shows kWh, set the unit of its readings on the charger's Doctor page."),
    ),
    CaseKind.CLOCK_FAULT: (
        _("The charger's clock said that the charge ended before it began."),
        _("Our own time was used instead, also for On-Peak and Off-Peak."),
        _("Set the charger's clock, or restart it so that it takes ours."),
    ),
    CaseKind.NOT_AUTHORISED: (
        _("Energy was drawn although the start had been refused."),
        _("Nobody can be billed for it: the energy is the owner's loss."),
        _("Switch off offline starts in the charger's settings (AllowOfflineTxForUnknownId)."),
    ),
    CaseKind.SECURITY_EVENT: (
        _("The charger reported something that points to an attack or a weakness."),
        _("Charges and bills are not touched by it."),
        _("Look at the charger’s Security tab, and at the charger itself if it says tampering."),
    ),
    CaseKind.STAY_UNKNOWN: (
        _("The charger did not say when the car left the plug."),
        _("Parking and overstay were billed until the last moment that is known, never beyond."),
        _("If the customer complains, compare with a camera; see that the charger stays online."),
    ),
    CaseKind.STOP_IGNORED: (
        _("The charger went on although it was told several times to stop."),
        _("What it gave beyond the amount paid for is not billed."),
        _("Restart the charger; if it does this again, close it and call the maker."),
    ),
    CaseKind.TRANSFER_FAILED: (
        _("New firmware, diagnostics or a log did not get through, or could not be installed."),
        _("No charge is affected; the charger goes on with what it had."),
        _("Look at the charger's Files tab for the reason, then try again from there."),
    ),
}


def story_of(case: Case) -> Story:
    """The story of any case; a kind of a later version has its evidence only."""
    what, means, do = STORIES.get(case.kind, (case.get_kind_display(), "", ""))
    return Story(str(what), str(means), str(do), _facts(case.evidence), _readings(case.evidence))


def _readings(evidence: dict[str, Any]) -> list[tuple[str, str]]:
    """The registers around what went wrong, as read."""
    rows = evidence.get("readings")
    return [
        (_moment(str(at)), f"{kwh(wh, 3)} kWh")
        for at, wh in (rows if isinstance(rows, list) else ())
    ]


def _facts(evidence: dict[str, Any]) -> list[tuple[str, str]]:
    """The evidence row by row; what has no name of its own is shown as it came."""
    names = {
        "transaction_id": _("Transaction number"),
        "meter_start": _("Meter at the start"),
        "meter_stop": _("Meter at the end"),
        "energy_wh": _("Energy"),
        "claimed_wh": _("Claimed by the charger"),
        "disputed_wh": _("Not proven, not billed"),
        "possible_wh": _("Most the plug could give"),
        "drawn_wh": _("Power over time"),
        "faults": _("What was wrong"),
        "started_at": _("Began"),
        "stopped_at": _("Ended"),
        "timestamp": _("Time by the charger"),
        "received_at": _("Received at"),
        "reason": _("Reason given"),
        "id_tag": _("Card"),
        "refusal": _("Answer at the start"),
        "why": _("How we noticed"),
        "type": _("Event"),
        "tech_info": _("Details by the charger"),
        "file": _("File"),
        "status": _("The charger’s last word"),
        "detail": _("Reason given"),
    }
    order = list(names)
    rows = sorted(
        evidence.items(), key=lambda row: order.index(row[0]) if row[0] in names else len(order)
    )
    return [
        (str(names.get(key, key)), _value(key, value))
        for key, value in rows
        if value not in (None, "", []) and key != "readings"
    ]


def _value(key: str, value: Any) -> str:
    energy = key.endswith("_wh") or key in ("meter_start", "meter_stop")
    if energy and isinstance(value, int):
        return f"{kwh(value, 3)} kWh"
    if key in ("timestamp", "received_at", "started_at", "stopped_at"):
        return _moment(str(value))
    if key == "file" and value in TransferKind.values:
        return str(TransferKind(value).label)
    if key == "reason":
        return stop_reason(str(value))
    if key == "faults":
        return " ".join(str(FINDINGS[code].title) for code in value if code in FINDINGS)
    if key == "why":
        return _noticed(str(value))
    return str(value)


def _moment(text: str) -> str:
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    return f"{day(at)} {clock_s(at)}" if isinstance(at, datetime) and at.tzinfo else text


def _noticed(why: str) -> str:
    words = {
        "superseded": _("Another charge began on the same connector"),
        "connector_available": _("The connector has been free for some time"),
    }
    return str(words.get(why, why))
