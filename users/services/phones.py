"""Telephone numbers: whatever way people write them, kept as E.164."""

import re
import unicodedata

import phonenumbers
from django.utils.translation import gettext_lazy as _
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from core.errors import DomainError

REGION = "TH"
_DECORATION = re.compile(r"[\s\-‐-―.()/\u200b-\u200f\u2060\ufeff]+")
_WRITTEN = re.compile(r"\+?\d{4,20}")
# 060 and 068 are "VoIP" in the plan and ring in mobiles all the same.
_MOBILE = (
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.VOIP,
)


class BadPhone(DomainError):
    """``bad_phone``: no telephone number; ``not_mobile``: one that takes no text messages."""

    SENTENCES = {
        "bad_phone": _("This is not a telephone number."),
        "not_mobile": _("Enter a mobile number: this line cannot receive messages."),
    }

    def __init__(self, code: str) -> None:
        super().__init__(self.SENTENCES[code], code=code, field="phone")


def normalise(text: str) -> str:
    """``081-234 5678``, ``๐๘๑…``, ``66 81…``, ``+66 (0) 81…``, ``0066 81…`` → ``+66812345678``."""
    written = "".join(_digit(c) for c in text.strip().removeprefix("tel:"))
    written = _DECORATION.sub("", written)
    if not _WRITTEN.fullmatch(written):
        raise BadPhone("bad_phone")
    if written.startswith("00"):  # dialled from abroad; the library knows only Thailand's own 001
        written = f"+{written[2:]}"
    try:
        number = phonenumbers.parse(written, REGION)
    except NumberParseException:
        raise BadPhone("bad_phone") from None
    if not phonenumbers.is_valid_number(number):
        raise BadPhone("bad_phone")
    if phonenumbers.number_type(number) not in _MOBILE:
        raise BadPhone("not_mobile")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def national(e164: str) -> str:
    """As people of the country write it: ``081 234 5678``."""
    number = phonenumbers.parse(e164)
    at_home = number.country_code == phonenumbers.country_code_for_region(REGION)
    style = PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, style)


def _digit(character: str) -> str:
    """Thai digits as Arabic ones; everything else as it is."""
    return str(unicodedata.digit(character)) if character.isdecimal() else character
