"""Pricing values as JSON and back, exactly: what is stored with a bill can be priced again years later."""

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from billing.pricing import (
    Bill,
    Calendar,
    Element,
    Line,
    Part,
    Period,
    Reading,
    Segment,
    Tariff,
    Usage,
)
from billing.stay import Hours, Terms

_MOMENTS = ("idle_from", "unplugged_at", "reserved_at")
_TERMS = {"grace_min", "exempt", "exempt_holidays", "penalty_max", "free_use_min"}


def tariff_to_json(tariff: Tariff) -> dict[str, Any]:
    """Terms stand in it only where there are any, so that values of before are the same as ever."""
    calendar = tariff.calendar
    terms = terms_to_json(tariff.terms)
    return ({"terms": terms} if terms else {}) | {
        "currency": tariff.currency,
        "elements": [
            {"part": e.part, "period": e.period, "price": f"{e.price:f}"} for e in tariff.elements
        ],
        "calendar": {
            "zone": calendar.zone,
            "on_from": calendar.on_from.isoformat(),
            "on_until": calendar.on_until.isoformat(),
            "off_peak_days": sorted(day.isoformat() for day in calendar.off_peak_days),
        },
    }


def tariff_from_json(value: dict[str, Any]) -> Tariff:
    calendar = value["calendar"]
    return Tariff(
        tuple(
            Element(Part(e["part"]), Decimal(e["price"]), Period(e["period"]))
            for e in value["elements"]
        ),
        Calendar(
            frozenset(date.fromisoformat(day) for day in calendar["off_peak_days"]),
            time.fromisoformat(calendar["on_from"]),
            time.fromisoformat(calendar["on_until"]),
            calendar["zone"],
        ),
        value["currency"],
        terms_from_json(value.get("terms", {})),
    )


def terms_to_json(terms: Terms) -> dict[str, Any]:
    """Only what differs from a price list without terms."""
    found: dict[str, Any] = {}
    if terms.grace_min:
        found["grace_min"] = terms.grace_min
    if terms.exempt:
        found["exempt"] = [[f"{h.start:%H:%M}", f"{h.end:%H:%M}"] for h in terms.exempt]
    if terms.exempt_holidays:
        found["exempt_holidays"] = True
    if terms.penalty_max is not None:
        found["penalty_max"] = f"{terms.penalty_max:f}"
    if terms.free_use_min:
        found["free_use_min"] = terms.free_use_min
    return found


def terms_from_json(value: Any) -> Terms:
    """``{"grace_min", "exempt": [["23:00", "06:00"]], "exempt_holidays", "penalty_max",
    "free_use_min"}``, each optional; ``ValueError`` for anything else."""
    if not isinstance(value, dict) or set(value) - _TERMS:
        raise ValueError("unknown terms")
    most = value.get("penalty_max")
    try:
        return Terms(
            _minutes(value.get("grace_min", 0)),
            tuple(
                Hours(time.fromisoformat(start), time.fromisoformat(end))
                for start, end in value.get("exempt", ())
            ),
            bool(value.get("exempt_holidays", False)),
            None if most is None else Decimal(str(most)),
            _minutes(value.get("free_use_min", 0)),
        )
    except (InvalidOperation, TypeError) as error:
        raise ValueError("terms make no sense") from error


def _minutes(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("minutes are a whole number")
    return value


def usage_to_json(usage: Usage) -> dict[str, Any]:
    moments = {name: getattr(usage, name) for name in _MOMENTS}
    told = {name: moment.isoformat() for name, moment in moments.items() if moment is not None}
    return told | {
        "start": usage.start.isoformat(),
        "end": usage.end.isoformat(),
        "wh": usage.wh,
        "readings": [[r.at.isoformat(), r.wh] for r in usage.readings],
    }


def usage_from_json(value: dict[str, Any]) -> Usage:
    return Usage(
        datetime.fromisoformat(value["start"]),
        datetime.fromisoformat(value["end"]),
        value["wh"],
        tuple(Reading(datetime.fromisoformat(at), wh) for at, wh in value["readings"]),
        *(datetime.fromisoformat(value[name]) if name in value else None for name in _MOMENTS),
    )


def lines_to_json(bill: Bill) -> list[dict[str, Any]]:
    return [_line_to_json(line) for line in bill.lines]


def _line_to_json(line: Line) -> dict[str, Any]:
    return {
        "part": line.part,
        "period": line.period,
        "quantity": line.quantity,
        "unit_price": f"{line.unit_price:f}",
        "amount": line.amount,
        "segments": [_segment_to_json(segment) for segment in line.segments],
    } | ({"capped": True} if line.capped else {})


def _segment_to_json(segment: Segment) -> dict[str, Any]:
    return {
        "period": segment.period,
        "start": segment.start.isoformat(),
        "end": segment.end.isoformat(),
        "wh_from": segment.wh_from,
        "wh_to": segment.wh_to,
        "start_measured": segment.start_measured,
        "end_measured": segment.end_measured,
    }
