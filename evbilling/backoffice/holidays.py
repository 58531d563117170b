"""The days that are Off-Peak though their weekday is not, by utility and year."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from billing.models import TouHoliday
from billing.selectors import tariffs as selectors
from billing.services import holidays as service
from core import audit
from core.errors import Conflict, DomainError
from evbilling.backoffice.gate import AdminRequest, actor, needs
from evbilling.backoffice.moments import today
from evbilling.backoffice.prices import WEEKDAYS
from evbilling.forms import Form
from stations.models import Utility
from users.access import Action, may

YEARS_AHEAD = 2


class DayForm(Form):
    """A day to add, or to change."""

    utility = forms.ChoiceField(choices=Utility.choices, widget=forms.HiddenInput)
    date = forms.DateField(
        label=gettext_lazy("Day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": gettext_lazy("Choose a day."),
            "invalid": gettext_lazy("Choose a day."),
        },
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        error_messages={"required": gettext_lazy("Give the day a name.")},
    )
    off_peak = forms.BooleanField(label=gettext_lazy("Off-Peak all day"), required=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """A day in the table. ``settled`` days have been priced by and stay as they are."""

    row: TouHoliday
    name: str
    weekday: Any
    settled: bool
    by_rule: bool


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    return _page(request, None)


@require_POST
@needs(Action.EDIT_TARIFF)
def set_day(request: AdminRequest) -> HttpResponse:
    """Add a day, or say of one that is there whether it is Off-Peak."""
    form = DayForm(request.POST)
    if not form.is_valid():
        return _page(request, form, 422)
    values = form.cleaned_data
    try:
        service.set_day(
            request.company,
            values["utility"],
            values["date"],
            name=values["name"],
            off_peak=values["off_peak"],
            actor=actor(request),
        )
    except DomainError as error:
        form.add_error(error.field or None, str(error))
        return _page(request, form, error.status)
    return redirect(_url(values["utility"], values["date"].year))


@require_POST
@needs(Action.EDIT_TARIFF)
def fill_year(request: AdminRequest) -> HttpResponse:
    """Put the public holidays of a year to come into the table, by the rule."""
    utility = _utility(request.POST.get("utility", ""))
    wanted = _year(request.POST.get("year", ""))
    if wanted <= today().year:
        raise Conflict(_("Only years to come can be filled in."), code="day_settled")
    added = service.seed(request.company, [wanted])
    audit.record(
        actor(request),
        "fill_tou_holidays",
        f"company:{request.company.pk}",
        company_id=request.company.pk,
        new={"year": wanted, "days": added},
    )
    return redirect(_url(utility, wanted))


def _page(request: AdminRequest, form: DayForm | None, status: int = 200) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    utility = _utility(asked.get("utility", ""))
    shown_year = form.data.get("date", "")[:4] if form is not None else asked.get("year", "")
    # A day that was refused because it is past is told about beside the form, which is this year's.
    chosen = max(_year(shown_year), today().year) if form is not None else _year(shown_year)
    now = today()
    days = [_shown(row, now) for row in selectors.holidays_of(request.company, utility, chosen)]
    known = selectors.holiday_years(request.company, utility)
    years = sorted({*known, *range(now.year, now.year + YEARS_AHEAD + 1)})
    context = {
        "utility": utility,
        "utilities": Utility.choices,
        "year": chosen,
        "years": [(y, date(y, 1, 1)) for y in years],
        "year_day": date(chosen, 1, 1),
        "days": days,
        "coming": [shown for shown in days if not shown.settled],
        "past": [shown for shown in days if shown.settled],
        "off_peak_count": sum(shown.row.off_peak for shown in days),
        "form": form or DayForm(initial={"utility": utility, "off_peak": True}),
        "may_edit": may(request.admin, Action.EDIT_TARIFF),
        "future": chosen > now.year,
        "over": chosen < now.year,
    }
    return render(request, "backoffice/holidays.html", context, status=status)


def _shown(row: TouHoliday, now: date) -> Shown:
    return Shown(
        row,
        selectors.holiday_name(row),
        WEEKDAYS[row.date.weekday()],
        settled=row.date <= now,
        by_rule=row.source != "admin",
    )


def _utility(text: str) -> str:
    return text if text in Utility.values else Utility.MEA


def _year(text: str) -> int:
    found = int(text) if text.isascii() and text.isdigit() and len(text) == 4 else 0
    return found if 2000 <= found <= today().year + YEARS_AHEAD + 1 else today().year


def _url(utility: str, year: int) -> str:
    return f"{reverse('holidays')}?utility={utility}&year={year}"
