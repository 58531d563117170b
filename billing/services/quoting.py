"""What a choice costs before it is paid: the price list shown, locked for ten minutes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import forecast, pricing
from billing.models import PriceLevel, Tariff
from billing.money import MAX_SATANG, to_baht
from billing.payments.base import Method
from billing.pricing import Element, Part, Period
from billing.services import gateways, tariffs
from billing.services.choices import BadQuantity, CannotPay, check_choice
from core.errors import Conflict
from stations.models import Connector, Station
from users.models import Customer

PRICE_LASTS = timedelta(minutes=10)
_BY_PERIOD = (Part.ENERGY, *forecast.TIMED)


class QuoteExpired(Conflict):
    """The price that was shown is older than ten minutes."""

    code = "quote_expired"
    message = _("The price was shown more than 10 minutes ago. Look at it again, then pay.")


@dataclass(frozen=True, slots=True)
class Quote:
    """What a choice costs at ``at``, to be paid until ``valid_until``. Satang and Wh.

    ``tariff`` is the value the charge is priced with: under ``fixed_price`` all periods cost what
    they cost when it was shown, else ``amount`` is the dearest case. ``row`` is the price list.
    """

    amount: int
    max_wh: int
    tariff: pricing.Tariff
    row: Tariff
    level: str
    at: datetime
    valid_until: datetime
    fixed_price: bool


def quote(
    connector: Connector,
    *,
    wh: int | None,
    satang: int | None,
    customer: Customer | None = None,
    method: Method | None = None,
    at: datetime | None = None,
) -> Quote:
    """The price of a choice (neither: until full). ``at``: when it was shown, at most 10 min ago.

    ``BadQuantity`` out of bounds or below what ``method`` takes; ``CannotPay("no_tariff")``;
    ``QuoteExpired`` (409) when ``at`` is too old.
    """
    now = timezone.now()
    at = now if at is None else min(at, now)
    if now - at > PRICE_LASTS:
        raise QuoteExpired
    station = connector.charger.station
    level = customer.level if customer else PriceLevel.GUEST.value
    found = tariffs.value(station, level, at)
    if found is None:
        raise CannotPay("no_tariff")
    row, listed = found
    tariff = at_one_price(listed, at) if station.prepaid_fixed_price else listed
    check_choice(station, wh, satang, tariff, drawn_wh=0)
    amount, max_wh = _bought(station, connector, tariff, wh, satang)
    if method is not None:
        check_method(station, method, amount)
    return Quote(
        amount, max_wh, tariff, row, level, at, at + PRICE_LASTS, station.prepaid_fixed_price
    )


def at_one_price(tariff: pricing.Tariff, at: datetime) -> pricing.Tariff:
    """The tariff with energy and time at the price in force at ``at``, whatever comes (features A4)."""
    period = tariff.calendar.period_at(at)
    kept = [e for e in tariff.elements if e.part not in _BY_PERIOD]
    fixed = [
        Element(part, tariff.unit_price(part, period), Period.ANY)
        for part in _BY_PERIOD
        if tariff.has(part)
    ]
    return replace(tariff, elements=(*kept, *fixed))


def check_method(station: Station, method: Method, amount: int) -> gateways.Offered:
    """The way to pay, if it is offered here and takes the amount."""
    way = next((o for o in gateways.offered(station.tax_entity) if o.method == method), None)
    if way is None:
        raise CannotPay("not_offered")
    can = way.capability
    if not can.takes(amount):
        raise BadQuantity(
            _("This way of paying takes between %(least)s and %(most)s baht."),
            field="satang",
            code="out_of_bounds",
            least=f"{to_baht(can.least):,.2f}",
            most=f"{to_baht(can.most):,.2f}",
        )
    return way


def _bought(
    station: Station,
    connector: Connector,
    tariff: pricing.Tariff,
    wh: int | None,
    satang: int | None,
) -> tuple[int, int]:
    """(satang, Wh): the dearest case of a choice; under one price it is the price itself."""
    most = station.max_session_kwh * 1000
    power = connector.max_power_w
    if satang is None:
        wh = most if wh is None else wh
        amount = forecast.dearest(wh, power, tariff)
        if not 0 < amount < MAX_SATANG:
            raise CannotPay("free")
        return amount, wh
    low, high = 0, most
    while low < high:  # the most energy whose dearest case the sum covers
        middle = (low + high + 1) // 2
        if forecast.dearest(middle, power, tariff) <= satang:
            low = middle
        else:
            high = middle - 1
    most_paid = forecast.dearest(most, power, tariff)
    if satang > most_paid:
        raise BadQuantity(
            _("At most %(most)s baht can be used here at once."),
            field="satang",
            most=f"{to_baht(most_paid):,.2f}",
        )
    if low == 0:
        raise BadQuantity(_("Choose a larger amount in baht."), field="satang")
    return satang, low
