"""PromptPay: the text of a QR code, read and written; bank slips; numbers that people type.

Pure: no Django, no models, no float. Amounts are integer satang. Format: EMVCo merchant-presented
QR with the Bank of Thailand's tags 29 (credit transfer) and 30 (bill payment); CRC-16/CCITT-FALSE
over everything including ``6304``.

A code of tags 29 or 30 brings no word of its payment: a gateway, a bank or a slip has to say it.
"""

import binascii
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

TRANSFER_AID = "A000000677010111"
BILL_AID = "A000000677010112"
BAHT, THAILAND = "764", "TH"
MOST = 10**12 - 1  # 13 characters: 9999999999.99
# Banks write these three in any order; this is the one most of them use.
ORDER = ("58", "53", "54")


class BadPayload(ValueError):
    """The text is no PromptPay code, or what it should say cannot be said. ``code`` tells which.

    ``crc``, ``format``, ``not_promptpay``, ``ambiguous``, ``currency``, ``amount``, ``payee``,
    ``reference``, ``name``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadProxy(ValueError):
    """What somebody typed is no PromptPay number. ``code``: ``phone``, ``check_digit``, ``number``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Kind(StrEnum):
    """What a credit transfer is addressed to: the sub-tag of tag 29."""

    PHONE = "01"  # 0066 + 9 digits
    ID = "02"  # national or tax id, 13 digits
    WALLET = "03"  # e-wallet, 15 digits
    ACCOUNT = "04"  # bank code, 3 digits, + account number


_NUMBERS = {
    Kind.PHONE: re.compile(r"0066\d{9}"),
    Kind.ID: re.compile(r"\d{13}"),
    Kind.WALLET: re.compile(r"\d{15}"),
    Kind.ACCOUNT: re.compile(r"\d{3}\d{1,40}"),
}
_BILLER = re.compile(r"\d{13,15}")
_REFERENCE = re.compile(r"[A-Za-z0-9]{1,20}")
_PRINTABLE = re.compile(r"[ -~]*")
_AMOUNT = re.compile(r"(\d{1,10})(?:\.(\d{0,2}))?")


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money to a person, a company or an account (tag 29). ``number`` as it stands in the code."""

    kind: Kind
    number: str

    @classmethod
    def to_phone(cls, digits: str) -> "Transfer":
        """``080-123-4567``, ``+66 80 123 4567`` → ``0066801234567``."""
        return cls(Kind.PHONE, f"0066{_subscriber(_digits(digits))}")

    @classmethod
    def to_id(cls, digits: str) -> "Transfer":
        """A national id or tax id, with or without dashes; its check digit is not looked at."""
        return cls(Kind.ID, _digits(digits))

    @classmethod
    def to_wallet(cls, digits: str) -> "Transfer":
        return cls(Kind.WALLET, _digits(digits))

    @classmethod
    def to_account(cls, bank: str, account: str) -> "Transfer":
        """``bank``: the Bank of Thailand's 3-digit code."""
        if not re.fullmatch(r"\d{3}", bank):
            raise BadPayload("payee", "a bank code has 3 digits")
        return cls(Kind.ACCOUNT, bank + _digits(account))

    def check(self) -> None:
        if not _NUMBERS[self.kind].fullmatch(self.number):
            raise BadPayload("payee", f"not a {self.kind.name.lower()} of PromptPay")


@dataclass(frozen=True, slots=True)
class BillPayment:
    """Money to a biller (tag 30). ``biller``: tax id + 2-digit suffix; ``ref3`` goes into tag 62."""

    biller: str
    ref1: str
    ref2: str = ""
    ref3: str = ""

    def check(self) -> None:
        if not _BILLER.fullmatch(self.biller):
            raise BadPayload("payee", "a biller id has 15 digits")
        for text in (self.ref1, *filter(None, (self.ref2, self.ref3))):
            if not _REFERENCE.fullmatch(text):
                raise BadPayload("reference", "a reference has 1 to 20 letters and digits")


Payee = Transfer | BillPayment


@dataclass(frozen=True, slots=True)
class Code:
    """What a PromptPay code says. ``satang`` None: the payer types the amount.

    ``once``: for one payment (point of initiation 12), else a code that hangs on a wall (11).
    """

    payee: Payee
    satang: int | None = None
    once: bool = False
    name: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class Slip:
    """The small code on a bank's slip: who sent it and the bank's reference of the transfer."""

    bank: str
    reference: str


def payload(
    payee: Payee,
    satang: int | None = None,
    *,
    once: bool | None = None,
    name: str = "",
    city: str = "",
    order: Sequence[str] = ORDER,
) -> str:
    """The text of the QR. ``once`` says itself by whether there is an amount.

    Raises ``BadPayload`` for an amount that is not 1 to 999999999999 satang, a payee or reference
    that does not fit, or a name beyond ASCII (25 characters; city 15).
    """
    payee.check()
    fields = {"53": BAHT, "58": THAILAND}
    if satang is not None:
        fields["54"] = _amount(satang)
    parts = [
        _field("00", "01"),
        _field("01", "12" if (satang is not None if once is None else once) else "11"),
        _payee(payee),
        *(_field(tag, fields[tag]) for tag in order if tag in fields),
        *_names(name, city),
    ]
    if isinstance(payee, BillPayment) and payee.ref3:
        parts.append(_field("62", _field("07", payee.ref3)))
    return _sealed("".join(parts), "63")


def parse(text: str) -> Code:
    """What a code says, its CRC checked. Raises ``BadPayload``."""
    fields = _read(_opened(text, "63"))
    if next(iter(fields)) != "00" or fields["00"] != "01":
        raise BadPayload("format", "not a payment code: it does not begin with 000201")
    if fields.get("53") != BAHT or fields.get("58") != THAILAND:
        raise BadPayload("currency", "not in Thai baht")
    once = fields.get("01", "11")
    if once not in ("11", "12"):
        raise BadPayload("format", "neither for one payment nor for many")
    return Code(
        _payee_of(fields),
        _satang(fields["54"]) if "54" in fields else None,
        once == "12",
        fields.get("59", ""),
        fields.get("60", ""),
    )


def parse_slip(text: str) -> Slip:
    """The code on a bank's slip, its CRC checked. Raises ``BadPayload``."""
    fields = _read(_opened(text, "91"))
    inner = _read(fields.get("00", "")) if "00" in fields else {}
    if fields.get("51") != THAILAND or inner.get("00") != "000001":
        raise BadPayload("not_promptpay", "not the code of a Thai bank's slip")
    bank, reference = inner.get("01", ""), inner.get("02", "")
    if not re.fullmatch(r"\d{3}", bank) or not reference:
        raise BadPayload("format", "the slip names no bank or no transfer")
    return Slip(bank, reference)


# --- what people type -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proxy:
    """A person's PromptPay number. ``number``: 0812345678, or 13 digits; ``masked`` may be shown."""

    kind: Kind
    number: str
    masked: str

    @property
    def payee(self) -> Transfer:
        phone = self.kind is Kind.PHONE
        return Transfer.to_phone(self.number) if phone else Transfer.to_id(self.number)


def proxy(text: str) -> Proxy:
    """A mobile number in any Thai form, or a national or tax id with its check digit.

    ``081-234 5678``, ``๐๘๑…``, ``+66 (0)81…``, ``0066 81…`` → 0812345678, xxx-xxx-5678.
    Raises ``BadProxy``.
    """
    digits = _typed(text)
    subscriber = _subscriber(digits)
    if len(subscriber) == 9 and subscriber[0] in "689":
        number = f"0{subscriber}"
        return Proxy(Kind.PHONE, number, f"xxx-xxx-{number[-4:]}")
    if len(digits) == 13:
        if check_digit(digits[:12]) != digits[12]:
            raise BadProxy("check_digit", "the last digit of the id does not fit the others")
        return Proxy(Kind.ID, digits, f"x-xxxx-xxxxx-{digits[10:12]}-{digits[12]}")
    if len(digits) in (9, 10) and digits.startswith("0"):
        raise BadProxy("phone", "not a Thai mobile number")
    raise BadProxy("number", "neither a mobile number nor a 13-digit id")


def check_digit(first_twelve: str) -> str:
    """The 13th digit of a Thai national or tax id (mod 11, weights 13 to 2)."""
    total = sum(int(d) * w for d, w in zip(first_twelve, range(13, 1, -1), strict=True))
    return str((11 - total % 11) % 10)


_DECORATION = re.compile(r"[\s\-‐-―.()/\u200b-\u200f\u2060\ufeff]+")


def _typed(text: str) -> str:
    written = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text.strip())
    written = _DECORATION.sub("", written.removeprefix("tel:"))
    if not re.fullmatch(r"(\+66)?[0-9]{1,20}", written):
        raise BadProxy("number", "neither a Thai mobile number nor a 13-digit id")
    return written.removeprefix("+")


def _digits(text: str) -> str:
    """Digits only; ``Payee.check`` says whether they are the right ones."""
    return re.sub(r"[+\s\-]", "", text)


def _subscriber(digits: str) -> str:
    """The nine digits behind 0, 66, 0066 or 660; what is no telephone number stays as it is."""
    for prefix in ("00660", "0066", "660", "66", "0"):
        if digits.startswith(prefix) and len(digits) - len(prefix) == 9:
            return digits[len(prefix) :]
    return digits


# --- the format -----------------------------------------------------------------------------------


def _field(tag: str, value: str) -> str:
    if not 0 < len(value) < 100:
        raise BadPayload("format", f"tag {tag} cannot hold {len(value)} characters")
    return f"{tag}{len(value):02d}{value}"


def _crc(text: str) -> str:
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def _sealed(text: str, tag: str) -> str:
    head = f"{text}{tag}04"
    return head + _crc(head)


def _opened(text: str, tag: str) -> str:
    """The fields before the CRC, which ends the text. The check itself is made here."""
    written = text.strip()
    head, crc = written[:-4], written[-4:]
    if len(written) < 12 or not head.endswith(f"{tag}04"):
        raise BadPayload("format", "not a payment code: it does not end with its check sum")
    if _crc(head) != crc.upper():
        raise BadPayload("crc", "the code is damaged: its check sum does not fit")
    return head[:-4]


def _read(text: str) -> dict[str, str]:
    """Tag → value, in order. A tag twice, a length beyond the end: refused."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        if not re.fullmatch(r"[0-9]{4}", tag + length):
            raise BadPayload("format", "damaged: a field has no tag or no length")
        value = text[at + 4 : at + 4 + int(length)]
        if len(value) != int(length) or tag in found:
            raise BadPayload("format", f"damaged: tag {tag} is cut short or comes twice")
        found[tag] = value
        at += 4 + int(length)
    return found


def _amount(satang: int) -> str:
    if isinstance(satang, bool) or not 0 < satang <= MOST:
        raise BadPayload("amount", "an amount is 1 to 999999999999 satang")
    return f"{satang // 100}.{satang % 100:02d}"


def _satang(text: str) -> int:
    found = _AMOUNT.fullmatch(text)
    satang = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else 0
    if not 0 < satang <= MOST:
        raise BadPayload("amount", f"{text!r} is no amount")
    return satang


def _names(name: str, city: str) -> list[str]:
    found = []
    for tag, text, most in (("59", name, 25), ("60", city, 15)):
        if len(text) > most or not _PRINTABLE.fullmatch(text):
            raise BadPayload("name", f"a name in a code has at most {most} ASCII characters")
        if text:
            found.append(_field(tag, text))
    return found


def _payee(payee: Payee) -> str:
    if isinstance(payee, Transfer):
        return _field("29", _field("00", TRANSFER_AID) + _field(payee.kind, payee.number))
    refs = [_field("02", payee.ref1), *([_field("03", payee.ref2)] if payee.ref2 else [])]
    return _field("30", _field("00", BILL_AID) + _field("01", payee.biller) + "".join(refs))


def _payee_of(fields: Mapping[str, str]) -> Payee:
    given = [tag for tag in ("29", "30") if tag in fields]
    if len(given) > 1:
        raise BadPayload("ambiguous", "the code names two payees")
    if not given:
        raise BadPayload("not_promptpay", "the code is not for PromptPay")
    inner = _read(fields[given[0]])
    payee = _transfer(inner) if given[0] == "29" else _bill(inner, fields)
    payee.check()
    return payee


def _transfer(inner: Mapping[str, str]) -> Transfer:
    kinds = [kind for kind in Kind if kind in inner]
    if inner.get("00") != TRANSFER_AID or not kinds:
        raise BadPayload("not_promptpay", "the code is not for a PromptPay transfer")
    if len(kinds) > 1:
        raise BadPayload("ambiguous", "the code names two payees")
    return Transfer(kinds[0], inner[kinds[0]])


def _bill(inner: Mapping[str, str], fields: Mapping[str, str]) -> BillPayment:
    if inner.get("00") != BILL_AID or "01" not in inner:
        raise BadPayload("not_promptpay", "the code is not for a PromptPay bill")
    additional = _read(fields.get("62", ""))
    return BillPayment(
        inner["01"], inner.get("02", ""), inner.get("03", ""), additional.get("07", "")
    )
