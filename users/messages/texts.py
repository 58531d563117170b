"""What the messages say, in the language of whoever is told."""

from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from users.models import Message, OneTimeCode

Payload = Mapping[str, Any]


def check(kind: str) -> None:
    """A kind without words is a programming error, said before anything is written."""
    if kind not in KINDS:
        raise ValueError(f"no words for messages of kind {kind!r}")


def text_of(message: Message) -> str:
    """The sentence, in the message's language."""
    with translation.override(message.language):
        return KINDS[message.kind](message.payload)


def code_text(row: OneTimeCode, digits: str) -> str:
    """A one-time code, in one message of 70 characters. No link: operators stop those."""
    with translation.override(row.language):
        text = _("%(code)s is your code (ref %(reference)s). Valid 5 min. Tell it to nobody.")
        return text % {"code": digits, "reference": row.reference}


def _session_billed(payload: Payload) -> str:
    """``{"energy", "amount", "station", "outstanding"}``: what a charge cost."""
    kwh = (Decimal(payload["energy"]) / 1000).quantize(Decimal("0.01"), ROUND_DOWN)
    parts = {**payload, "kwh": f"{kwh:f}"}
    text = _("Charging finished at %(station)s: %(kwh)s kWh, %(amount)s baht.") % parts
    if Decimal(payload["outstanding"]):
        text += " " + _("%(outstanding)s baht are still to be paid.") % parts
    return text


KINDS: dict[str, Callable[[Payload], str]] = {"session_billed": _session_billed}
