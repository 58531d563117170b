"""The form of a new version of a price list. The rules are the service's; this finds their fields."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import pricing, stay
from billing.models.tariff import elements_from_json
from billing.pricing import Part, Period
from billing.selectors.tariffs import LevelPrice
from billing.services.tariffs import BadTariff
from billing.values import terms_from_json
from evbilling.backoffice.moments import LOCAL
from evbilling.forms import Form

TOO_HIGH = Decimal(10_000)
# What the service calls an element, and which box of the form that is.
FIELDS = {
    "energy.on_peak": "energy_on",
    "energy.off_peak": "energy_off",
    "time.on_peak": "time_on",
    "time.off_peak": "time_off",
    "time.any": "time_on",
    "start.any": "start",
    "flat.any": "flat",
    "parking.on_peak": "parking_on",
    "parking.off_peak": "parking_off",
    "parking.any": "parking_on",
    "penalty.on_peak": "penalty_on",
    "penalty.off_peak": "penalty_off",
    "penalty.any": "penalty_on",
    "reservation.any": "reservation",
}
# Of the terms of staying, likewise.
TERMS = {"grace_min": "grace_min", "penalty_max": "penalty_max", "free_use_min": "free_use_min"}
EXEMPT = (1, 2, 3)  # stretches of exempt hours that the form has room for

NUMBER = _("Enter a number in baht, such as 7.70.")


def _price(label: Any, *, required: bool = False) -> forms.DecimalField:
    attrs = {"inputmode": "decimal", "autocomplete": "off"}
    return forms.DecimalField(
        label=label,
        required=required,
        widget=forms.TextInput(attrs=attrs),
        error_messages={"required": NUMBER, "invalid": NUMBER},
    )


def _minutes(label: Any) -> forms.IntegerField:
    sentence = _("Enter whole minutes, such as 15.")
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=0,
        max_value=stay.MOST_GRACE_MIN,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), sentence),
    )


def _clock(label: Any) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": _("Enter a time, such as 23:00.")},
    )


class PriceForm(Form):
    """Prices in baht, VAT included; an empty box is zero, but for energy."""

    energy_on = _price(_("Energy On-Peak"), required=True)
    energy_off = _price(_("Energy Off-Peak"), required=True)
    time_on = _price(_("Per minute On-Peak"))
    time_off = _price(_("Per minute Off-Peak"))
    start = _price(_("Start fee"))
    flat = _price(_("Fee per charge"))
    parking_on = _price(_("Parking On-Peak"))
    parking_off = _price(_("Parking Off-Peak"))
    penalty_on = _price(_("Overstay On-Peak"))
    penalty_off = _price(_("Overstay Off-Peak"))
    grace_min = _minutes(_("Grace time"))
    penalty_max = _price(_("At most"))
    exempt1_from = _clock(_("Exempt from"))
    exempt1_until = _clock(_("until"))
    exempt2_from = _clock(_("Exempt from"))
    exempt2_until = _clock(_("until"))
    exempt3_from = _clock(_("Exempt from"))
    exempt3_until = _clock(_("until"))
    exempt_holidays = forms.BooleanField(
        label=_("Public holidays, all day"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
    reservation = _price(_("Reservation fee"))
    free_use_min = _minutes(_("Free when used within"))
    when = forms.ChoiceField(
        label=_("Begins"),
        choices=(("now", _("Now")), ("later", _("Later"))),
        widget=forms.RadioSelect,
        initial="now",
    )
    day = forms.DateField(
        label=_("Day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    clock = forms.TimeField(
        label=_("Time"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        for name in sorted(set(FIELDS.values())):
            reason = _wrong(values.get(name))
            if reason:
                self.add_error(name, str(BadTariff(reason)))
        for name in ("penalty_max",):
            if (reason := _wrong(values.get(name))) or (reason := _too_fine(values.get(name))):
                self.add_error(name, str(BadTariff(reason)))
        for n in EXEMPT:
            start, end = values.get(f"exempt{n}_from"), values.get(f"exempt{n}_until")
            if (start is None) != (end is None) and f"exempt{n}_from" not in self.errors:
                self.add_error(f"exempt{n}_from", _("Enter both times, or none."))
        if values.get("when") == "later" and not (values.get("day") and values.get("clock")):
            self.add_error("day", _("Choose the day and time when these prices begin."))
        return values

    def exempt_rows(self) -> list[tuple[Any, Any]]:
        """The boxes of the exempt hours, in pairs."""
        return [(self[f"exempt{n}_from"], self[f"exempt{n}_until"]) for n in EXEMPT]

    def valid_from(self) -> datetime | None:
        """When it begins; None for now."""
        if self.cleaned_data["when"] == "now":
            return None
        return datetime.combine(self.cleaned_data["day"], self.cleaned_data["clock"], LOCAL)

    def draft(self, calendar: pricing.Calendar) -> pricing.Tariff | None:
        """The prices as typed so far, as a value to calculate with; None while they make no sense."""
        if not self.is_bound:
            return None
        self.is_valid()
        values = {name: self.cleaned_data.get(name) for name in self.fields}
        if values["energy_on"] is None or values["energy_off"] is None:
            return None
        try:
            terms = terms_from_json(terms_of(values))
            return pricing.Tariff(elements_from_json(elements_of(values)), calendar, terms=terms)
        except (pricing.TariffError, ValueError):
            return None

    def blame(self, error: BadTariff) -> None:
        """Put the service's sentence under the box that caused it."""
        name = error.field.removeprefix("elements.")
        term = TERMS.get(error.field.removeprefix("terms."))
        box = "day" if name == "valid_from" else FIELDS.get(name) or term
        self.add_error(box, str(error))


def _wrong(amount: Decimal | None) -> str:
    """What the rules have against one price by itself, so that every box says it at once."""
    if amount is None:
        return ""
    if amount > TOO_HIGH:
        return "too_high"
    try:
        pricing.Tariff((pricing.Element(Part.FLAT, amount),))
    except pricing.TariffError as error:
        return error.reason
    return ""


def _too_fine(amount: Decimal | None) -> str:
    """An amount, not a price: whole satang."""
    fine = amount is not None and amount != amount.quantize(Decimal("0.01"))
    return "decimals" if fine else ""


def terms_of(values: dict[str, Any]) -> dict[str, Any]:
    """Grace time, exempt hours and limits as the service takes them."""
    exempt = [(values.get(f"exempt{n}_from"), values.get(f"exempt{n}_until")) for n in EXEMPT]
    found: dict[str, Any] = {
        "grace_min": values.get("grace_min") or 0,
        "exempt": [
            [f"{a:%H:%M}", f"{b:%H:%M}"] for a, b in exempt if a is not None and b is not None
        ],
        "exempt_holidays": bool(values.get("exempt_holidays")),
        "free_use_min": values.get("free_use_min") or 0,
    }
    if values.get("penalty_max") is not None:
        found["penalty_max"] = f"{values['penalty_max']:f}"
    return found


def elements_of(values: dict[str, Any]) -> list[dict[str, str]]:
    """What the service takes. A price that is the same all day is one element."""
    found = [
        _element(Part.ENERGY, Period.ON_PEAK, values["energy_on"]),
        _element(Part.ENERGY, Period.OFF_PEAK, values["energy_off"]),
    ]
    for part in (Part.TIME, Part.PARKING, Part.PENALTY):
        found += _by_period(part, values.get(f"{part}_on"), values.get(f"{part}_off"))
    for part in pricing.ONCE:
        if values.get(part.value):
            found.append(_element(part, Period.ANY, values[part.value]))
    return found


def _by_period(part: Part, on: Decimal | None, off: Decimal | None) -> list[dict[str, str]]:
    on, off = on or Decimal(0), off or Decimal(0)
    if on == off:
        return [_element(part, Period.ANY, on)] if on else []
    return [_element(part, Period.ON_PEAK, on), _element(part, Period.OFF_PEAK, off)]


def initial_of(current: LevelPrice) -> dict[str, Any]:
    """The prices in force, to change from."""
    tomorrow = timezone.now().astimezone(LOCAL) + timedelta(days=1)
    found: dict[str, Any] = {"when": "now", "day": tomorrow.date(), "clock": "00:00"}
    if current.value is None:
        return found
    cells = {part.value: (part, Period.ANY) for part in pricing.ONCE}
    for part in pricing.PER:
        cells[f"{part}_on"] = (part, Period.ON_PEAK)
        cells[f"{part}_off"] = (part, Period.OFF_PEAK)
    for name, (part, period) in cells.items():
        amount = current.value.unit_price(part, period)
        found[name] = f"{max(amount, amount.quantize(Decimal('0.01'))):f}" if amount else "0.00"
    return found | _terms_shown(current.value.terms)


def _terms_shown(terms: stay.Terms) -> dict[str, Any]:
    found: dict[str, Any] = {
        "grace_min": terms.grace_min,
        "exempt_holidays": terms.exempt_holidays,
        "free_use_min": terms.free_use_min or "",
        "penalty_max": "" if terms.penalty_max is None else f"{terms.penalty_max:.2f}",
    }
    for n, hours in zip(EXEMPT, terms.exempt, strict=False):
        found |= {f"exempt{n}_from": hours.start, f"exempt{n}_until": hours.end}
    return found


def _element(part: Part, period: Period, amount: Decimal) -> dict[str, str]:
    return {"part": part, "period": period, "price": f"{amount:f}"}
