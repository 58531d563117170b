"""The quirks as people read and set them."""

from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from stations.devices import GENERIC, Device, Quirks

ANY_CHARGER = _("Any OCPP 1.6J charger")
WORDS: dict[str, Promise] = {
    "profile_kind": _("Kind of charging profile"),
    "stack_level_most": _("Highest stack level it takes"),
    "max_profile_as_default": _("Limit of the whole charger set plug by plug"),
    "zero_limit": _("A limit of zero"),
    "limit_unit": _("Unit of limits"),
    "limit_resend_on_charging": _("Limit sent again when a charge goes on"),
    "profile_gap_s": _("Least time between two limits (s)"),
    "no_subprotocol": _("Connects without naming OCPP 1.6"),
    "no_connection_header": _("Connects without the Connection header"),
    "no_boot_after_reconnect": _("Does not introduce itself after a reconnect"),
    "reconnect_grace_s": _("No alarm while away less than (s)"),
    "no_trigger": _("Cannot be asked for messages"),
    "skip_change_availability": _("Never told ChangeAvailability"),
    "no_configuration_probe": _("Its settings are never probed"),
    "id_tag_most": _("Longest card number sent to it"),
    "register": _("How its meter register counts"),
    "energy_unit": _("Unit of its energy readings"),
    "clock": _("Its clock"),
}
VALUES: dict[str, Promise] = {
    "true": _("yes"),
    "false": _("no"),
    "Absolute": _("from a moment on"),
    "Relative": _("from the start of the charge on"),
    "send": _("sent as it is"),
    "stop": _("the charge is stopped"),
    "6A": _("6 A, the least a car can draw"),
    "auto": _("as it says"),
    "lifetime": _("on for ever"),
    "per_session": _("from zero in each charge"),
    "resets_on_reboot": _("from zero after a reboot"),
    "as_labelled": _("as labelled"),
    "kwh_labelled_wh": _("kWh, although labelled Wh"),
    "utc": _("UTC"),
    "local": _("local time, although labelled UTC"),
}


def choices_of(name: str) -> list[str]:
    """What a quirk may be, as form values; none where it is a number."""
    hint = get_type_hints(Quirks)[name]
    if hint is bool:
        return ["true", "false"]
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return []


def word_of(value: Any) -> str:
    """A quirk's value in words."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    if value is None:
        return "–"
    return str(VALUES.get(str(value), value))


def typed(name: str, text: str) -> Any:
    """A form's text as the quirk wants it; what does not fit stays text and is refused later."""
    if choices_of(name) == ["true", "false"]:
        return {"true": True, "false": False}.get(text, text)
    if not choices_of(name) and text.isascii() and text.isdigit() and len(text) < 9:
        return int(text)
    return text


def names() -> list[str]:
    """The quirks that are set one by one; a recipe of settings is no single value."""
    return [f.name for f in msgspec.structs.fields(Quirks) if f.name in WORDS]


def title_of(device: Device) -> str:
    """A maker's name is the same in every language; what stands for all others is not."""
    return str(ANY_CHARGER) if device.key == GENERIC else device.title
