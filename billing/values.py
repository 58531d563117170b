"""Pricing values as JSON and back, exactly: what is stored with a bill can be priced again years later."""

from datetime import date, datetime, time
from decimal import Decimal
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


def tariff_to_json(tariff: Tariff) -> dict[str, Any]:
    calendar = tariff.calendar
    return {
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
    )


def usage_to_json(usage: Usage) -> dict[str, Any]:
    return {
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
    }


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
