"""How much: what a person typed, as Wh or satang. What makes no sense gets a sentence at its field."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from billing.money import to_satang
from core.errors import DomainError

KWH, BAHT, FULL = "kwh", "baht", "full"
DEFAULT_KWH = 20
MOST_TYPED = 12  # characters; more is no amount
_WHOLE = re.compile(r"\d{1,6}\Z")  # any script's digits: Thai ones count too


class BadChoice(DomainError):
    code = "bad_quantity"


@dataclass(frozen=True, slots=True)
class Choice:
    """Energy or money, or neither: until the car is full."""

    by: str
    wh: int | None = None
    satang: int | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in, to be shown again."""

    by: str
    kwh: str
    baht: str


def read(
    typed: Typed, *, least_kwh: int, most_kwh: int, least_satang: int, most_satang: int
) -> Choice:
    """The choice within these bounds, or ``BadChoice`` naming the field."""
    if typed.by == FULL:
        return Choice(FULL)
    if typed.by == KWH:
        return Choice(KWH, wh=_kwh(typed.kwh, least_kwh, most_kwh) * 1000)
    if typed.by == BAHT:
        return Choice(BAHT, satang=_satang(typed.baht, least_satang, most_satang))
    raise BadChoice(_("Choose kWh, baht or until full."), field="by")


def _kwh(text: str, least: int, most: int) -> int:
    text = text.strip()
    if not _WHOLE.match(text):
        raise BadChoice(
            _("Enter whole kWh, from %(least)s to %(most)s.") % {"least": least, "most": most},
            field=KWH,
        )
    found = int(text)
    if found > most:
        raise BadChoice(_("At most %(most)s kWh in one charge here.") % {"most": most}, field=KWH)
    if found < least:
        raise BadChoice(
            _("Enter whole kWh, from %(least)s to %(most)s.") % {"least": least, "most": most},
            field=KWH,
        )
    return found


def _satang(text: str, least: int, most: int) -> int:
    text = text.strip().replace(",", "").removeprefix("฿")
    try:
        if len(text) > MOST_TYPED or not text.replace(".", "", 1).isdecimal():
            raise ValueError
        found = to_satang(text)
    except ValueError:
        raise BadChoice(_("Enter an amount in baht, like 150 or 150.50."), field=BAHT) from None
    if found < least:
        raise BadChoice(
            _("Enter at least %(least)s baht.") % {"least": f"{-(-least // 100):,}"}, field=BAHT
        )
    if found > most:
        raise BadChoice(
            _("At most %(most)s baht in one charge here.") % {"most": f"{most // 100:,}"},
            field=BAHT,
        )
    return found
