"""Satang, baht and the one rounding rule. Pure: no Django, no float.

Amounts that are owed or paid are integers of satang. Prices are ``Decimal`` baht with at most
four decimals. ``round_satang`` is the only place where money is rounded.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

SATANG_PER_BAHT = 100
MAX_SATANG = 10**13  # a hundred thousand million baht: beyond it something is wrong


def round_satang(baht: Decimal) -> int:
    """Baht to satang, half up (5/4 rounding, as Thai tax documents do): 0.005 → 1."""
    return int((baht * SATANG_PER_BAHT).to_integral_value(rounding=ROUND_HALF_UP))


def to_baht(satang: int) -> Decimal:
    """Exact: 15400 → Decimal('154.00')."""
    return Decimal(satang).scaleb(-2)


def to_satang(text: str | Decimal | int) -> int:
    """An amount somebody typed, exactly. ``ValueError`` for what is not baht with two decimals."""
    try:
        amount = Decimal(text)
    except (InvalidOperation, TypeError, ValueError):
        raise ValueError("not an amount") from None
    if not amount.is_finite():
        raise ValueError("not an amount")
    satang = amount * SATANG_PER_BAHT
    if satang != satang.to_integral_value():
        raise ValueError("more than two decimals")
    if abs(satang) > MAX_SATANG:
        raise ValueError("too large")
    return int(satang)


def vat_within(total_satang: int, rate: Decimal) -> int:
    """The VAT inside a VAT-inclusive total: once per document, never per line.

    7 %: 16500 → 1079 (net 15421). Revenue Code s.79; rounding as ``round_satang``.
    """
    return round_satang(to_baht(total_satang) * rate / (1 + rate))


def share(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` satang spread over ``weights`` by largest remainder: the parts add up to it exactly.

    Of equal remainders the first wins. Weights are not negative; where all are zero the first
    takes it all.
    """
    whole = sum(weights)
    if not whole:
        return [total, *[0] * (len(weights) - 1)]
    parts = [total * weight // whole for weight in weights]
    by_rest = sorted(range(len(weights)), key=lambda n: -(total * weights[n] % whole))
    for n in by_rest[: total - sum(parts)]:
        parts[n] += 1
    return parts
