"""A charge as a row of any list: who, where, how much, what it cost, in which state."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Bill, PaymentStatus, PriceLevel
from billing.selectors import bills
from evbilling.states import State
from stations.models import Session, SessionStatus

RUNNING = State("chg", "bolt", gettext_lazy("Charging"), gettext_lazy("Charging"))
ENDED = State("out", "flag-check", gettext_lazy("Ended"), gettext_lazy("Ended"))
REFUSED = State("bad", "ban", gettext_lazy("Refused"), gettext_lazy("Refused"))
PAYMENTS: dict[str, State] = {
    PaymentStatus.PAID: State("ok", "check", gettext_lazy("Paid"), gettext_lazy("Paid")),
    PaymentStatus.POSTPAID: State(
        "out", "calendar", gettext_lazy("On the monthly bill"), gettext_lazy("Monthly bill")
    ),
    PaymentStatus.ARREARS: State(
        "bad", "alert-circle", gettext_lazy("In arrears"), gettext_lazy("In arrears")
    ),
    PaymentStatus.FREE: State(
        "out", "minus", gettext_lazy("Nothing to pay"), gettext_lazy("Nothing to pay")
    ),
}


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A charge with its bill, where there is one yet."""

    session: Session
    bill: Bill | None
    now: datetime

    @property
    def running(self) -> bool:
        return self.session.status == SessionStatus.ACTIVE and not self.session.refusal

    @property
    def state(self) -> State:
        if self.session.refusal:
            return REFUSED
        return RUNNING if self.running else ENDED

    @property
    def payment(self) -> State | None:
        return PAYMENTS[self.bill.payment_status] if self.bill else None

    @property
    def standing(self) -> State:
        """What matters of it now: that it runs or was refused, else how it stands with the money."""
        settled = None if self.running or self.session.refusal else self.payment
        return settled or self.state

    @property
    def who(self) -> str:
        """The customer, else the card that was tapped."""
        if self.session.customer is not None:
            return self.session.customer.name
        tag = self.session.id_tag
        return _("Card %(tag)s") % {"tag": f"••{tag[-4:]}"} if tag else _("Guest")

    @property
    def level(self) -> str:
        known = self.session.level in PriceLevel.values
        return str(PriceLevel(self.session.level).label) if known else self.session.level

    @property
    def place(self) -> str:
        """SJ-01/2: the charger and its plug."""
        return f"{self.session.charger.charge_point_id}/{self.session.connector.connector_id}"

    @property
    def length(self) -> timedelta:
        return (self.session.stopped_at or self.now) - self.session.started_at

    @property
    def energy_wh(self) -> int:
        """Final, or as of the newest reading."""
        if self.session.energy_wh is not None:
            return self.session.energy_wh
        live = getattr(self.session, "live", None)
        return live.energy_wh if live else 0


def rows_of(sessions: Iterable[Session]) -> list[SessionRow]:
    """Rows with their bills: one query more, however many."""
    found = list(sessions)
    made = bills.of_sessions([s.pk for s in found])
    now = timezone.now()
    return [SessionRow(s, made.get(s.pk), now) for s in found]
