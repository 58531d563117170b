"""Filters that live in the URL: a chip with a menu for each, every choice a plain link."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _

# What a filter's link does not keep: the page one was on, parts, messages, the language.
DROPPED = ("at", "part", "totals", "lang", "done", "retried", "saved")


@dataclass(frozen=True, slots=True)
class Choice:
    """One value: its word, the URL with it, whether it is chosen, how many it shows."""

    word: str
    url: str
    chosen: bool
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter. ``word`` says what is chosen now; ``active`` whether it narrows anything."""

    title: str
    word: str
    active: bool
    choices: list[Choice]


def chip(
    request: HttpRequest,
    name: str,
    title: str,
    words: Mapping[str, str],
    *,
    n: Mapping[str, int] | None = None,
    **cleared: str,
) -> Chip:
    """The filter under ``name``; choosing resets what ``cleared`` names."""
    chosen = request.GET.get(name, "")
    chosen = chosen if chosen in words else ""
    everything = Choice(_("All"), url(request, **{name: ""}, **cleared), not chosen)
    choices = [
        Choice(
            word,
            url(request, **{name: key}, **cleared),
            key == chosen,
            n.get(key) if n is not None else None,
        )
        for key, word in words.items()
    ]
    return Chip(title, words.get(chosen, _("All")), bool(chosen), [everything, *choices])


def url(request: HttpRequest, **changed: str) -> str:
    """This page with some filters changed, from its first page on."""
    kept = {key: value for key, value in request.GET.items() if key not in DROPPED}
    found = {key: value for key, value in (kept | changed).items() if value}
    return f"?{urlencode(found)}" if found else "?"
