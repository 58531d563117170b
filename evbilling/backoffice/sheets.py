"""QR sheets to print: a charger's and a whole station's, as PDF and SVG (features A16, B8).

The code in the QR is the connector's own: 10 random characters, 48 bits, so nobody makes one up;
a sticker that leads elsewhere is told by the address and the payee that the sheet names.
"""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from evbilling import qr
from evbilling.backoffice.charger_page import charger_of, page_url
from evbilling.backoffice.chips import Choice, url
from evbilling.backoffice.gate import AdminRequest, needs, one, rows
from evbilling.sheets import pdf, svg
from evbilling.sheets.layout import Paper, Sticker, sheets
from stations.models import Charger, Connector, Station
from users.access import Action

LANGUAGES = {"th": "ไทย", "en": "English"}
MOST = 400  # a page each; more than any station has


@dataclass(frozen=True, slots=True)
class Shown:
    """A connector on the page, its files."""

    connector: Connector
    url: str
    svg: str
    png: str


@require_safe
@needs(Action.VIEW)
def of_charger(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    found = _connectors([charger.pk])
    back = (reverse("charger", args=[charger.charge_point_id]), charger.charge_point_id)
    print_url = reverse("charger-sheets-pdf", args=[charger.charge_point_id])
    return _page(request, found, back, print_url)


@require_safe
@needs(Action.VIEW)
def of_station(request: AdminRequest, pk: int) -> HttpResponse:
    station = one(request, Station.objects.all(), pk=pk)
    found = _of_station(request, station)
    back = (reverse("station", args=[station.pk]), str(station))
    return _page(request, found, back, reverse("station-sheets-pdf", args=[station.pk]))


@require_safe
@needs(Action.VIEW)
def charger_pdf(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    return _pdf(request, _connectors([charger.pk]), f"qr-{charger.charge_point_id}")


@require_safe
@needs(Action.VIEW)
def station_pdf(request: AdminRequest, pk: int) -> HttpResponse:
    station = one(request, Station.objects.all(), pk=pk)
    return _pdf(request, _of_station(request, station), f"qr-station-{station.pk}")


@require_safe
@needs(Action.VIEW)
def sheet_svg(request: AdminRequest, charge_point_id: str, connector: int) -> HttpResponse:
    """One sheet; letters are outlines, so that it needs no font."""
    found = _connector(request, charge_point_id, connector)
    paper = Paper.A4 if _paper(request) is Paper.A4 else Paper.A6
    drawn = svg.drawn(sheets([sticker(found)], paper, _language(request))[0])
    return _file(drawn, "image/svg+xml", f"qr-{charge_point_id}-{connector}-{paper}.svg")


@require_safe
@needs(Action.VIEW)
def code_png(request: AdminRequest, charge_point_id: str, connector: int) -> HttpResponse:
    """The bare code, for a sticker of the company's own."""
    found = _connector(request, charge_point_id, connector)
    body = qr.png(page_url(found), correction=qr.PAPER)
    return _file(body, "image/png", f"qr-{charge_point_id}-{connector}.png", download=True)


def sticker(connector: Connector) -> Sticker:
    """What a connector's sheet says. The payee is who issues the station's documents."""
    charger = connector.charger
    station = charger.station
    entity = station.tax_entity
    power = f"{connector.max_power_w / 1000:.1f}".removesuffix(".0")
    return Sticker(
        charger=charger.name or charger.charge_point_id,
        connector=connector.connector_id,
        plug=connector.kind,
        power=power,
        station=station.name,
        station_th=station.name_th,
        payee=entity.name if entity else (station.company.name_th or station.company.name),
        url=page_url(connector),
    )


def _connectors(charger_ids: list[int]) -> list[Connector]:
    found = Connector.objects.filter(charger__in=charger_ids, connector_id__gt=0)
    return list(
        found.select_related("charger__station__tax_entity", "charger__station__company").order_by(
            "charger__charge_point_id", "connector_id"
        )[:MOST]
    )


def _of_station(request: AdminRequest, station: Station) -> list[Connector]:
    machines = rows(request, Charger.objects.filter(station=station))
    return _connectors(list(machines.values_list("pk", flat=True)))


def _connector(request: AdminRequest, charge_point_id: str, number: int) -> Connector:
    charger = charger_of(request, charge_point_id)
    for found in _connectors([charger.pk]):
        if found.connector_id == number:
            return found
    raise Http404


def _page(
    request: AdminRequest, connectors: list[Connector], back: tuple[str, str], print_url: str
) -> HttpResponse:
    paper, language = _paper(request), _language(request)
    query = f"?paper={paper}&language={language}"
    context: dict[str, Any] = {
        "shown": [_shown(c, query) for c in connectors],
        "back_url": back[0],
        "back_word": back[1],
        "print_url": print_url + query,
        "papers": _choices(request, "paper", paper, _papers()),
        "languages": _choices(request, "language", language, LANGUAGES),
    }
    return render(request, "backoffice/sheets.html", context)


def _shown(connector: Connector, query: str) -> Shown:
    args = [connector.charger.charge_point_id, connector.connector_id]
    return Shown(
        connector,
        page_url(connector),
        reverse("charger-sheet-svg", args=args) + query,
        reverse("charger-sheet-png", args=args),
    )


def _papers() -> dict[str, str]:
    return {Paper.A6: "A6", Paper.A4: "A4", Paper.FOUR: _("4 × A6 on A4, to cut")}


def _choices(request: AdminRequest, name: str, chosen: str, words: dict[str, str]) -> list[Choice]:
    return [Choice(word, url(request, **{name: key}), key == chosen) for key, word in words.items()]


def _paper(request: AdminRequest) -> Paper:
    wanted = request.GET.get("paper", "")
    return next((paper for paper in Paper if paper == wanted), Paper.A6)


def _language(request: AdminRequest) -> str:
    wanted = request.GET.get("language", "")
    shown = (get_language() or "th")[:2]
    return next((code for code in (wanted, shown) if code in LANGUAGES), "th")


def _pdf(request: AdminRequest, connectors: list[Connector], name: str) -> HttpResponse:
    """All of them, a page each. 404 where there is none yet."""
    if not connectors:
        raise Http404
    paper, language = _paper(request), _language(request)
    pages = sheets([sticker(c) for c in connectors], paper, language)
    return _file(pdf.drawn(pages, name, language), "application/pdf", f"{name}-{paper}.pdf")


def _file(body: bytes, media: str, name: str, *, download: bool = False) -> HttpResponse:
    response = HttpResponse(body, content_type=media)
    kind = "attachment" if download else "inline"
    # A charge point id may hold what a header may not.
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "-" for c in name)
    response["Content-Disposition"] = f'{kind}; filename="{plain}"'
    return response
