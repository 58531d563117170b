"""An amount in words and numbers: lines, the stretches they cover, and what was read in between."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from billing import pricing
from billing.pricing import Part, Period
from billing.selectors.bills import Border, ExplainedLine, Explanation
from evbilling.api.fields import Moment, Money
from evbilling.templatetags.ui import clock_s

WHAT: dict[tuple[Part, Period], str | Promise] = {
    (Part.START, Period.ANY): _("For starting"),
    (Part.FLAT, Period.ANY): _("For the charge as a whole"),
    (Part.ENERGY, Period.ON_PEAK): _("Energy On-Peak (working days %(from)s–%(until)s)"),
    (Part.ENERGY, Period.OFF_PEAK): _("Energy Off-Peak (nights, weekends, holidays)"),
    (Part.ENERGY, Period.ANY): _("Energy"),
    (Part.TIME, Period.ON_PEAK): _("Time On-Peak (working days %(from)s–%(until)s)"),
    (Part.TIME, Period.OFF_PEAK): _("Time Off-Peak (nights, weekends, holidays)"),
    (Part.TIME, Period.ANY): _("Time"),
    (Part.PARKING, Period.ON_PEAK): _("Parking On-Peak (working days %(from)s–%(until)s)"),
    (Part.PARKING, Period.OFF_PEAK): _("Parking Off-Peak (nights, weekends, holidays)"),
    (Part.PARKING, Period.ANY): _("Parking"),
    (Part.PENALTY, Period.ON_PEAK): _("Overstay On-Peak (working days %(from)s–%(until)s)"),
    (Part.PENALTY, Period.OFF_PEAK): _("Overstay Off-Peak (nights, weekends, holidays)"),
    (Part.PENALTY, Period.ANY): _("Overstay"),
    (Part.RESERVATION, Period.ANY): _("Reservation"),
}
SUM: dict[Part, str | Promise] = {
    Part.START: _("%(what)s: %(price)s baht"),
    Part.FLAT: _("%(what)s: %(price)s baht"),
    Part.ENERGY: _("%(what)s: %(quantity)s kWh × %(price)s baht"),
    Part.TIME: _("%(what)s: %(quantity)s min × %(price)s baht"),
    Part.PARKING: _("%(what)s: %(quantity)s min × %(price)s baht per hour"),
    Part.PENALTY: _("%(what)s: %(quantity)s min × %(price)s baht"),
    Part.RESERVATION: _("%(what)s: %(price)s baht"),
}
CAPPED = _("The most a penalty may come to is reached.")
UNITS = dict.fromkeys(pricing.ONCE, "charge") | dict.fromkeys(pricing.PER, "s")
UNITS[Part.ENERGY] = "Wh"
PERIODS, PARTS = [p.value for p in Period], [p.value for p in Part]
MEASURED = _("Metered from %(from)s to %(to)s: %(wh)s Wh.")
STOOD = _("At the plug from %(from)s to %(to)s.")
SHARED = _(
    "At %(at)s nothing was read: shared by time between %(before)s (%(before_wh)s Wh) and"
    " %(after)s (%(after_wh)s Wh)."
)


class ReadingSerializer(serializers.Serializer[pricing.Reading]):
    """Wh since the start of the charge."""

    at = Moment()
    energy = serializers.IntegerField(source="wh")


class EndSerializer(serializers.Serializer[Any]):
    """One end of a stretch. ``between``: the two readings it is shared between, where none says it."""

    at = Moment()
    energy = serializers.IntegerField(help_text="Wh since the start of the charge.")
    meter = serializers.IntegerField(
        allow_null=True, help_text="The register in Wh; null where it ran backwards."
    )
    measured = serializers.BooleanField()
    between = ReadingSerializer(many=True)


class StretchSerializer(serializers.Serializer[Any]):
    """A stretch within one period. ``amount`` is exact: only a line's sum is rounded."""

    period = serializers.ChoiceField(choices=PERIODS)
    start = EndSerializer()
    end = EndSerializer()
    energy = serializers.IntegerField()
    seconds = serializers.IntegerField()
    amount = serializers.CharField()
    reason = serializers.CharField()


class LineSerializer(serializers.Serializer[Any]):
    """Quantity × unit price, rounded once. ``unit_price`` per kWh, minute or charge."""

    part = serializers.ChoiceField(choices=PARTS)
    period = serializers.ChoiceField(choices=PERIODS)
    quantity = serializers.IntegerField()
    unit = serializers.ChoiceField(choices=["Wh", "s", "charge"])
    unit_price = serializers.CharField()
    exact = serializers.CharField(help_text="Before rounding to the satang.")
    amount = Money()
    reason = serializers.CharField()
    segments = StretchSerializer(many=True)


class PriceSerializer(serializers.Serializer[Any]):
    """An amount and how it came about. VAT is inside the total, worked out once."""

    currency = serializers.CharField(default="THB")
    energy = serializers.IntegerField(help_text="Wh billed.")
    total = Money()
    net = Money()
    vat = Money()
    vat_rate = serializers.CharField()
    lines = LineSerializer(many=True)


def price_of(found: Explanation, meter_start: int | None) -> dict[str, Any]:
    """What ``PriceSerializer`` shows."""
    return {
        "currency": found.tariff.currency,
        "energy": found.usage.wh,
        "total": found.total,
        "net": found.net,
        "vat": found.vat,
        "vat_rate": f"{found.vat_rate.normalize():f}",
        "lines": [_Worded(found, meter_start).line(row) for row in found.lines],
    }


@dataclass(frozen=True)
class _Worded:
    """Lines and stretches of one explanation in the caller's language."""

    found: Explanation
    meter_start: int | None

    def line(self, row: ExplainedLine) -> dict[str, Any]:
        line = row.line
        calendar = self.found.tariff.calendar
        hours = {"from": f"{calendar.on_from:%H:%M}", "until": f"{calendar.on_until:%H:%M}"}
        words = {
            "what": str(WHAT[line.part, line.period]) % hours,
            "quantity": _quantity(line),
            "price": f"{line.unit_price:f}",
        }
        return {
            "part": line.part,
            "period": line.period,
            "quantity": line.quantity,
            "unit": UNITS[line.part],
            "unit_price": f"{line.unit_price:f}",
            "exact": f"{row.exact.normalize():f}",
            "amount": line.amount,
            "reason": " ".join(
                [str(SUM[line.part]) % words, *([str(CAPPED)] if line.capped else [])]
            ),
            "segments": [self.stretch(line, s) for s in line.segments],
        }

    def stretch(self, line: pricing.Line, part: pricing.Segment) -> dict[str, Any]:
        quantity = part.wh if line.part is Part.ENERGY else part.seconds
        start = self.end(part.start, part.wh_from, part.start_measured)
        end = self.end(part.end, part.wh_to, part.end_measured)
        told = str(MEASURED) % {
            "from": clock_s(part.start),
            "to": clock_s(part.end),
            "wh": part.wh,
        }
        if line.part in pricing.STAYING:
            told = str(STOOD) % {"from": clock_s(part.start), "to": clock_s(part.end)}
        shared = [self.shared(b) for b in self.borders() if b.at in (part.start, part.end)]
        return {
            "period": part.period,
            "start": start,
            "end": end,
            "energy": part.wh,
            "seconds": part.seconds,
            "amount": f"{(line.unit_price * quantity / pricing.PER[line.part]).normalize():f}",
            "reason": " ".join([told, *shared]),
        }

    def end(self, at: datetime, wh: int, measured: bool) -> dict[str, Any]:
        border = next((b for b in self.borders() if b.at == at), None)
        return {
            "at": at,
            "energy": wh,
            "meter": self.meter_start + wh if self.meter_start is not None else None,
            "measured": measured,
            "between": [border.before, border.after] if border else [],
        }

    def borders(self) -> Iterator[Border]:
        """Those that no reading tells."""
        return (b for b in self.found.borders if not b.measured)

    def shared(self, border: Border) -> str:
        before, after = border.before, border.after
        if before is None or after is None:
            return ""
        return str(SHARED) % {
            "at": clock_s(border.at),
            "before": clock_s(before.at),
            "before_wh": before.wh,
            "after": clock_s(after.at),
            "after_wh": after.wh,
        }


def _quantity(line: pricing.Line) -> str:
    if line.part is Part.ENERGY:
        return kwh(line.quantity)
    return f"{(Decimal(line.quantity) / pricing.PER.get(line.part, 1)).normalize():f}"


def kwh(wh: int) -> str:
    return f"{Decimal(wh) / 1000:.3f}"
