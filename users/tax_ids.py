"""Numbers of the Revenue Department: 13-digit tax ids, 5-digit branches, postcodes. Pure.

The last digit checks the other twelve, weighed 13 down to 2, modulo 11. A citizen's number and a
company's are built alike (Department of Provincial Administration; Revenue Department).
"""

import re

DIGITS = 13
HEAD_OFFICE = "00000"
_GROUPS = (1, 4, 5, 2, 1)  # how people write it: 0 1055 51234 56 7
_THAI_DIGITS = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")


def plain(text: str) -> str:
    """What was typed, without spaces and dashes, Thai digits as 0–9: ``0-1055-…`` → ``01055…``."""
    return re.sub(r"[\s\-–.]", "", text.translate(_THAI_DIGITS))


def check_digit(twelve: str) -> int:
    """The thirteenth digit for twelve: ``010555123456`` → 7."""
    weighed = sum(int(digit) * (DIGITS - n) for n, digit in enumerate(twelve))
    return (11 - weighed % 11) % 10


def is_tax_id(text: str) -> bool:
    """Thirteen digits 0–9 of which the last is right."""
    return (
        bool(re.fullmatch(r"\d{13}", text, re.ASCII))
        and text != "0" * DIGITS
        and check_digit(text[:-1]) == int(text[-1])
    )


def is_branch(text: str) -> bool:
    return bool(re.fullmatch(r"\d{5}", text, re.ASCII))


def is_postcode(text: str) -> bool:
    return bool(re.fullmatch(r"[1-9]\d{4}", text, re.ASCII))


def grouped(tax_id: str) -> str:
    """As people read it: ``0 1055 51234 56 7``."""
    parts, start = [], 0
    for length in _GROUPS:
        parts.append(tax_id[start : start + length])
        start += length
    return " ".join(parts)
