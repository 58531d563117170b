"""The ways to pay at a plug, each with what may be chosen with it.

Whoever pays before the charge pays a guest's price: under *fixed price* the one in force now, for
all of it (features A4). A way is offered only where its gateway takes the sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.payments.base import Method
from billing.selectors import quotes
from billing.services import gateways, purchases
from evbilling.customer.chooser import BAHT_STEP, Bounds
from evbilling.templatetags.ui import baht, price
from stations.models import Connector

MEMBER = "member"
COOKIE = "way"


@dataclass(frozen=True, slots=True)
class Face:
    """How a way looks in the list and on the button; ``{x}`` is the sum."""

    icon: str
    name: str | Promise
    hint: str | Promise
    go: str | Promise


FACES: Mapping[str, Face] = {
    Method.PROMPTPAY.value: Face(
        "qrcode",
        _("PromptPay"),
        _("scan to pay, no sign-up"),
        _("Pay {x} with PromptPay"),
    ),
    Method.MOBILE_BANKING.value: Face(
        "device-mobile",
        _("Mobile banking"),
        _("opens your bank's app"),
        _("Pay {x} in the bank's app"),
    ),
    Method.CARD.value: Face(
        "credit-card",
        _("Credit card"),
        _("held first, only what you use is taken"),
        _("Hold {x} on a card"),
    ),
    MEMBER: Face("id-badge-2", _("Member"), _("RFID card"), _("Use a member card")),
}

# Names of the sources of mobile banking as people know their apps; others show their own word.
BANKS: Mapping[str, str] = {
    "mobile_banking_kbank": "K PLUS (KBank)",
    "mobile_banking_scb": "SCB EASY",
    "mobile_banking_bbl": "Bualuang mBanking",
    "mobile_banking_bay": "KMA (Krungsri)",
    "mobile_banking_ktb": "Krungthai NEXT",
}


@dataclass(frozen=True, slots=True)
class Way:
    """One row of the list. ``fixed``: one price for the whole charge."""

    value: str
    face: Face
    hint: str
    bounds: Bounds
    sources: tuple[tuple[str, str], ...] = ()
    fixed: bool = False

    @property
    def pays(self) -> bool:
        """Money before the charge; else a member's card comes first."""
        return self.value != MEMBER

    @property
    def least(self) -> str:
        """Why less cannot be chosen with it."""
        least = self.bounds.least_satang
        return (
            str(
                _("%(way)s takes at least %(money)s.")
                % {"way": self.face.name, "money": baht(least)}
            )
            if least > 1
            else ""
        )


def at(connector: Connector, member: Bounds | None, now: datetime) -> Sequence[Way]:
    """The ways in the order of the list; empty where nobody can pay before the charge.

    ``member``: what may be chosen with a card, None where members have no price here.
    """
    station = connector.charger.station
    offered = gateways.offered(station.tax_entity)
    if not offered or quotes.offer(station, "guest", now) is None:
        return ()
    quote = purchases.quote(connector, wh=None, satang=None)
    plan = quotes.plan(quote.tariff, now, connector.max_power_w)
    found = []
    for method in (Method.PROMPTPAY, Method.MOBILE_BANKING, Method.CARD):
        for one in offered:
            bounds = _bounds(plan, connector, one) if one.method == method else None
            if bounds is not None:
                face = FACES[method.value]
                banks = tuple((s, BANKS.get(s, s)) for s in one.capability.sources)
                found.append(
                    Way(method.value, face, str(face.hint), bounds, banks, quote.fixed_price)
                )
    if found and member is not None:
        found.append(Way(MEMBER, FACES[MEMBER], _member_hint(plan, member), member))
    return found


def chosen(ways: Sequence[Way], said: str) -> Way | None:
    """The way that was said, else the first."""
    return next((way for way in ways if way.value == said), ways[0] if ways else None)


def for_phone(way: Way) -> dict[str, Any]:
    """What the phone's sums need to know of a way; of a member's card the member's prices too."""
    bounds = way.bounds
    found: dict[str, Any] = {
        "go": str(way.face.go),
        "least": way.least,
        "pays": way.pays,
        "limits": {
            "kwh": [bounds.least_kwh, bounds.most_kwh, 1],
            "baht": [bounds.least_baht, bounds.most_baht, BAHT_STEP],
        },
    }
    if not way.pays:
        found |= quotes.for_phone(bounds.plan, most_wh=bounds.most_kwh * 1000, can_hold=None)
        unit = quotes.price_at(bounds.plan.tariff, bounds.plan.at).per_kwh
        found["full"] = price(unit)
    return found


def _bounds(plan: quotes.Plan, connector: Connector, one: gateways.Offered) -> Bounds | None:
    """What the gateway takes of what the plug gives; None where not even all of it is enough."""
    most = connector.charger.station.max_session_kwh
    most = quotes.affordable_kwh(plan, one.capability.most, most)
    least = 1 + quotes.affordable_kwh(plan, one.capability.least - 1, most)
    if most < 1 or least > most:
        return None
    return Bounds(
        plan,
        least_kwh=least,
        most_kwh=most,
        most_satang=quotes.to_hold(plan, most * 1000),
        can_hold=None,
        least_satang=one.capability.least,
    )


def _member_hint(plan: quotes.Plan, member: Bounds) -> str:
    """The member's price where it is another one."""
    guests = quotes.price_at(plan.tariff, plan.at)
    members = quotes.price_at(member.plan.tariff, member.plan.at)
    if (guests.per_kwh, guests.once) == (members.per_kwh, members.once):
        return str(FACES[MEMBER].hint)
    return f"{FACES[MEMBER].hint} · {price(members.per_kwh)} /kWh"
