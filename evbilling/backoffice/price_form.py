"""The form of a new version of a price list. The rules are the service's; this finds their fields."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import pricing
from billing.models.tariff import elements_from_json
from billing.pricing import Part, Period
from billing.selectors.tariffs import LevelPrice
from billing.services.tariffs import BadTariff
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
}
NUMBER = _("Enter a number in baht, such as 7.70.")


def _price(label: Any, *, required: bool = False) -> forms.DecimalField:
    attrs = {"inputmode": "decimal", "autocomplete": "off"}
    return forms.DecimalField(
        label=label,
        required=required,
        widget=forms.TextInput(attrs=attrs),
        error_messages={"required": NUMBER, "invalid": NUMBER},
    )


class PriceForm(Form):
    """Prices in baht, VAT included; an empty box is zero, but for energy."""

    energy_on = _price(_("Energy On-Peak"), required=True)
    energy_off = _price(_("Energy Off-Peak"), required=True)
    time_on = _price(_("Per minute On-Peak"))
    time_off = _price(_("Per minute Off-Peak"))
    start = _price(_("Start fee"))
    flat = _price(_("Fee per charge"))
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
        if values.get("when") == "later" and not (values.get("day") and values.get("clock")):
            self.add_error("day", _("Choose the day and time when these prices begin."))
        return values

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
        values = {name: self.cleaned_data.get(name) for name in set(FIELDS.values())}
        if values["energy_on"] is None or values["energy_off"] is None:
            return None
        try:
            return pricing.Tariff(elements_from_json(elements_of(values)), calendar)
        except pricing.TariffError:
            return None

    def blame(self, error: BadTariff) -> None:
        """Put the service's sentence under the box that caused it."""
        name = error.field.removeprefix("elements.")
        box = "day" if name == "valid_from" else FIELDS.get(name)
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


def elements_of(values: dict[str, Any]) -> list[dict[str, str]]:
    """What the service takes. A time price that is the same all day is one element."""
    found = [
        _element(Part.ENERGY, Period.ON_PEAK, values["energy_on"]),
        _element(Part.ENERGY, Period.OFF_PEAK, values["energy_off"]),
    ]
    on, off = values.get("time_on") or Decimal(0), values.get("time_off") or Decimal(0)
    if on == off:
        if on:
            found.append(_element(Part.TIME, Period.ANY, on))
    else:
        found.append(_element(Part.TIME, Period.ON_PEAK, on))
        found.append(_element(Part.TIME, Period.OFF_PEAK, off))
    for part, name in ((Part.START, "start"), (Part.FLAT, "flat")):
        if values.get(name):
            found.append(_element(part, Period.ANY, values[name]))
    return found


def initial_of(current: LevelPrice) -> dict[str, Any]:
    """The prices in force, to change from."""
    tomorrow = timezone.now().astimezone(LOCAL) + timedelta(days=1)
    found: dict[str, Any] = {"when": "now", "day": tomorrow.date(), "clock": "00:00"}
    if current.value is None:
        return found
    cells = {
        "energy_on": (Part.ENERGY, Period.ON_PEAK),
        "energy_off": (Part.ENERGY, Period.OFF_PEAK),
        "time_on": (Part.TIME, Period.ON_PEAK),
        "time_off": (Part.TIME, Period.OFF_PEAK),
        "start": (Part.START, Period.ANY),
        "flat": (Part.FLAT, Period.ANY),
    }
    for name, (part, period) in cells.items():
        amount = current.value.unit_price(part, period)
        found[name] = f"{max(amount, amount.quantize(Decimal('0.01'))):f}" if amount else "0.00"
    return found


def _element(part: Part, period: Period, amount: Decimal) -> dict[str, str]:
    return {"part": part, "period": period, "price": f"{amount:f}"}
