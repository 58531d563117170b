"""What the page of one charge shows: the meter, the lines, the money, the curve, the story."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import AccountKind, Bill, Hold
from billing.pricing import Period
from billing.selectors import bills, documents
from billing.selectors.bills import Explanation
from core.models import Delivery
from evbilling import explained as words
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
from stations.selectors import cases, chargers
from users.access import Action, may

CURVE_CSS = {Period.ON_PEAK: "on", Period.OFF_PEAK: "offp", Period.ANY: "any"}


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of the bill's transfer: debit positive, credit negative."""

    word: str
    amount: int

    @property
    def credit(self) -> int:
        return -self.amount


def page(request: AdminRequest, session: Session) -> dict[str, Any]:
    """Everything the page shows; a refreshed part is cut out of the same."""
    bill = Bill.objects.select_related("tariff", "tax_entity").filter(session=session).first()
    row = SessionRow(session, bill, timezone.now())
    story = words.story(session, bill, office=True)
    explained = story.explained
    hold = bills.hold_of(session)
    online = _online(session)
    return {
        "session": session,
        "row": row,
        "bill": bill,
        "documents": list(documents.of_session(session.pk)) if bill else [],
        "explained": explained,
        "story": story,
        "money_sum": words.sum_word(story.way),
        "tariff": story.tariff,
        "unbilled_wh": bill.unbilled_wh if bill else (0 if row.running else story.beyond),
        **_postings(bill),
        "why_no_bill": "" if bill else why_no_bill(session, explained),
        "allowance_why": allowance_why(session, hold),
        "online": online,
        "plug": state_of(session.connector.status, online=online),
        "energy_curve": energy_curve(explained) if explained else None,
        "stop_command": _told(session.commands.order_by("-id").first()),
        "stop_reason": stop_reason(session.stop_reason),
        "timeline": happenings(story.facts),
        "cases": cases.open_cases(rows(request, Case.objects.filter(session=session))),
        # An ended charge waits for its bill, a moment later.
        "follow": row.running or (bill is None and session.customer is not None),
        "may_stop": may(request.admin, Action.STOP_SESSION),
        "may_ledger": may(request.admin, Action.VIEW_LEDGER) and request.admin.all_stations,
    }


def _online(session: Session) -> bool:
    machines = Charger.all_objects.filter(pk=session.charger_id)
    return chargers.online_of(chargers.with_online(machines).get())


def _postings(bill: Bill | None) -> dict[str, Any]:
    """What the bill moved in the ledger, and how much of it was not paid at once."""
    entries = bills.entries_of(bill) if bill else []
    owed = sum(e.amount for e in entries if e.account.kind == AccountKind.RECEIVABLE)
    return {
        "entries": [Posting(words.account_word(e.account.kind), e.amount) for e in entries],
        "owed": owed,
    }


def energy_curve(explained: Explanation) -> Curve | None:
    """kWh since the start, the prices' periods shaded."""
    usage = explained.usage
    points = [(r.at, r.wh / 1000) for r in words.distinct(usage.curve)]
    return curves.curve(
        points,
        usage.start,
        usage.end,
        zone=LOCAL,
        bands=[
            (CURVE_CSS[s.period], s.start, s.end, words.PERIODS[s.period])
            for s in explained.segments
        ],
        marks=[(b.at, clock(b.at)) for b in explained.borders],
    )


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
