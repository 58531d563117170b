"""How much? The form with its sum, for a phone with JavaScript and for one without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from billing.selectors import quotes
from core.errors import DomainError
from evbilling.customer.choice import BAHT, DEFAULT_KWH, FULL, KWH, BadChoice, Choice, Typed, read
from evbilling.customer.money import Money
from evbilling.templatetags.ui import baht, clock, duration, kwh, price
from stations.models import Connector, Session

if TYPE_CHECKING:
    from evbilling.customer.ways import Way

COOKIE = "choice"
COOKIE_AGE = 60 * 60 * 24
WAYS = (KWH, BAHT, FULL)
DEFAULT_BAHT = 150
KWH_CHIPS = (10, 20, 30, 40)
BAHT_CHIPS = (100, 200, 300, 500)
BAHT_STEP = 10
# Where a sentence belongs, by the names that the services and the form have for the field.
FIELDS = {"wh": KWH, KWH: KWH, "satang": BAHT, BAHT: BAHT}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be asked for here, and what can be paid for (None: we do not know who asks)."""

    plan: quotes.Plan
    least_kwh: int
    most_kwh: int
    most_satang: int
    can_hold: int | None
    spent: int = 0  # satang of a running charge so far: less than that cannot be chosen
    least_satang: int = 1  # what a gateway takes at least

    @property
    def least_baht(self) -> int:
        return -(-max(self.spent + 1, self.least_satang) // 100)

    @property
    def most_baht(self) -> int:
        return max(self.most_satang // 100, self.least_baht)

    def read(self, typed: Typed) -> Choice:
        return read(
            typed,
            least_kwh=self.least_kwh,
            most_kwh=self.most_kwh,
            least_satang=max(self.spent + 1, self.least_satang),
            most_satang=self.most_satang,
        )


@dataclass(frozen=True, slots=True)
class Sum:
    """What a choice comes to, in words. ``big`` is the money, or for money the energy."""

    big: str
    time: str
    end: str
    short: bool = False  # the wallet does not cover it
    open: bool = False  # the price may change on the way
    go: str = ""  # the choice in a few words, for the button
    pay: int = 0  # satang to be paid before the charge


@dataclass(frozen=True, slots=True)
class Chooser:
    """All that the form shows."""

    bounds: Bounds
    typed: Typed
    sum: Sum
    plan: Mapping[str, Any]
    kwh_chips: tuple[int, ...]
    baht_chips: tuple[int, ...]
    errors: Mapping[str, str] = field(default_factory=dict)
    way: "Way | None" = None
    ways: Sequence["Way"] = ()

    @property
    def button(self) -> str:
        """What the main button says of the way to pay."""
        return str(self.way.face.go).replace("{x}", self.sum.go) if self.way else ""

    @property
    def at_least(self) -> str:
        """Why less cannot be chosen, where the least is chosen."""
        if self.way is None or not self.sum.pay or not self.way.least:
            return ""
        lowest = {KWH: self.bounds.least_kwh, BAHT: self.bounds.least_baht}
        typed = self.typed.kwh if self.typed.by == KWH else self.typed.baht
        return self.way.least if typed == str(lowest.get(self.typed.by)) else ""


def bounds_of(
    connector: Connector, money: Money, at: datetime, *, session: Session | None
) -> Bounds:
    """For a charge to come, or with ``session`` for one that runs. Its price list must be known."""
    if money.tariff is None:
        raise LookupError("no price list")
    power = session.live.power_w if session else None
    top = connector.max_power_w
    plan = quotes.plan(money.tariff, at, top, so_far=money.usage, power_w=power)
    most = connector.charger.station.max_session_kwh
    least = max(plan.drawn_wh // 1000 + 1, 1)
    return Bounds(
        plan,
        least_kwh=least,
        most_kwh=max(most, least),
        most_satang=quotes.to_hold(plan, most * 1000),
        can_hold=money.can_hold,
        spent=money.cost or 0,
    )


def chooser(
    bounds: Bounds,
    typed: Typed,
    error: DomainError | None = None,
    *,
    words: Mapping[str, str],
    way: "Way | None" = None,
) -> Chooser:
    """The form around what was typed (or is proposed); ``way`` pays for it before the charge."""
    plan = quotes.for_phone(bounds.plan, most_wh=bounds.most_kwh * 1000, can_hold=bounds.can_hold)
    limits = {"kwh": [bounds.least_kwh, bounds.most_kwh, 1]}
    limits["baht"] = [bounds.least_baht, bounds.most_baht, BAHT_STEP]
    return Chooser(
        bounds=bounds,
        typed=typed,
        sum=_to_pay(bounds, typed) if way and way.pays else _sum(bounds, typed),
        plan={**plan, "limits": limits, "words": dict(words)},
        kwh_chips=_chips(KWH_CHIPS, bounds.least_kwh, bounds.most_kwh),
        baht_chips=_chips(BAHT_CHIPS, bounds.least_baht, bounds.most_baht),
        errors={FIELDS.get(error.field, "form"): str(error)} if error else {},
        way=way,
    )


def proposed(request: HttpRequest, bounds: Bounds, session: Session | None) -> Typed:
    """What to show first: what has been chosen, before the tap or for this charge, else a usual charge.

    Never more than the wallet covers, so that the first tap on Confirm works.
    """
    by, kwh_said, baht_said, _confirmed = remembered(request)
    if session is not None and session.chosen_wh is not None:
        by, kwh_said = KWH, str(session.chosen_wh // 1000)
    if session is not None and session.chosen_satang is not None:
        by, baht_said = BAHT, str(session.chosen_satang // 100)
    return _within(Typed(by, kwh_said, baht_said), bounds)


def remembered(request: HttpRequest) -> tuple[str, str, str, int]:
    """What this phone chose last at this plug (by, kWh, baht), and for which charge it confirmed it."""
    parts = request.COOKIES.get(COOKIE, "").split(":")
    numbers_ok = all(p.isascii() and p.isdecimal() and len(p) < 10 for p in parts[1:])
    if len(parts) != 4 or not numbers_ok or parts[0] not in WAYS:
        return KWH, str(DEFAULT_KWH), str(DEFAULT_BAHT), 0
    return parts[0], parts[1], parts[2], int(parts[3])


def to_remember(typed: Typed, session: Session | None) -> str:
    """The cookie's value. It says nothing that the page does not ask again."""
    whole = [text.partition(".")[0].strip() for text in (typed.kwh, typed.baht)]
    numbers = [text if text.isascii() and text.isdecimal() else "0" for text in whole]
    by = typed.by if typed.by in WAYS else KWH
    return ":".join([by, *numbers, str(session.pk if session else 0)])


def _within(typed: Typed, bounds: Bounds) -> Typed:
    kwh_said, baht_said = int(typed.kwh) or DEFAULT_KWH, int(typed.baht) or DEFAULT_BAHT
    most_kwh, most_baht = bounds.most_kwh, bounds.most_baht
    if bounds.can_hold is not None:
        most_kwh = quotes.affordable_kwh(bounds.plan, bounds.can_hold, bounds.most_kwh)
        most_baht = min(most_baht, bounds.can_hold // 100)
    return Typed(
        typed.by,
        str(max(min(kwh_said, most_kwh), bounds.least_kwh)),
        str(max(min(baht_said, most_baht), bounds.least_baht)),
    )


def _sum(bounds: Bounds, typed: Typed) -> Sum:
    try:
        choice = bounds.read(typed)
    except BadChoice:
        return Sum("–", "–", "")
    plan = bounds.plan
    if choice.by == FULL:
        unit = quotes.price_at(plan.tariff, plan.at).per_kwh
        per_kwh = _("%(price)s per kWh") % {"price": price(unit)}
        return Sum(per_kwh, _("by what it takes"), "", go=_("until full"))
    if choice.satang is not None:
        wh, need = quotes.buys(plan, choice.satang, bounds.most_kwh * 1000), choice.satang
        found = quotes.estimate(plan, wh)
        big, go = _("about %(kwh)s kWh") % {"kwh": kwh(wh)}, baht(choice.satang)
    else:
        wh = choice.wh or 0
        found, need = quotes.estimate(plan, wh), quotes.to_hold(plan, wh)
        big = money_in_words(found, timed=quotes.is_timed(plan.tariff))
        go = f"{wh // 1000} kWh · {big}"
    return Sum(
        big,
        _("about %(length)s") % {"length": duration(found.seconds)},
        _("done around %(time)s") % {"time": clock(found.ends_at)},
        short=bounds.can_hold is not None and need > bounds.can_hold,
        open=found.open and choice.wh is not None,
        go=go,
    )


def _to_pay(bounds: Bounds, typed: Typed) -> Sum:
    """The same where the money comes first: until full is the most, and the rest comes back."""
    found = _sum(bounds, typed)
    if not found.go:
        return found
    choice, plan = bounds.read(typed), bounds.plan
    amount = choice.satang or quotes.to_hold(plan, choice.wh or bounds.most_kwh * 1000)
    if choice.satang is not None:
        bought = quotes.covered(plan, choice.satang, bounds.most_kwh * 1000)
        big = _("%(kwh)s kWh") % {"kwh": kwh(bought)}
    else:
        big = found.big if found.open else baht(amount)
    return replace(found, big=big, go=baht(amount), pay=amount)


def money_in_words(found: quotes.Estimate, *, timed: bool) -> str:
    """฿154.00; from – to where the price may change on the way; about, where time costs too."""
    if found.open:
        return f"{baht(found.lowest)} – {baht(found.highest)}"
    return _("about %(money)s") % {"money": baht(found.expected)} if timed else baht(found.expected)


def _chips(usual: tuple[int, ...], least: int, most: int) -> tuple[int, ...]:
    """The usual amounts that are possible here; else the most in four equal steps."""
    found = tuple(n for n in usual if least <= n <= most)
    if len(found) >= 3 or most < 4:
        return found
    steps = sorted({max(most * n // 4, least) for n in (1, 2, 3, 4)})
    return tuple(steps)
