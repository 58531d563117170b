"""What staying at the plug costs, in words: for the price pages and the customer's price card."""

from decimal import Decimal

from django.utils.translation import gettext as _

from billing.pricing import Part, Period, Tariff
from evbilling.templatetags.ui import baht, price


def of_list(tariff: Tariff) -> list[str]:
    """The terms of a price list: grace time, exempt hours, most, reservations."""
    terms, found = tariff.terms, []
    if tariff.has(Part.PENALTY):
        found.append(_("%(n)s min to unplug") % {"n": terms.grace_min})
        found += [
            _("no penalty %(from)s–%(until)s")
            % {"from": f"{hours.start:%H:%M}", "until": f"{hours.end:%H:%M}"}
            for hours in terms.exempt
        ]
        if terms.exempt_holidays:
            found.append(_("no penalty on public holidays"))
        if terms.penalty_max is not None:
            most = baht(int(terms.penalty_max * 100))
            found.append(_("penalty at most %(price)s") % {"price": most})
    if tariff.has(Part.RESERVATION):
        found.append(_reservation(tariff))
    return found


def for_driver(tariff: Tariff, period: Period) -> list[str]:
    """What a driver has to know before plugging in, at the prices of ``period``."""
    found = []
    if tariff.has(Part.PARKING):
        now = tariff.unit_price(Part.PARKING, period)
        found.append(_("Parking %(price)s per hour%(rest)s") % _both(tariff, Part.PARKING, now))
    if tariff.has(Part.PENALTY):
        now = tariff.unit_price(Part.PENALTY, period)
        words = _both(tariff, Part.PENALTY, now) | {"n": tariff.terms.grace_min}
        found.append(
            _("From %(n)s min after charging until unplugged: %(price)s per minute%(rest)s") % words
        )
        found += [", ".join(of_list(tariff)[1:])] if of_list(tariff)[1:] else []
    elif tariff.has(Part.RESERVATION):
        found.append(_reservation(tariff))
    return [line[:1].upper() + line[1:] for line in found]


def _both(tariff: Tariff, part: Part, now: Decimal) -> dict[str, object]:
    """The price now, and the other one where they differ."""
    on, off = (tariff.unit_price(part, p) for p in (Period.ON_PEAK, Period.OFF_PEAK))
    if on == off:
        return {"price": price(now), "rest": ""}
    other, word = (off, "Off-Peak") if now == on else (on, "On-Peak")
    rest = _(" (%(period)s %(price)s)") % {"period": word, "price": price(other)}
    return {"price": price(now), "rest": rest}


def _reservation(tariff: Tariff) -> str:
    fee = price(tariff.unit_price(Part.RESERVATION, Period.ANY))
    if not tariff.terms.free_use_min:
        return _("reservation %(price)s") % {"price": fee}
    words = {"price": fee, "n": tariff.terms.free_use_min}
    return _("reservation %(price)s, free when used within %(n)s min") % words
