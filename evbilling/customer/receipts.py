"""A finished charge: what came into the car and how its price came about, line by line.

The link's token is signed, so nobody finds another's; it shows money of this charge only, no
name and no balance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core import signing
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Bill, PaymentStatus
from billing.pricing import Part, Period
from billing.selectors import purchases
from evbilling.templatetags.ui import clock, kwh, price
from stations.models import ConnectorStatus, Session, SessionStatus
from stations.selectors import visits
from stations.selectors.visits import Place

_signer = signing.Signer(salt="customer.receipt", sep=".")

NAMES: dict[Part, str | Promise] = {
    Part.START: gettext_lazy("Start fee"),
    Part.FLAT: gettext_lazy("Fee per charge"),
    Part.ENERGY: gettext_lazy("Charging fee"),
    Part.TIME: gettext_lazy("Time at the plug"),
}
PERIODS = {Period.ON_PEAK: "On-Peak", Period.OFF_PEAK: "Off-Peak", Period.ANY: ""}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what for, how it was worked out, when, and the satang."""

    name: str
    arithmetic: str
    when: str
    satang: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """``bill`` is None for the moment until it is priced, and where nobody is to pay."""

    session: Session
    bill: Bill | None
    lines: Sequence[Line]
    net: int
    vat_percent: Decimal
    soc: tuple[int, int] | None
    move_the_car: bool
    token: str
    bought: bool = False

    @property
    def number(self) -> str:
        """What the station's office can find it by."""
        return f"#{self.session.transaction_id}"

    @property
    def length(self) -> timedelta:
        return (self.session.stopped_at or self.session.started_at) - self.session.started_at

    @property
    def unbilled(self) -> str:
        return exact_kwh(self.bill.unbilled_wh) if self.bill else ""

    @property
    def pending(self) -> bool:
        return self.bill is None and (self.bought or self.session.customer_id is not None)

    @property
    def in_arrears(self) -> bool:
        return (
            self.bill is not None
            and self.bill.payment_status == PaymentStatus.ARREARS
            and self.bill.outstanding > 0
        )

    @property
    def on_account(self) -> int:
        """Satang that go on a postpaid customer's monthly bill."""
        on_bill = self.bill is not None and self.bill.payment_status == PaymentStatus.POSTPAID
        return self.bill.outstanding if self.bill and on_bill else 0


def token_of(session: Session) -> str:
    return _signer.sign(str(session.pk))


def session_by_token(token: str, code: str) -> Session | None:
    """The finished charge of a receipt's link, at the plug the link names."""
    try:
        pk = int(_signer.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    return (
        Session.objects.select_related("connector__charger", "station__tax_entity", "customer")
        .filter(pk=pk, connector__code=code.upper(), status=SessionStatus.ENDED)
        .first()
    )


def receipt(session: Session, place: Place) -> Receipt:
    """What there is to say of a finished charge."""
    bill = Bill.objects.select_related("tax_entity").filter(session=session).first()
    told = [t.soc for t in visits.trace(session) if t.soc is not None]
    stands = place.connector.status == ConnectorStatus.FINISHING and place.session is None
    return Receipt(
        session=session,
        bill=bill,
        lines=[_line(row) for row in bill.lines] if bill else [],
        net=bill.total - bill.vat if bill else 0,
        vat_percent=(bill.vat_rate * 100).normalize() if bill else Decimal(0),
        soc=(told[0], told[-1]) if told else None,
        move_the_car=stands and visits.is_newest(session),
        token=token_of(session),
        bought=purchases.of_session(session) is not None,
    )


def _line(row: dict[str, Any]) -> Line:
    part, period = Part(row["part"]), Period(row["period"])
    unit, quantity = Decimal(row["unit_price"]), int(row["quantity"])
    name = " ".join(filter(None, [str(NAMES[part]), PERIODS[period]]))
    if part is Part.ENERGY:
        arithmetic = f"{exact_kwh(quantity)} kWh × {price(unit)}"
    elif part is Part.TIME:
        length = f"{quantity // 60}:{quantity % 60:02d}"
        arithmetic = _("%(length)s min × %(price)s") % {"length": length, "price": price(unit)}
    else:
        arithmetic = ""
    return Line(name, arithmetic, _when(row["segments"]), int(row["amount"]))


def _when(segments: Sequence[dict[str, Any]]) -> str:
    """20:42–22:00; of several stretches (a charge over two nights) each."""
    spans = [
        (datetime.fromisoformat(s["start"]), datetime.fromisoformat(s["end"])) for s in segments
    ]
    return ", ".join(f"{clock(start)}–{clock(end)}" for start, end in spans)


def exact_kwh(wh: int) -> str:
    """Two decimals, three where the third counts: the line can be worked out again."""
    return kwh(wh, 3) if wh % 10 else kwh(wh)
