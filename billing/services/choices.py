"""What somebody may choose before or during a charge, and the sentences where they may not."""

from django.utils.translation import gettext_lazy as _

from billing import pricing
from billing.money import to_baht
from core.errors import DomainError
from stations.models import Station


class BadQuantity(DomainError):
    code = "bad_quantity"


class CannotPay(DomainError):
    """The wallet or credit line says no; the sentence says what to do."""

    status = 422
    SENTENCES = {
        "no_money": _("The wallet does not cover this. Top up, or choose less."),
        "arrears": _(
            "There is an unpaid amount from an earlier charge. Pay it first, then charge."
        ),
        "credit_used_up": _("The credit limit is used up. Ask the station's office."),
        "overdue": _("A monthly bill is overdue. Pay it first, then charge."),
        "no_tariff": _("This station has no price list yet, so nobody can be charged."),
        "not_offered": _("This way of paying is not offered here. Choose another."),
        "plug_paid": _("Somebody has just paid for this plug. Choose another one."),
        "free": _("There is nothing to pay for this. Ask the station's office."),
    }

    def __init__(self, code: str) -> None:
        super().__init__(self.SENTENCES[code], code=code)


def check_choice(
    station: Station,
    wh: int | None,
    satang: int | None,
    tariff: pricing.Tariff,
    *,
    drawn_wh: int,
    spent: int = 0,
) -> None:
    """A running charge's choice covers what it has drawn: a bill ends at the choice (features A8)."""
    if wh is not None and satang is not None:
        raise BadQuantity(_("Choose kWh or baht, not both."), field="wh")
    most = station.max_session_kwh * 1000
    if wh is not None and not max(drawn_wh, 999) < wh <= most:
        raise BadQuantity(
            _("Choose between %(least)s and %(most)s kWh."),
            field="wh",
            least=max(drawn_wh // 1000 + 1, 1),
            most=station.max_session_kwh,
        )
    if satang is not None and satang <= max(tariff.once, spent):
        raise BadQuantity(
            _("Choose more than %(spent)s baht: so much is used already.")
            if spent
            else _("Choose a larger amount in baht."),
            field="satang",
            spent=f"{to_baht(spent):,.2f}",
        )
