"""Price lists: a new version instead of an edit, and the value in force at a moment."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import pricing, values
from billing.models import PriceLevel, Purchase, Tariff, TouHoliday, VatRate
from billing.models.tariff import elements_from_json
from core import audit
from core.errors import DomainError
from stations.models import Session, Station
from users.models import TaxEntity

FALLBACK: dict[str, tuple[str, ...]] = {
    PriceLevel.GUEST: (PriceLevel.GUEST,),
    PriceLevel.MEMBER: (PriceLevel.MEMBER, PriceLevel.GUEST),
    PriceLevel.VIP: (PriceLevel.VIP, PriceLevel.MEMBER, PriceLevel.GUEST),
}


class BadTariff(DomainError):
    code = "bad_tariff"

    SENTENCES = {
        "negative": _("A price cannot be negative."),
        "decimals": _("A price has at most four decimals."),
        "twice": _("This price is given twice."),
        "once_per_session": _("A price per charge does not depend on the time of day."),
        "any_beside_periods": _("Give one price for all day, or On-Peak and Off-Peak, not both."),
        "format": _("Each element needs part, period and price."),
        "past": _("A price list cannot begin in the past."),
        "too_high": _("A price above 10,000 baht is surely a slip."),
    }

    def __init__(self, reason: str, field: str = "elements") -> None:
        super().__init__(self.SENTENCES[reason], field=field)


def in_force(station: Station, level: str, at: datetime) -> Tariff | None:
    """The version that prices a charge which starts at ``at``."""
    for candidate in FALLBACK[level]:
        found = (
            Tariff.objects.filter(station=station, level=candidate, valid_from__lte=at)
            .order_by("-valid_from", "-version")
            .first()
        )
        if found is not None:
            return found
    return None


def value(station: Station, level: str, at: datetime) -> tuple[Tariff, pricing.Tariff] | None:
    """The row and the value in force, with the calendar of the station's utility."""
    row = in_force(station, level, at)
    return (row, row.as_value(calendar_of(station))) if row is not None else None


def of_session(session: Session) -> tuple[Tariff, pricing.Tariff] | None:
    """What a charge is priced with: paid before, the price it was sold at; else the list in force
    when it began."""
    bought = (
        Purchase.objects.select_related("tariff")
        .filter(leave__session=session)
        .only("tariff_value", "tariff")
        .first()
        if session.pk
        else None
    )
    if bought is not None:
        return bought.tariff, values.tariff_from_json(bought.tariff_value)
    return value(session.station, session.level, session.started_at)


def calendar_of(station: Station) -> pricing.Calendar:
    """TOU calendar: the company's own table of days for the station's utility."""
    days = TouHoliday.objects.filter(
        company_id=station.company_id, utility=station.utility, off_peak=True
    )
    return pricing.Calendar(frozenset(days.values_list("date", flat=True)))


def new_version(
    station: Station,
    level: str,
    elements: Sequence[dict[str, Any]],
    *,
    actor: audit.Actor,
    valid_from: datetime | None = None,
) -> Tariff:
    """Add a version of ``[{"part", "period", "price"}]``; what contradicts itself is refused."""
    now = timezone.now()
    if valid_from is not None and valid_from < now - timedelta(minutes=5):
        raise BadTariff("past", "valid_from")
    rows = _checked(elements)
    with transaction.atomic():
        Station.objects.select_for_update(of=("self",)).get(pk=station.pk)
        last = (
            Tariff.objects.filter(station=station, level=level).aggregate(n=Max("version"))["n"]
            or 0
        )
        made = Tariff.objects.create(
            company_id=station.company_id,
            station=station,
            level=level,
            version=last + 1,
            valid_from=valid_from or now,
            elements=rows,
            created_by=actor.name,
        )
        audit.record(
            actor,
            "edit_tariff",
            f"station:{station.pk}",
            company_id=station.company_id,
            new={"level": level, "version": made.version, "elements": rows},
        )
    return made


def _checked(elements: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    try:
        value = pricing.Tariff(elements_from_json(list(elements)))
    except pricing.TariffError as error:
        raise BadTariff(error.reason, f"elements.{error.field}") from error
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadTariff("format") from error
    if any(e.price > 10_000 for e in value.elements):
        raise BadTariff("too_high")
    return [{"part": e.part, "period": e.period, "price": f"{e.price:f}"} for e in value.elements]


def vat_rate(entity: TaxEntity | None, day: date) -> Decimal:
    """The rate an entity must charge on ``day``: 0 where it is not registered for VAT."""
    if entity is None or not entity.vat_registered_on(day):
        return Decimal(0)
    row = VatRate.objects.filter(valid_from__lte=day).order_by("-valid_from").first()
    return row.rate if row else Decimal(0)
