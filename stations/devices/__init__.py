"""What models of chargers need, as data: one YAML file per model. Vendors differ here, never in code.

A file says whom it is for (vendor, model, firmware as patterns), what the model is known to do
(closed list of quirks, each with its type) and what that means for people, in Thai and English.
``choose`` gives a charger its device: the most specific file that matches what it said at boot, or
the one an admin has named, with single quirks an admin has set by hand. Pure; files are read once.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

AUTO = "auto"
GENERIC = "generic"
FOLDER = Path(__file__).parent / "ocpp"
Profile = Literal[
    "Core",
    "FirmwareManagement",
    "LocalAuthListManagement",
    "Reservation",
    "SmartCharging",
    "RemoteTrigger",
]


class BadDevice(ValueError):
    """A device file or a quirk that cannot be used; says file and field."""


class Quirks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that may differ from model to model. The defaults are the standard's behaviour."""

    # charging profiles (OCPP 1.6 §5.16, §7.8 ff.)
    profile_kind: Literal["Absolute", "Relative"] = "Absolute"
    stack_level_most: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    max_profile_as_default: bool = False
    zero_limit: Literal["send", "stop", "6A"] = "send"
    limit_unit: Literal["auto", "A", "W"] = "auto"
    limit_resend_on_charging: bool = False
    profile_gap_s: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 0
    # the connection
    no_subprotocol: bool = False
    no_connection_header: bool = False
    no_boot_after_reconnect: bool = False
    reconnect_grace_s: Annotated[int, msgspec.Meta(ge=0, le=7200)] = 0
    # what it must not be asked, or only so
    no_trigger: bool = False
    skip_change_availability: bool = False
    no_configuration_probe: bool = False
    configuration: dict[str, str] = {}
    id_tag_most: Annotated[int, msgspec.Meta(ge=8, le=20)] = 20
    # meter and clock
    register: Literal["lifetime", "per_session", "resets_on_reboot"] = "lifetime"
    energy_unit: Literal["as_labelled", "kwh_labelled_wh"] = "as_labelled"
    clock: Literal["utc", "local"] = "utc"

    @property
    def counts_from_zero(self) -> bool:
        """A register of this model that has dropped began again at zero, not somewhere."""
        return self.register != "lifetime"


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Patterns with * and ?, compared without regard to case; what is not named matches anything."""

    vendor: str = "*"
    model: str = "*"
    firmware: str = "*"

    def fits(self, vendor: str, model: str, firmware: str) -> bool:
        said = zip((self.vendor, self.model, self.firmware), (vendor, model, firmware), strict=True)
        return all(fnmatchcase(words.casefold(), pattern.casefold()) for pattern, words in said)

    @property
    def weight(self) -> tuple[int, int]:
        """How specific: how many of the three it names, then how many letters it fixes."""
        patterns = (self.vendor, self.model, self.firmware)
        letters = [sum(c not in "*?" for c in pattern) for pattern in patterns]
        return sum(n > 0 for n in letters), sum(letters)


class Help(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it means and what to do, for people."""

    en: Annotated[str, msgspec.Meta(min_length=1)]
    th: Annotated[str, msgspec.Meta(min_length=1)]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device file as written."""

    title: Annotated[str, msgspec.Meta(min_length=1)]
    help: Help
    match: list[Match] = []
    capabilities: list[Profile] = []
    quirks: dict[str, Any] = {}
    sources: list[str] = []


class Device(msgspec.Struct, frozen=True):
    """A model as the product deals with it. ``key`` is its file's name."""

    key: str
    title: str
    help: Help
    match: tuple[Match, ...]
    capabilities: frozenset[str]
    quirks: Quirks
    set_here: frozenset[str]
    sources: tuple[str, ...]


def load(path: Path) -> Device:
    """Read one file. ``BadDevice`` names the file and the field."""
    try:
        written = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), _File)
        quirks = _checked(written.quirks)
    except (msgspec.ValidationError, yaml.YAMLError, BadDevice) as error:
        raise BadDevice(f"{path.name}: {' '.join(str(error).split())}") from None
    if not written.match and path.stem != GENERIC:
        raise BadDevice(f"{path.name}: match: says nobody it is for")
    return Device(
        path.stem,
        written.title,
        written.help,
        tuple(written.match),
        frozenset(written.capabilities),
        quirks,
        frozenset(written.quirks),
        tuple(written.sources),
    )


@cache
def catalogue() -> Mapping[str, Device]:
    """Every device by key; read once per process."""
    return {path.stem: load(path) for path in sorted(FOLDER.glob("*.yaml"))}


def generic() -> Device:
    """What is assumed of a charger that nobody has described."""
    return catalogue()[GENERIC]


def match(vendor: str, model: str, firmware: str) -> Device:
    """The most specific device for what a charger says of itself."""
    fitting = [
        (each.weight, device.key, device)
        for device in catalogue().values()
        for each in device.match
        if each.fits(vendor.strip(), model.strip(), firmware.strip())
    ]
    return max(fitting, key=lambda found: found[:2])[2] if fitting else generic()


def choose(
    named: str, vendor: str, model: str, firmware: str, overrides: Mapping[str, Any] | None = None
) -> Device:
    """The device of a charger: named by an admin, else found by itself; with the admin's quirks.

    A name or quirk of another version of the product is passed over: a charger must always work.
    """
    found = catalogue().get(named) or match(vendor, model, firmware)
    if not overrides:
        return found
    try:
        quirks = with_overrides(found.quirks, overrides)
    except BadDevice:
        return found
    return msgspec.structs.replace(found, quirks=quirks)


def with_overrides(quirks: Quirks, overrides: Mapping[str, Any]) -> Quirks:
    """``quirks`` with some replaced. ``BadDevice`` names the field that will not do."""
    return _checked(msgspec.structs.asdict(quirks) | dict(overrides))


def _checked(values: Mapping[str, Any]) -> Quirks:
    try:
        return msgspec.convert(dict(values), Quirks)
    except msgspec.ValidationError as error:
        raise BadDevice(f"quirks: {error}") from None
