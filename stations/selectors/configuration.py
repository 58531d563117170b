"""What is wanted of chargers beside what they are set to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import yaml
from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Lower

from stations import configuring, devices
from stations.configuring import DRIFT, Compared, ReadKey, fold
from stations.models import (
    Charger,
    ChargerSetup,
    Commissioning,
    ConfigurationChange,
    ConfigurationKey,
    ConfigurationTemplate,
)

MOST_RUNS, MOST_CHANGES = 5, 20


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a charger: as last read, and as wanted where something is."""

    key: str
    value: str | None
    readonly: bool
    secret: bool
    wanted: str | None = None
    state: str = ""  # of ``configuring``; '' where nothing is wanted


@dataclass(frozen=True, slots=True)
class Drift:
    """A charger that is not as wanted, with the keys that can be put right."""

    charger: Charger
    keys: list[Compared]


@cache
def built_in() -> Mapping[str, str]:
    """The template that holds where a company has none of its own (``stations/devices``)."""
    path = settings.BASE_FOLDER / "stations" / "devices" / "configuration.yaml"
    found = yaml.safe_load(path.read_text(encoding="utf-8"))["keys"]
    return {str(key): str(value) for key, value in found.items()}


def template_of(charger: Charger, setup: ChargerSetup | None) -> ConfigurationTemplate | None:
    """The template that holds for a charger; None: the built-in one."""
    if setup is not None and setup.template_id is not None:
        return setup.template
    company_id = charger.station.company_id
    return ConfigurationTemplate.objects.filter(company_id=company_id, is_default=True).first()


def wanted_of(charger: Charger, setup: ChargerSetup | None) -> Mapping[str, str]:
    """Key → value as wanted of this charger: its template's, and what its model cannot do without."""
    template = template_of(charger, setup)
    wanted = built_in() if template is None else template.keys
    recipe = devices.choose(
        charger.device, charger.vendor, charger.model, charger.firmware_version, charger.quirks
    ).quirks.configuration
    if not recipe:
        return wanted
    needed = {fold(key) for key in recipe}
    return {k: v for k, v in wanted.items() if fold(k) not in needed} | recipe


def setup_of(charger: Charger) -> ChargerSetup | None:
    return ChargerSetup.objects.select_related("template").filter(charger=charger).first()


def known_keys(charger: Charger) -> dict[str, ReadKey]:
    """What was last read, by folded key."""
    rows = ConfigurationKey.objects.filter(charger=charger)
    return {fold(row.key): ReadKey(row.key, row.value, row.readonly) for row in rows}


def settings_of(charger: Charger, setup: ChargerSetup | None) -> list[Setting]:
    """Every key, read or wanted, by name. Of a charger never read nothing is said to differ."""
    known = known_keys(charger)
    if not known:
        return []
    compared = {fold(c.key): c for c in _compare(wanted_of(charger, setup), known, setup)}
    found = [_setting(read, compared.pop(key, None)) for key, read in known.items()]
    found += [Setting(c.key, None, False, False, c.wanted, c.state) for c in compared.values()]
    return sorted(found, key=lambda s: fold(s.key))


def _setting(read: ReadKey, compared: Compared | None) -> Setting:
    return Setting(
        read.key,
        read.value,
        read.readonly,
        configuring.is_secret(read.key),
        compared.wanted if compared else None,
        compared.state if compared else "",
    )


def _compare(
    wanted: Mapping[str, str], known: Mapping[str, ReadKey], setup: ChargerSetup | None
) -> list[Compared]:
    refused = setup.refused if setup else {}
    left_out = setup.refused_measurands if setup else []
    return configuring.compare(wanted, known, refused, left_out)


def drifting(chargers: QuerySet[Charger]) -> list[Drift]:
    """The chargers whose settings can be put right, by id; three queries for any number."""
    setups = {
        setup.charger_id: setup
        for setup in ChargerSetup.objects.filter(
            charger__in=chargers, commissioned_at__isnull=False
        ).select_related("template", "charger__station")
    }
    companies = {setup.charger.station.company_id for setup in setups.values()}
    defaults = {
        template.company_id: template.keys
        for template in ConfigurationTemplate.objects.filter(
            company_id__in=companies, is_default=True
        )
    }
    wanted = {
        pk: setup.template.keys
        if setup.template
        else defaults.get(setup.charger.station.company_id, built_in())
        for pk, setup in setups.items()
    }
    known = _known_of(setups, {fold(key) for keys in wanted.values() for key in keys})
    found = [
        Drift(setup.charger, _drifted(_compare(wanted[pk], known.get(pk, {}), setup)))
        for pk, setup in setups.items()
    ]
    return sorted((d for d in found if d.keys), key=lambda d: d.charger.charge_point_id)


def _known_of(charger_ids: Iterable[int], keys: set[str]) -> dict[int, dict[str, ReadKey]]:
    rows = ConfigurationKey.objects.annotate(folded=Lower("key")).filter(
        charger_id__in=list(charger_ids), folded__in=keys
    )
    known: dict[int, dict[str, ReadKey]] = {}
    for row in rows:
        read = ReadKey(row.key, row.value, row.readonly)
        known.setdefault(row.charger_id, {})[fold(row.key)] = read
    return known


def _drifted(compared: list[Compared]) -> list[Compared]:
    return [each for each in compared if each.state == DRIFT]


def runs_of(charger: Charger) -> list[Commissioning]:
    """The last runs, newest first."""
    return list(Commissioning.objects.filter(charger=charger).order_by("-id")[:MOST_RUNS])


def changes_of(charger: Charger) -> list[ConfigurationChange]:
    """What was changed by us or noticed, newest first."""
    found = ConfigurationChange.objects.filter(charger=charger)
    return list(found.order_by("-id")[:MOST_CHANGES])


def measurands_of(known: Mapping[str, ReadKey]) -> list[str]:
    """What it sends with every reading (MeterValuesSampledData)."""
    read = known.get(fold(configuring.MEASURANDS))
    return configuring.names(read.value) if read else []
