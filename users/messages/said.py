"""A message in words: what every channel is made from. Pure values in one language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

Payload = Mapping[str, Any]
LOCAL = ZoneInfo("Asia/Bangkok")


class Tone(StrEnum):
    """The state that a message is about; its colour and sign follow from it."""

    DONE = "done"
    NEWS = "news"
    WAIT = "wait"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of figures: what, how much; ``strong`` for the one that counts."""

    label: str
    value: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """``sentence`` says all of it in one or two sentences: shown in lists, in notifications, in an e-mail.

    ``figure`` is the one large number; ``link`` is a path of ours, ``button`` the words on it.
    """

    sentence: str
    title: str
    tone: Tone = Tone.NEWS
    place: str = ""
    figure: str = ""
    unit: str = ""
    rows: tuple[Row, ...] = ()
    note: str = ""
    link: str = ""
    button: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """``important``: sent also when LINE's quota is nearly used up. ``lasts``: worth telling so long."""

    words: Callable[[Payload], Said]
    important: bool = False
    lasts: timedelta = field(default=timedelta(hours=12))


def kwh(wh: int | str) -> str:
    """Wh as kWh, cut, never rounded up: what is told has been delivered."""
    return f"{(Decimal(wh) / 1000).quantize(Decimal('0.01'), ROUND_DOWN):,f}"


def baht(amount: str) -> str:
    """``"1234.5"`` → ``฿1,234.50``."""
    return f"฿{Decimal(amount):,.2f}"


def clock(at: str) -> str:
    """20:42 at the station's wall."""
    return datetime.fromisoformat(at).astimezone(LOCAL).strftime("%H:%M")


def minutes(start: str, end: str) -> int:
    length = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(round(length.total_seconds() / 60), 0)


def day(text: str) -> date:
    """The day of a date or, at the station's wall, of a time."""
    if len(text) == 10:
        return date.fromisoformat(text)
    return datetime.fromisoformat(text).astimezone(LOCAL).date()


def is_zero(amount: str | None) -> bool:
    return amount is None or not Decimal(amount)
