"""Price lists: what each level pays at a station, the week, versions, a calculator, a new version."""

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import PriceLevel, Tariff
from billing.models.tariff import elements_from_json
from billing.pricing import Calendar, Part, Period
from billing.selectors import tariffs as selectors
from billing.selectors.tariffs import LevelPrice, WeekDay
from billing.services import tariffs
from evbilling import stay_words
from evbilling.backoffice import whatif
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.moments import today
from evbilling.backoffice.price_form import PriceForm, elements_of, initial_of, terms_of
from evbilling.explained import part_word
from evbilling.templatetags.ui import price as shown_price
from stations.models import Station
from users.access import Action, may

WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))


@dataclass(frozen=True, slots=True)
class Row:
    """One level in the grid."""

    price: LevelPrice
    word: str
    like: str  # the level whose list it uses, in words

    @property
    def energy(self) -> tuple[Decimal | None, Decimal | None]:
        return self._both(Part.ENERGY)

    @property
    def minute(self) -> tuple[Decimal | None, Decimal | None]:
        return self._both(Part.TIME)

    @property
    def start(self) -> Decimal | None:
        return self.price.price(Part.START, Period.ANY)

    @property
    def flat(self) -> Decimal | None:
        return self.price.price(Part.FLAT, Period.ANY)

    @property
    def parking(self) -> tuple[Decimal | None, Decimal | None]:
        return self._both(Part.PARKING)

    @property
    def penalty(self) -> tuple[Decimal | None, Decimal | None]:
        return self._both(Part.PENALTY)

    @property
    def reservation(self) -> Decimal | None:
        return self.price.price(Part.RESERVATION, Period.ANY)

    @property
    def stay_words(self) -> list[str]:
        """Grace time, exempt hours and limits in words; nothing where staying costs nothing."""
        value = self.price.value
        return stay_words.of_list(value) if value else []

    def _both(self, part: Part) -> tuple[Decimal | None, Decimal | None]:
        return self.price.price(part, Period.ON_PEAK), self.price.price(part, Period.OFF_PEAK)


@dataclass(frozen=True, slots=True)
class Version:
    """A version in the history, its prices in one line."""

    row: Tariff
    brief: str
    state: str  # now, coming, past


@dataclass(frozen=True, slots=True)
class Strip:
    """One day of the week, in percent of its 24 hours."""

    day: WeekDay
    word: Any
    start: str
    width: str
    now: str


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    found = rows(request, Station.objects.select_related("tax_entity"))
    stations = list(found.order_by("sort_key", "id"))
    station = _chosen(request, stations)
    if station is None:
        return render(request, "backoffice/prices.html", {"stations": []})
    now = timezone.now()
    prices = selectors.in_force([station], now)[station.pk]
    context = whatif.answer(request.GET, station, prices) | {"station": station}
    if request.GET.get("part") == "whatif":
        return render(request, "backoffice/prices.html#whatif", context)
    calendar = selectors.calendars_of([station])[station.pk]
    context |= {
        "stations": stations,
        "rows": [_row(price) for price in prices],
        "priced": any(p.row for p in prices),
        "stays": any(
            p.value and (p.value.minds_the_plug or stay_words.of_list(p.value)) for p in prices
        ),
        "period": calendar.period_at(now),
        "changes_at": calendar.next_change(now),
        "versions": _versions(station, prices, now),
        "week": week(calendar, station, now),
        "may_edit": may(request.admin, Action.EDIT_TARIFF),
        "vat": tariffs.vat_rate(station.tax_entity, today()) * 100,
        "saved": _level_word(request.GET.get("saved", "")),
    }
    return render(request, "backoffice/prices.html", context)


@needs(Action.EDIT_TARIFF)
def edit(request: AdminRequest, station: int, level: str) -> HttpResponse:
    """A new version of one level's prices. The version in force stays until the new one begins."""
    if level not in PriceLevel.values:
        raise Http404
    place = one(request, Station.objects.select_related("tax_entity"), pk=station)
    prices = selectors.in_force([place], timezone.now())[place.pk]
    current = next(p for p in prices if p.level == level)
    form = PriceForm(request.POST or None, initial=initial_of(current))
    calculating = request.POST.get("part") == "whatif"
    saving = request.method == "POST" and not calculating
    if saving and form.is_valid() and _saved(request, place, level, form):
        return redirect(f"{reverse('prices')}?station={place.pk}&saved={level}")
    context = _edit_context(request, place, level, form, current, prices)
    part = "#whatif" if calculating and request.htmx else ""
    return render(
        request, f"backoffice/price_edit.html{part}", context, status=422 if saving else 200
    )


def _saved(request: AdminRequest, station: Station, level: str, form: PriceForm) -> bool:
    """Whether the service took it; else its sentence stands under the box that is to blame."""
    try:
        tariffs.new_version(
            station,
            level,
            elements_of(form.cleaned_data),
            actor=actor(request),
            valid_from=form.valid_from(),
            terms=terms_of(form.cleaned_data),
        )
    except tariffs.BadTariff as error:
        form.blame(error)
        return False
    return True


def _edit_context(
    request: AdminRequest,
    station: Station,
    level: str,
    form: PriceForm,
    current: LevelPrice,
    prices: list[LevelPrice],
) -> dict[str, Any]:
    draft = form.draft(selectors.calendars_of([station])[station.pk])
    return whatif.answer(request.POST, station, prices, level=level, draft=draft) | {
        "station": station,
        "level": level,
        "level_word": PriceLevel(level).label,
        "form": form,
        "current": current,
        "like": _level_word(current.borrowed),
        "followers": [_level_word(p.level) for p in prices if p.borrowed == level],
        "vat": tariffs.vat_rate(station.tax_entity, today()) * 100,
    }


def _chosen(request: AdminRequest, stations: list[Station]) -> Station | None:
    wanted = request.GET.get("station", "")
    if not wanted:
        return stations[0] if stations else None
    found = next((s for s in stations if str(s.pk) == wanted), None)
    if found is None:
        raise Http404
    return found


def _row(price: LevelPrice) -> Row:
    return Row(price, _level_word(price.level), _level_word(price.borrowed))


def _level_word(level: str) -> str:
    return str(PriceLevel(level).label) if level in PriceLevel.values else ""


def _versions(station: Station, prices: list[LevelPrice], now: datetime) -> list[Version]:
    current = {p.row.pk for p in prices if p.row is not None}
    found = []
    for row in selectors.versions(station):
        coming = row.valid_from > now
        state = "now" if row.pk in current else "coming" if coming else "past"
        found.append(Version(row, brief(row), state))
    return found


def brief(row: Tariff) -> str:
    """All its prices in one line."""
    return " · ".join(
        f"{part_word(e.part, e.period)} {shown_price(e.price)}"
        for e in elements_from_json(row.elements)
    )


def week(calendar: Calendar, station: Station, now: datetime) -> list[Strip]:
    """Seven days from today, and where in today we are."""
    local = now.astimezone(calendar.tz)
    found = []
    for day in selectors.week(calendar, station, local.date()):
        start, end = (_percent(at) for at in day.on_peak or (time(), time()))
        is_today = day.day == local.date()
        found.append(
            Strip(
                day,
                WEEKDAYS[day.day.weekday()],
                f"{start:.3f}",
                f"{end - start:.3f}",
                f"{_percent(local.time()):.2f}" if is_today else "",
            )
        )
    return found


def _percent(moment: time) -> float:
    """How far through the day."""
    return (moment.hour * 60 + moment.minute) / 14.4
