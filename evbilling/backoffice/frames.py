"""The frame log: every message both ways, live, filtered, opened to read, exported."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evbilling import frame_messages
from evbilling.backoffice import charger_page
from evbilling.backoffice.chips import chip, url
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.moments import LOCAL, parse_moment, today
from evbilling.states import State
from stations.drivers.ocpp.handlers import ACTIONS
from stations.drivers.ocpp.redact import redact
from stations.drivers.ocpp.schemas import OUTWARD
from stations.models import Charger, Frame, Session
from stations.selectors import frames as selectors
from stations.selectors import keyset
from stations.selectors.frames import FILTERED_DAYS, KEPT_DAYS, Exchange, FrameFilter
from users.access import Action

PARAMETERS = ("action", "dir", "errors", "id", "q", "from", "to", "session", "days")
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
    charger: Charger | None = None

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
    wanted = filter_of(request, charger)
    after = keyset.parse(request.GET.get("after", ""))
    if after is not None:
        return _added(request, charger, wanted, after)
    cursor = keyset.parse(request.GET.get("at", ""))
    found = selectors.page(charger, wanted, cursor)
    context = charger_page.frame(request, charger, "frames") | {
        "page": found,
        "frames": shown(found.rows),
        "wanted": wanted,
        "live": cursor is None and wanted.until is None,
        "paused": request.GET.get("pause") == "1",
        "poll": _poll_url(request, charger, found.rows[0] if found.rows else None),
        "export_url": _export_url(request, charger),
        "filtered_days": FILTERED_DAYS,
        "kept_days": KEPT_DAYS,
    }
    spoken = selectors.actions([charger.pk])
    return render(request, "backoffice/frames.html", context | choices(request, wanted, spoken))


@needs(Action.VIEW)
def export(request: AdminRequest, charge_point_id: str) -> HttpResponseBase:
    """What the page shows, all of it, as JSON Lines."""
    charger = charger_page.charger_of(request, charge_point_id)
    found = selectors.calls(charger, filter_of(request, charger))
    filters = request.META.get("QUERY_STRING", "")
    return frame_messages.export(charger, found, actor=actor(request), filters=filters)


@needs(Action.VIEW)
def search(request: AdminRequest) -> HttpResponse:
    """The frames of all chargers at once, of the last day unless other times are chosen."""
    machines = list(rows(request, Charger.objects.all()).order_by("charge_point_id"))
    ids = {c.charge_point_id: c.pk for c in machines}
    named = request.GET.get("charger", "")
    wanted, cut = selectors.searchable(filter_of(request, None))
    cursor = keyset.parse(request.GET.get("at", ""))
    chosen = [ids[named]] if named in ids else list(ids.values())
    found = selectors.of_chargers(chosen, wanted, cursor)
    by_pk = {c.pk: c for c in machines}
    only = chip(request, "charger", _("Charger"), {name: name for name in ids})
    spoken = [str(word, "ascii").strip('"') for word in ACTIONS]
    context = choices(request, wanted, [*spoken, *OUTWARD]) | {
        "page": found,
        "frames": shown(found.rows, by_pk),
        "wanted": wanted,
        "chosen_times": bool(request.GET.get("from") or request.GET.get("to")),
        "filtered": any(request.GET.get(k) for k in (*PARAMETERS, "charger")),
        "any_charger": bool(machines),
        "cut": cut,
        "filtered_days": FILTERED_DAYS,
    }
    context["chips"] = [only, *context["chips"]] if len(machines) > 1 else context["chips"]
    return render(request, "backoffice/frames_all.html", context)


@needs(Action.VIEW)
def of_session(request: AdminRequest, pk: int) -> HttpResponse:
    """One charge told by its frames, in the order they came."""
    session = one(request, Session.objects.select_related("charger", "connector", "station"), pk=pk)
    found, before, after = selectors.story(session, keyset.parse(request.GET.get("at", "")))
    context = {
        "session": session,
        "charger": session.charger,
        "frames": shown(found),
        "before": before,
        "after": after,
        "log_url": f"{_log_url(session.charger)}?session={session.pk}",
        "export_url": f"{_log_url(session.charger)}export/?session={session.pk}",
        "kept_days": KEPT_DAYS,
    }
    return render(request, "backoffice/session_frames.html", context)


def choices(request: HttpRequest, wanted: FrameFilter, spoken: list[str]) -> dict[str, Any]:
    """The filters and what else may be chosen, as links."""
    names = {name: name for name in {*spoken, wanted.action} if name}
    directions = {key: str(state.word) for key, state in STATES.items()}
    kept = [(k, request.GET[k]) for k in (*PARAMETERS, "charger") if request.GET.get(k)]
    return {
        "chips": [
            chip(request, "action", _("Action"), dict(sorted(names.items()))),
            chip(request, "dir", _("Way"), directions),
        ],
        "errors_url": url(request, errors="" if wanted.errors else "1"),
        "pause_url": url(request, pause="" if request.GET.get("pause") == "1" else "1"),
        "all_days_url": url(request, days="all"),
        "session_url": url(request, session=""),
        "kept_text": [(k, v) for k, v in kept if k not in ("q", "id")],
        "kept_times": [(k, v) for k, v in kept if k not in ("from", "to")],
    }


def filter_of(request: AdminRequest, charger: Charger | None) -> FrameFilter:
    """The chips of the URL; what is nonsense counts as not there."""
    direction = request.GET.get("dir", "")
    number = request.GET.get("session", "")
    session = None
    if charger is not None and number.isascii() and number.isdigit() and len(number) < 18:
        charges = rows(request, Session.objects.filter(charger=charger))
        session = charges.select_related("connector").filter(pk=int(number)).first()
    return FrameFilter(
        action=_clean(request.GET.get("action", ""), 50),
        direction=direction if direction in Frame.Direction.values else "",
        errors=request.GET.get("errors") == "1",
        message_id=_clean(request.GET.get("id", ""), 60),
        text=_clean(request.GET.get("q", ""), 100),
        since=parse_moment(request.GET.get("from", "")),
        until=parse_moment(request.GET.get("to", "")),
        session=session,
        all_days=request.GET.get("days") == "all",
    )


def _clean(text: str, most: int) -> str:
    return text.strip().replace("\x00", "")[:most]


def _added(
    request: AdminRequest, charger: Charger, wanted: FrameFilter, after: keyset.Cursor
) -> HttpResponse:
    """What came since the newest that the page shows: nothing at all, or rows to put on top."""
    added = selectors.newer_than(charger, wanted, after)
    if not added:
        return HttpResponse(status=204)
    context = {
        "charger": charger,
        "frames": shown(added),
        "live": True,
        "poll": _poll_url(request, charger, added[0]),
    }
    return render(request, "backoffice/frames.html#rows", context)


def _poll_url(request: HttpRequest, charger: Charger, newest: Frame | None) -> str:
    """Where the page asks for what is newer, with the filters it shows."""
    kept = {key: request.GET[key] for key in PARAMETERS if request.GET.get(key)}
    at = newest.at if newest else keyset.EPOCH
    kept["after"] = str(keyset.Cursor(at, newest.pk if newest else 0))
    return f"{_log_url(charger)}?{urlencode(kept)}"


def _export_url(request: HttpRequest, charger: Charger) -> str:
    kept = {key: request.GET[key] for key in PARAMETERS if request.GET.get(key)}
    return f"{reverse('charger-frames-export', args=[charger.charge_point_id])}?{urlencode(kept)}"


def _log_url(charger: Charger) -> str:
    return reverse("charger-frames", args=[charger.charge_point_id])


def shown(found: list[Frame], chargers: Mapping[int, Charger] | None = None) -> list[Shown]:
    return [
        Shown(
            exchange,
            _title(exchange),
            STATES[exchange.frame.direction],
            _brief(exchange),
            (chargers or {}).get(exchange.frame.charger_id),
        )
        for exchange in selectors.exchanges(found)
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
