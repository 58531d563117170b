"""What the page of one charge shows: the meter, the lines, the money, the curve, the story."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import AccountKind, Bill, Hold, HoldState
from billing.pricing import Part, Period, Reading
from billing.selectors import bills, documents
from billing.selectors.bills import Explanation
from core.models import Delivery
from evbilling.backoffice import curves
from evbilling.backoffice.curves import Curve
from evbilling.backoffice.gate import AdminRequest, rows
from evbilling.backoffice.moments import LOCAL
from evbilling.backoffice.session_rows import SessionRow
from evbilling.backoffice.timeline import COMMAND_STATES, command_word, happenings, stop_reason
from evbilling.states import State, state_of
from evbilling.templatetags.ui import baht, clock, kwh
from stations.models import Case, Charger, Command, Session
from stations.models.command import OPEN
from stations.selectors import cases, chargers, sessions
from users.access import Action, may

PERIODS = {Period.ON_PEAK: "On-Peak", Period.OFF_PEAK: "Off-Peak", Period.ANY: ""}
CURVE_CSS = {Period.ON_PEAK: "on", Period.OFF_PEAK: "offp", Period.ANY: "any"}


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of the bill's transfer: debit positive, credit negative."""

    word: str
    amount: int

    @property
    def credit(self) -> int:
        return -self.amount


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill in words: what, how much of it, times what, and what rounding did."""

    title: str
    quantity: str
    unit_price: Any
    exact: str
    amount: int
    rounded: bool


def page(request: AdminRequest, session: Session) -> dict[str, Any]:
    """Everything the page shows; a refreshed part is cut out of the same."""
    bill = Bill.objects.select_related("tariff", "tax_entity").filter(session=session).first()
    row = SessionRow(session, bill, timezone.now())
    explained, tariff_row = _explained(session, bill)
    hold = bills.hold_of(session)
    online = _online(session)
    return {
        "session": session,
        "row": row,
        "bill": bill,
        "documents": list(documents.of_session(session.pk)) if bill else [],
        "explained": explained,
        "lines": lines(explained) if explained else [],
        "tariff": tariff_row,
        "hold": hold,
        "hold_words": hold_words(hold, bill),
        "unbilled_wh": bill.unbilled_wh if bill else _beyond(row, explained),
        "vat_percent": f"{(explained.vat_rate * 100).normalize():f}" if explained else "",
        **_postings(bill),
        "why_no_bill": "" if bill else why_no_bill(session, explained),
        "allowance_why": allowance_why(session, hold),
        "online": online,
        "plug": state_of(session.connector.status, online=online),
        "energy_curve": energy_curve(explained) if explained else None,
        "stop_command": _told(session.commands.order_by("-id").first()),
        "stop_reason": stop_reason(session.stop_reason),
        "timeline": happenings(sessions.timeline(session)),
        "cases": cases.open_cases(rows(request, Case.objects.filter(session=session))),
        # An ended charge waits for its bill, a moment later.
        "follow": row.running or (bill is None and session.customer is not None),
        "may_stop": may(request.admin, Action.STOP_SESSION),
    }


def _online(session: Session) -> bool:
    machines = Charger.all_objects.filter(pk=session.charger_id)
    return chargers.online_of(chargers.with_online(machines).get())


def _explained(session: Session, bill: Bill | None) -> tuple[Explanation | None, Any]:
    if bill is not None:
        return bills.explain(bill), bill.tariff
    found = bills.explain_so_far(session)
    return found if found else (None, None)


def _beyond(row: SessionRow, explained: Explanation | None) -> int:
    """What has been delivered beyond the choice of a charge that is not billed yet."""
    return max(row.energy_wh - explained.usage.wh, 0) if explained and not row.running else 0


def _postings(bill: Bill | None) -> dict[str, Any]:
    """What the bill moved in the ledger, and how much of it was not paid at once."""
    entries = bills.entries_of(bill) if bill else []
    owed = sum(e.amount for e in entries if e.account.kind == AccountKind.RECEIVABLE)
    return {
        "entries": [Posting(account_word(e.account.kind), e.amount) for e in entries],
        "owed": owed,
    }


def account_word(kind: str) -> str:
    return {
        AccountKind.WALLET: _("Customer’s wallet"),
        AccountKind.RECEIVABLE: _("Owed by the customer"),
        AccountKind.CASH: _("Cash"),
        AccountKind.INCOME: _("Income"),
        AccountKind.VAT_OUTPUT: _("VAT to hand over"),
        AccountKind.BAD_DEBT: _("Bad debt"),
    }[AccountKind(kind)]


def lines(explained: Explanation) -> list[Line]:
    """The lines of a bill, each as quantity × price = amount."""
    found = []
    for item in explained.lines:
        line = item.line
        found.append(
            Line(
                part_word(line.part, line.period),
                quantity_word(line.part, line.quantity),
                line.unit_price,
                f"{item.exact.normalize():f}",
                line.amount,
                item.rounded,
            )
        )
    return found


def part_word(part: Part, period: Period) -> str:
    word = {
        Part.START: _("Start fee"),
        Part.FLAT: _("Fee per charge"),
        Part.ENERGY: _("Energy"),
        Part.TIME: _("Time"),
    }[part]
    return f"{word} {PERIODS[period]}".strip()


def quantity_word(part: Part, quantity: int) -> str:
    """Exact, not cut: the product with the price must come out."""
    if part is Part.ENERGY:
        return f"{quantity / 1000:,.3f} kWh"
    if part is Part.TIME:
        minutes, seconds = divmod(quantity, 60)
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}
    return _("once")


def energy_curve(explained: Explanation) -> Curve | None:
    """kWh since the start, the prices' periods shaded."""
    usage = explained.usage
    points = [(r.at, r.wh / 1000) for r in _distinct(usage.curve)]
    return curves.curve(
        points,
        usage.start,
        usage.end,
        zone=LOCAL,
        bands=[
            (CURVE_CSS[s.period], s.start, s.end, PERIODS[s.period]) for s in explained.segments
        ],
        marks=[(b.at, clock(b.at)) for b in explained.borders],
    )


def _distinct(readings: Iterable[Reading]) -> list[Reading]:
    """One point a moment: the last that was said."""
    return list({r.at: r for r in readings}.values())


def allowance_why(session: Session, hold: Hold | None) -> str:
    """What a charge may draw, and where that number comes from."""
    if session.allowance_wh is None:
        return _("No limit was set: it runs until the car or somebody ends it.")
    limit = kwh(session.allowance_wh)
    if session.chosen_wh is not None:
        return _("The customer chose %(kwh)s kWh; it may draw %(limit)s kWh.") % {
            "kwh": kwh(session.chosen_wh),
            "limit": limit,
        }
    if session.chosen_satang is not None:
        return _("The customer chose %(baht)s, which buys %(limit)s kWh at these prices.") % {
            "baht": baht(session.chosen_satang),
            "limit": limit,
        }
    held = baht(hold.amount) if hold else "–"
    return _("Nothing was chosen. The %(baht)s held for it buy %(limit)s kWh.") % {
        "baht": held,
        "limit": limit,
    }


def hold_words(hold: Hold | None, bill: Bill | None) -> list[tuple[datetime | None, str, int]]:
    """What happened to the money that was set aside: placed, used, given back."""
    if hold is None:
        return []
    where = _("in the wallet") if hold.account.kind == "wallet" else _("on the credit line")
    found: list[tuple[datetime | None, str, int]] = [
        (hold.placed_at, _("Set aside %(where)s") % {"where": where}, hold.amount)
    ]
    if hold.state == HoldState.OPEN:
        return found
    if hold.posted:
        found.append((hold.resolved_at, _("Used for this charge"), hold.posted))
    if back := hold.amount - hold.posted:
        found.append((hold.resolved_at, _("Free again"), back))
    return found


def why_no_bill(session: Session, explained: Explanation | None) -> str:
    """Why there is no bill (yet), and what that means."""
    if bills.is_running(session):
        return ""
    if session.customer is None:
        return _("Nobody is known to pay for this charge, so there is no bill. A case tells why.")
    if explained is None:
        return _("This station has no price list for this level, so no bill can be made.")
    stuck = Delivery.objects.filter(
        fact__kind="session_ended", fact__subject_id=session.pk, due__isnull=False
    ).first()
    if stuck is not None and stuck.alarming:
        return _("Making the bill has failed several times and waits for a retry: see Alarms.")
    return _("The bill is being made. This is what it will say.")


@dataclass(frozen=True, slots=True)
class Told:
    """The last order to stop this charge."""

    row: Command
    state: State
    waiting: bool


def _told(row: Command | None) -> Told | None:
    if row is None:
        return None
    css, icon = COMMAND_STATES[row.status]
    word = command_word(row.status)
    return Told(row, State(css, icon, word, word), row.status in OPEN)
