"""How an amount came about, in words: the one explanation of the customer's page, the back office
and the API (features C8). ``billing`` has the figures; here they become sentences.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from billing.models import AccountKind, Bill, Tariff
from billing.money import to_baht
from billing.pricing import Part, Period, Reading
from billing.selectors import bills, money_way
from billing.selectors.bills import Explanation
from billing.selectors.money_way import MoneyWay, Move, Step
from core.models import Fact
from evbilling.templatetags.ui import baht
from stations.models import ConnectorStatus, Session
from stations.selectors import sessions

PERIODS = {Period.ON_PEAK: "On-Peak", Period.OFF_PEAK: "Off-Peak", Period.ANY: ""}
ONLY_OFFICE = frozenset({Step.FEE})  # the owner's cost is not the customer's business
NOT_PLUGGED = (ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE, ConnectorStatus.RESERVED)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill in words: what, how much of it, times what, and what rounding did."""

    title: str
    quantity: str
    unit_price: Any
    exact: str
    amount: int
    rounded: bool
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Happened:
    """One moment of the charge: plug, start, price border, stop, unplug. ``wh`` where it is known."""

    at: datetime
    key: str
    text: str
    detail: str = ""
    wh: int | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """One step of the money in words."""

    at: datetime | None
    step: str
    text: str
    detail: str
    amount: int
    transfer: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """All there is to say of what a charge cost. ``explained`` None: no price list applies."""

    session: Session
    bill: Bill | None
    explained: Explanation | None
    lines: list[Line]
    timeline: list[Happened]
    readings: list[Reading]
    money: list[Paid]
    way: MoneyWay
    vat: str
    delivered: int
    tariff: Tariff | None
    facts: list[Fact]

    @property
    def beyond(self) -> int:
        """Wh that were delivered and are not billed."""
        if self.bill is not None:
            return self.bill.unbilled_wh
        return max(self.delivered - self.explained.usage.wh, 0) if self.explained else 0

    @property
    def vat_percent(self) -> str:
        return f"{(self.explained.vat_rate * 100).normalize():f}" if self.explained else ""


def story(session: Session, bill: Bill | None, *, office: bool = False) -> Story:
    """The whole explanation; ``office`` also tells what only the owner is concerned with."""
    found = (bills.explain(bill), bill.tariff) if bill else bills.explain_so_far(session)
    explained, tariff = found or (None, None)
    facts = sessions.timeline(session)
    way = money_way.of_session(session, bill)
    energy = session.energy_wh if session.energy_wh is not None else session.live.energy_wh
    return Story(
        session=session,
        bill=bill,
        explained=explained,
        lines=lines(explained) if explained else [],
        timeline=timeline(session, explained, facts),
        readings=distinct(explained.usage.curve) if explained else [],
        money=money(way, office=office),
        way=way,
        vat=vat_words(explained) if explained else "",
        delivered=energy,
        tariff=tariff,
        facts=facts,
    )


# --- lines ----------------------------------------------------------------------------------------


def lines(explained: Explanation) -> list[Line]:
    """The lines of a bill, each as quantity × price = amount."""
    return [
        Line(
            part_word(item.line.part, item.line.period),
            quantity_word(item.line.part, item.line.quantity),
            item.line.unit_price,
            f"{item.exact.normalize():f}",
            item.line.amount,
            item.rounded,
            item.line.capped,
        )
        for item in explained.lines
    ]


def part_word(part: Part, period: Period) -> str:
    word = {
        Part.START: _("Start fee"),
        Part.FLAT: _("Fee per charge"),
        Part.ENERGY: _("Energy"),
        Part.TIME: _("Time"),
        Part.PARKING: _("Parking"),
        Part.PENALTY: _("Overstay"),
        Part.RESERVATION: _("Reservation"),
    }[part]
    return f"{word} {PERIODS[period]}".strip()


def quantity_word(part: Part, quantity: int) -> str:
    """Exact, not cut: the product with the price must come out."""
    if part is Part.ENERGY:
        return f"{quantity / 1000:,.3f} kWh"
    if part in (Part.TIME, Part.PENALTY):
        minutes, seconds = divmod(quantity, 60)
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}
    if part is Part.PARKING:
        hours, seconds = divmod(quantity, 3600)
        left = {"hours": hours, "minutes": seconds // 60, "seconds": seconds % 60}
        return _("%(hours)s h %(minutes)s min %(seconds)s s") % left
    return _("once")


def vat_words(explained: Explanation) -> str:
    """231.56 × 7 / 107 = 15.1488… → 15.15; '' without VAT."""
    rate = explained.vat_rate
    if not rate or not explained.total:
        return ""
    percent = (rate * 100).normalize()
    exact = to_baht(explained.total) * percent / (100 + percent)
    shown = exact.quantize(Decimal("0.0001"))
    more = "…" if shown != exact else ""
    return (
        f"{to_baht(explained.total):,.2f} × {percent:f} ÷ {100 + percent:f}"
        f" = {shown.normalize():f}{more} → {to_baht(explained.vat):,.2f}"
    )


def distinct(readings: Iterable[Reading]) -> list[Reading]:
    """One point a moment: the last that was said."""
    return list({r.at: r for r in readings}.values())


# --- what happened --------------------------------------------------------------------------------


def timeline(
    session: Session, explained: Explanation | None, facts: Iterable[Fact]
) -> list[Happened]:
    """Plug, start, price borders, the end of charging, stop, unplug: what is known of them."""
    found = [Happened(session.started_at, "start", _("Charging started"), wh=0)]
    plugged, unplugged = _plug(session, facts)
    if plugged is not None and plugged < session.started_at:
        found.append(Happened(plugged, "plug", _("Plugged in")))
    if explained is not None:
        found += [
            Happened(
                border.at, "border", _("The price changed"), _after(explained, border.at), border.wh
            )
            for border in explained.borders
        ]
        idle = explained.usage.idle_from
        if idle is not None and idle < (session.stopped_at or explained.usage.end):
            found.append(Happened(idle, "idle", _("The car took no more energy")))
    if session.stopped_at is not None:
        found.append(
            Happened(session.stopped_at, "stop", _("Charging ended"), "", session.energy_wh)
        )
        left = (explained.usage.unplugged_at if explained else None) or unplugged
        if left is not None and left >= session.stopped_at:
            found.append(Happened(left, "unplug", _("Unplugged")))
    return sorted(found, key=lambda h: h.at)


def _after(explained: Explanation, at: datetime) -> str:
    return next((PERIODS[s.period] for s in explained.segments if s.start == at), "")


def _plug(session: Session, facts: Iterable[Fact]) -> tuple[datetime | None, datetime | None]:
    """When the cable went in and out, where the charger said so. Kept half a year, as all facts."""
    plug = [f for f in facts if f.kind == "connector_changed"]
    before = [f for f in plug if f.at <= session.started_at]
    plugged = None
    for fact in reversed(before):
        if fact.data.get("status") in NOT_PLUGGED:
            break
        plugged = fact.at
    stopped = session.stopped_at
    after = [f.at for f in plug if stopped and f.at >= stopped and _free(f)]
    return plugged, after[0] if after else None


def _free(fact: Fact) -> bool:
    return fact.data.get("status") in NOT_PLUGGED


# --- money ----------------------------------------------------------------------------------------


def money(way: MoneyWay, *, office: bool = False) -> list[Paid]:
    return [
        Paid(move.at, move.step, move_word(move), _move_detail(move), move.amount, move.transfer)
        for move in way.moves
        if office or move.step not in ONLY_OFFICE
    ]


def move_word(move: Move) -> str:
    if move.step is Step.BILLED:
        return _billed_word(move.where)
    if move.step is Step.HELD:
        wallet = move.where == AccountKind.WALLET
        return _("Set aside in the wallet") if wallet else _("Set aside on the credit line")
    return {
        Step.OPENED: _("Payment asked for"),
        Step.CARD_HELD: _("Held on the card, not taken"),
        Step.PAID_IN: _("Paid"),
        Step.FEE: _("Fee of the payment gateway"),
        Step.USED: _("Used for this charge"),
        Step.FREED: _("Free again"),
        Step.CAPTURED: _("Taken from the card"),
        Step.RELEASED: _("Hold on the card released"),
        Step.LOST: _("Not collected: the owner’s loss"),
        Step.OWED_BACK: _("To be paid back"),
        Step.PAID_BACK: _("Paid back"),
    }[move.step]


def _billed_word(where: str) -> str:
    return {
        AccountKind.WALLET: _("Paid from the wallet"),
        AccountKind.GUEST_DEPOSIT: _("Billed, from what was paid before"),
        AccountKind.CARD_DUE: _("Billed to the card"),
        AccountKind.RECEIVABLE: _("Billed, owed by the customer"),
        AccountKind.BAD_DEBT: _("Billed, the owner’s loss"),
    }[AccountKind(where)]


def _move_detail(move: Move) -> str:
    if move.refund is None:
        return ""
    refund = move.refund
    if move.step is Step.OWED_BACK:
        return str(refund.get_reason_display())
    return str(refund.get_route_display())


def account_word(kind: str) -> str:
    """An account of the chart, for people."""
    return {
        AccountKind.WALLET: _("Customer’s wallet"),
        AccountKind.RECEIVABLE: _("Owed by the customer"),
        AccountKind.GUEST_DEPOSIT: _("Paid for charges to come"),
        AccountKind.REFUND_PAYABLE: _("To be paid back"),
        AccountKind.GATEWAY_CLEARING: _("At the payment gateway"),
        AccountKind.CARD_DUE: _("To be taken from cards"),
        AccountKind.BANK: _("Bank"),
        AccountKind.CASH: _("Cash"),
        AccountKind.INCOME: _("Income"),
        AccountKind.PARKING_INCOME: _("Income from parking"),
        AccountKind.PENALTY_INCOME: _("Income from penalties"),
        AccountKind.RESERVATION_INCOME: _("Income from reservations"),
        AccountKind.VAT_OUTPUT: _("VAT to hand over"),
        AccountKind.INPUT_VAT: _("VAT to claim back"),
        AccountKind.GATEWAY_FEE: _("Gateway fees"),
        AccountKind.BAD_DEBT: _("Bad debt"),
    }[AccountKind(kind)]


def sum_word(way: MoneyWay) -> str:
    """฿231.00 = ฿165.00 + ฿66.00 …; '' where nothing was paid in advance."""
    if not way.in_advance:
        return ""
    parts = [_("%(baht)s billed") % {"baht": baht(way.billed)}]
    if way.back:
        parts.append(_("%(baht)s paid back") % {"baht": baht(way.back)})
    if way.to_come_back:
        parts.append(_("%(baht)s on its way back") % {"baht": baht(way.to_come_back)})
    told = _("%(baht)s paid") % {"baht": baht(way.paid)}
    return f"{told} = {' + '.join(parts)}"
