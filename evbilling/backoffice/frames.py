"""The frame log of one charger: every message both ways, live, filtered, opened to read."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evbilling.backoffice import charger_page
from evbilling.backoffice.chips import chip, url
from evbilling.backoffice.gate import AdminRequest, needs
from evbilling.backoffice.moments import LOCAL, today
from evbilling.states import State
from stations.drivers.ocpp.redact import redact
from stations.models import Charger, Frame
from stations.selectors import frames as selectors
from stations.selectors import keyset
from stations.selectors.frames import FILTERED_DAYS, KEPT_DAYS, Exchange, FrameFilter
from users.access import Action

PARAMETERS = ("action", "dir", "errors", "id", "days")
MOST_PRETTY = 16_000
STATES = {
    "in": State(
        "chg", "arrow-down-left", gettext_lazy("From the charger"), gettext_lazy("Received")
    ),
    "out": State("out", "arrow-up-right", gettext_lazy("To the charger"), gettext_lazy("Sent")),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One exchange as the page shows it."""

    exchange: Exchange
    title: str
    direction: State
    brief: str

    @property
    def frame(self) -> Frame:
        return self.exchange.frame

    @property
    def time(self) -> str:
        """To the millisecond: two frames of the same second must tell apart."""
        return self.frame.at.astimezone(LOCAL).strftime("%H:%M:%S.%f")[:-3]

    @property
    def day(self) -> date | None:
        """The day, where it is not today."""
        found = self.frame.at.astimezone(LOCAL).date()
        return found if found != today() else None

    @property
    def call(self) -> str:
        return pretty(self.frame.payload)

    @property
    def answer(self) -> str:
        return "" if self.exchange.answer is None else pretty(self.exchange.answer)

    @property
    def took(self) -> str:
        return "" if self.exchange.took_us is None else milliseconds(self.exchange.took_us)


@needs(Action.VIEW)
def page(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_page.charger_of(request, charge_point_id)
    wanted = filter_of(request)
    after = keyset.parse(request.GET.get("after", ""))
    if after is not None:
        return _added(request, charger, wanted, after)
    cursor = keyset.parse(request.GET.get("at", ""))
    found = selectors.page(charger, wanted, cursor)
    context = charger_page.frame(request, charger, "frames") | {
        "page": found,
        "frames": _shown(charger, found.rows),
        "wanted": wanted,
        "live": cursor is None,
        "paused": request.GET.get("pause") == "1",
        "poll": _poll_url(request, charger, found.rows[0] if found.rows else None),
        "filtered_days": FILTERED_DAYS,
        "kept_days": KEPT_DAYS,
    }
    return render(request, "backoffice/frames.html", context | _choices(request, charger, wanted))


def _choices(request: AdminRequest, charger: Charger, wanted: FrameFilter) -> dict[str, Any]:
    """The filters and what else may be chosen, as links."""
    names = {name: name for name in {*selectors.actions(charger), wanted.action} if name}
    directions = {key: str(state.word) for key, state in STATES.items()}
    kept = [(k, request.GET[k]) for k in PARAMETERS if k != "id" and request.GET.get(k)]
    return {
        "chips": [
            chip(request, "action", _("Action"), dict(sorted(names.items()))),
            chip(request, "dir", _("Way"), directions),
        ],
        "errors_url": url(request, errors="" if wanted.errors else "1"),
        "pause_url": url(request, pause="" if request.GET.get("pause") == "1" else "1"),
        "all_days_url": url(request, days="all"),
        "kept": kept,
    }


def filter_of(request: HttpRequest) -> FrameFilter:
    """The chips of the URL; what is nonsense counts as not there."""
    direction = request.GET.get("dir", "")
    return FrameFilter(
        action=request.GET.get("action", "")[:50],
        direction=direction if direction in Frame.Direction.values else "",
        errors=request.GET.get("errors") == "1",
        message_id=request.GET.get("id", "").strip()[:60],
        all_days=request.GET.get("days") == "all",
    )


def _added(
    request: AdminRequest, charger: Charger, wanted: FrameFilter, after: keyset.Cursor
) -> HttpResponse:
    """What came since the newest that the page shows: nothing at all, or rows to put on top."""
    rows = selectors.newer_than(charger, wanted, after)
    if not rows:
        return HttpResponse(status=204)
    context = {
        "charger": charger,
        "frames": _shown(charger, rows),
        "live": True,
        "poll": _poll_url(request, charger, rows[0]),
    }
    return render(request, "backoffice/frames.html#rows", context)


def _poll_url(request: HttpRequest, charger: Charger, newest: Frame | None) -> str:
    """Where the page asks for what is newer, with the filters it shows."""
    kept = {key: request.GET[key] for key in PARAMETERS if request.GET.get(key)}
    at = newest.at if newest else keyset.EPOCH
    kept["after"] = str(keyset.Cursor(at, newest.pk if newest else 0))
    return f"{reverse('charger-frames', args=[charger.charge_point_id])}?{urlencode(kept)}"


def _shown(charger: Charger, rows: list[Frame]) -> list[Shown]:
    return [
        Shown(exchange, _title(exchange), STATES[exchange.frame.direction], _brief(exchange))
        for exchange in selectors.exchanges(charger, rows)
    ]


def _title(exchange: Exchange) -> str:
    frame = exchange.frame
    if frame.kind == Frame.Kind.BROKEN:
        return _("Not a frame")
    if exchange.unexpected:
        return _("Answer to nothing we asked")
    return frame.action or _("Answer")


def _brief(exchange: Exchange) -> str:
    """One line of what was said; the error first where there is one."""
    error = exchange.frame.error or exchange.answer_error
    text = redact(exchange.frame.payload)[:300]
    return f"{error} {text}" if error else text


def pretty(text: str) -> str:
    """Frames as stored are JSON, mostly; what is not is shown as it came. Secrets are stars already,
    and once more here: what is shown must not rest on what was stored."""
    cleaned = redact(text)[:MOST_PRETTY]
    try:
        return orjson.dumps(orjson.loads(cleaned), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return cleaned


def milliseconds(us: int) -> str:
    """0.4 ms, 12 ms, 1.4 s."""
    if us < 10_000:
        return f"{us / 1000:.1f} ms"
    if us < 1_000_000:
        return f"{us // 1000} ms"
    return f"{timedelta(microseconds=us).total_seconds():.1f} s"
