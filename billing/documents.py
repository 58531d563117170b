"""The values on a tax document: lines, VAT once, numbers. Pure: no Django, no clock.

VAT is split once for the whole document, half up; what each line has of it follows by largest
remainder, so that the lines add up to the document to the satang.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from billing.money import to_baht, vat_within

BUDDHIST_ERA = 543
ON_PEAK = {"on_peak": " On-Peak", "off_peak": " Off-Peak"}
# What a line is, in Thai and English, as it stands on the paper for ever.
NAMES = {
    "start": ("ค่าเริ่มชาร์จ", "Start fee"),
    "flat": ("ค่าบริการต่อครั้ง", "Fee per charge"),
    "energy": ("ค่าบริการชาร์จไฟฟ้า", "EV charging"),
    "time": ("ค่าใช้หัวชาร์จตามเวลา", "Time at the plug"),
    "parking": ("ค่าจอดรถ", "Parking"),
    "penalty": ("ค่าจอดเกินเวลา", "Overstay"),
    "reservation": ("ค่าจองหัวชาร์จ", "Reservation"),
}
# How a part is counted: what is stored per unit, the unit in Thai, its code (UN/ECE rec. 20).
KWH, MINUTE, HOUR, ONCE = (
    (1000, "kWh", "KWH"),
    (60, "นาที", "MIN"),
    (3600, "ชม.", "HUR"),
    (1, "ครั้ง", "C62"),
)
UNITS = {"energy": KWH, "time": MINUTE, "penalty": MINUTE, "parking": HOUR}
ROUNDING = ("ส่วนลด", "Discount")
PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Item:
    """A line before the VAT is split. ``amount`` satang with VAT, ``unit_price`` baht with VAT."""

    name: str
    name_en: str
    quantity: Decimal
    unit: str
    unit_code: str
    unit_price: Decimal
    amount: int


@dataclass(frozen=True, slots=True)
class Sums:
    """``base`` + ``vat`` = ``total``; ``lines`` as a document stores them."""

    total: int
    base: int
    vat: int
    lines: list[dict[str, Any]]


def items_of_bill(rows: Sequence[dict[str, Any]], total: int) -> list[Item]:
    """A bill's stored lines. Where it took less than they add up to, a discount says so."""
    found = [_item(row) for row in rows if int(row["amount"])]
    rest = total - sum(item.amount for item in found)
    if rest:
        found.append(Item(*ROUNDING, Decimal(1), ONCE[1], ONCE[2], to_baht(rest), rest))
    return found


def summed(items: Sequence[Item], rate: Decimal) -> Sums:
    """The sums of a document at a VAT rate; 0 for an issuer that is not registered."""
    total = sum(item.amount for item in items)
    vat = vat_within(total, rate)
    shares = spread([item.amount for item in items], total - vat)
    lines = [_line(item, base) for item, base in zip(items, shares, strict=True)]
    return Sums(total, total - vat, vat, lines)


def spread(amounts: Sequence[int], total: int) -> list[int]:
    """``total`` over ``amounts`` in proportion, by largest remainder: exactly, in whole satang."""
    whole = sum(amounts)
    if not whole:
        return [0] * len(amounts)
    parts = [divmod(amount * total, whole) for amount in amounts]
    shares = [share for share, _ in parts]
    left = total - sum(shares)
    by_rest = sorted(range(len(parts)), key=lambda n: (-parts[n][1], n))
    for n in by_rest[:left]:
        shares[n] += 1
    return shares


def period(day: date) -> str:
    """The month of a series in the Buddhist era: ``256911``."""
    return f"{day.year + BUDDHIST_ERA}{day.month:02d}"


def number(kind: str, branch: str, month: str, sequence: int) -> str:
    """``ABB-00001-256911-000123``."""
    return f"{kind}-{branch}-{month}-{sequence:06d}"


def _item(row: dict[str, Any]) -> Item:
    part, amount = str(row["part"]), int(row["amount"])
    thai, english = NAMES.get(part, (part, part))
    tou = ON_PEAK.get(str(row.get("period", "")), "")
    per, unit, code = UNITS.get(part, ONCE)
    quantity = (Decimal(int(row["quantity"])) / per).quantize(PLACES).normalize()
    price = Decimal(row["unit_price"])
    return Item(thai + tou, english + tou, quantity, unit, code, price, amount)


def _line(item: Item, base: int) -> dict[str, Any]:
    return {
        "name": item.name,
        "name_en": item.name_en,
        "quantity": f"{item.quantity:f}",
        "unit": item.unit,
        "unit_code": item.unit_code,
        "unit_price": f"{item.unit_price:f}",
        "amount": item.amount,
        "base": base,
        "vat": item.amount - base,
    }
