"""Baht in Thai words, as documents spell a sum out. Pure.

Rule of the Royal Society: a one after tens is เอ็ด (101 is หนึ่งร้อยเอ็ด), twenty is ยี่สิบ, ten is
สิบ without หนึ่ง; above a million the millions are spelt out before ล้าน.
"""

_DIGITS = ("", "หนึ่ง", "สอง", "สาม", "สี่", "ห้า", "หก", "เจ็ด", "แปด", "เก้า")
_PLACES = ("", "สิบ", "ร้อย", "พัน", "หมื่น", "แสน")
_MILLION = 10**6


def baht_words(satang: int) -> str:
    """16500 → ``หนึ่งร้อยหกสิบห้าบาทถ้วน``; 33050 → ``สามร้อยสามสิบบาทห้าสิบสตางค์``."""
    if satang < 0:
        return f"ลบ{baht_words(-satang)}"
    baht, rest = divmod(satang, 100)
    small = f"{number_words(rest)}สตางค์" if rest else "ถ้วน"
    return f"{number_words(baht)}บาท{small}"


def number_words(number: int) -> str:
    """A whole number from zero on: 21 → ``ยี่สิบเอ็ด``."""
    if number == 0:
        return "ศูนย์"
    millions, rest = divmod(number, _MILLION)
    high = f"{number_words(millions)}ล้าน" if millions else ""
    return high + _below_a_million(rest, after=bool(millions))


def _below_a_million(number: int, *, after: bool) -> str:
    digits = str(number) if number else ""
    found = ""
    for n, digit in enumerate(int(d) for d in digits):
        place = len(digits) - n - 1
        if digit == 0:
            continue
        if place == 1:
            found += {1: "", 2: "ยี่"}.get(digit, _DIGITS[digit])
        elif place == 0 and digit == 1 and (number > 1 or after):
            found += "เอ็ด"
        else:
            found += _DIGITS[digit]
        found += _PLACES[place]
    return found
