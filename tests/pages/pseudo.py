"""A language in which every translated text stands in brackets: what stands outside is untranslated."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any
from unittest.mock import patch

from django.apps import apps
from django.db import models
from django.utils import translation
from django.utils.translation import trans_real

from stations import devices

LOOK_UPS: Any = vars(translation)["_trans"]  # what all of Django's ways to translate end in
OPEN, CLOSE = "⟦", "⟧"
SEEN = ("alt", "aria-label", "aria-valuetext", "placeholder", "title", "data-say", "data-title")
SILENT = ("script", "style", "code", "time", "title")
# Units, proper names and words that the standards define: the same in every language.
SAME_EVERYWHERE = re.compile(
    r"\b(kWh|kW|Wh|W|V|A|AC|DC|PDF|FM|Rev|"
    r"h|min|ms|s|kB|MB|VAT|OCPP|RFID|QR|SoC|S/N|TOTP|API|MEA|PEA|TOU|On-Peak|Off-Peak|"
    r"Member|VIP|Normal|Fail|EN|ไทย|English|evbilling|Type 2|CCS2|CHAdeMO|holidays|UTC|JSON|"
    r"\d+ [A-Z][a-z]{2} \d{4}|[A-Z][a-z]{2} \d+|ws://\S+|"  # dates and addresses
    r"Omise|SCB|SVG|Excel|https?://\S+|"
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|"  # keys
    r"true|false|Voltage|(?:[A-Z][A-Za-z]+\.)+[A-Z][A-Za-z]+|"  # settings: Energy.Active.Import.Register
    r"SHA(?:256|384|512)|Heartbeat|Reset|Authorize|data|key|type|value|"  # OCPP's
    r"[A-Za-z][a-z]+(?:[A-Z][a-z0-9]+)+|"  # OCPP's too: GroundFailure, idTag
    r"[A-Z2-7]{4})\b"  # a part of a TOTP secret
)
LETTERS = re.compile(r"[A-Za-zก-๙]{2,}")


@contextmanager
def spoken() -> Iterator[None]:
    """Every text that is looked up comes back in brackets, whatever the language."""

    def text(message: str) -> str:
        return f"{OPEN}{message}{CLOSE}" if message else message

    def plural(one: str, many: str, number: int) -> str:
        return text(one if number == 1 else many)

    with patch.multiple(
        LOOK_UPS,
        gettext=text,
        pgettext=lambda context, message: text(message),
        ngettext=plural,
        npgettext=lambda context, *rest: plural(*rest),
        create=True,
    ):
        yield


@contextmanager
def unknown() -> Iterator[set[str]]:
    """Collects what is looked up in Thai and not found."""
    missed: set[str] = set()
    catalogue: Any = trans_real.translation("th")

    def told(message: str) -> str:
        found = str(trans_real.gettext(message))
        if found == message and message not in catalogue._catalog and LETTERS.search(message):
            missed.add(message)
        return found

    with patch.multiple(LOOK_UPS, gettext=told, create=True):
        yield missed


def untranslated(page: str, data: re.Pattern[str]) -> list[str]:
    """What a person sees on the page that nobody has translated; ``data`` is not meant to be."""
    reader = _Reader()
    reader.feed(page)
    # A sentence may hold other elements: its brackets are looked for in the text as a whole.
    lines = [*_outside("\n".join(reader.text)).splitlines(), *map(_outside, reader.words)]
    return sorted({left for line in lines if (left := _rest(line, data))})


def stored_texts() -> re.Pattern[str]:
    """What stands in the database and the device files, which nobody translates."""
    kept = (models.CharField, models.TextField)
    found: set[str] = set()
    for model in apps.get_models():
        names = [f.attname for f in model._meta.concrete_fields if isinstance(f, kept)]
        for row in model._base_manager.values_list(*names) if names else ():
            found.update(text for text in row if text and len(text) > 2)
    for device in devices.catalogue().values():  # makers' names, and help in the reader's language
        found |= {device.help.en, device.help.th}
        found |= {device.title} if device.key != devices.GENERIC else set()
    long_first = sorted(found, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, long_first))})(?!\w)")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.words: list[str] = []  # of attributes and for scripts
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("type") == "application/json":
            tag = "json"
        if self.inside and self.inside[-1] == (nested := f"no {tag}"):
            self.inside.append(nested)
        elif given.get("translate") == "no":  # what a paper says, in the paper's own languages
            self.inside.append(f"no {tag}")
        elif tag in SILENT or tag == "json":
            self.inside.append(tag)
        self.words += [value for name in SEEN if (value := given.get(name))]

    def handle_endtag(self, tag: str) -> None:
        if self.inside and (
            self.inside[-1] in (tag, f"no {tag}") or (tag, self.inside[-1]) == ("script", "json")
        ):
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.text.append(data)
        elif self.inside[-1] == "json":
            self.words += _words(json.loads(data))


def _words(value: Any) -> list[str]:
    """The texts that a script on the page will show."""
    words = value.get("words", {}) if isinstance(value, dict) else {}
    return [each for each in words.values() if isinstance(each, str)]


def _outside(text: str) -> str:
    """Without what stands in brackets, one inside another too."""
    while (outer := re.sub(rf"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}", " ", text)) != text:
        text = outer
    return text


def _rest(text: str, data: re.Pattern[str]) -> str:
    left = SAME_EVERYWHERE.sub(" ", data.sub(" ", text))
    return " ".join(text.split()) if LETTERS.search(left) else ""
