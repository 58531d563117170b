"""One box that finds anything by whatever somebody has at hand: an id, a card, a name, a phone number."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from evbilling.backoffice.gate import AdminRequest, needs, rows
from evbilling.templatetags.ui import kwh, moment, named
from stations.models import Charger, Connector, Session, Station
from users.access import Action
from users.models import Card, Customer
from users.models.customer import card_key

MOST = 8  # of each kind
LEAST_LETTERS = 2
LEAST_DIGITS = 4
LARGEST_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found. ``kind`` groups hits; customers and cards lead to their charges."""

    kind: str
    icon: str
    name: str
    detail: str
    url: str


@needs(Action.VIEW)
def page(request: AdminRequest) -> HttpResponse:
    """What was found; straight to it where exactly one thing bears exactly this id."""
    typed = "".join(c if c.isprintable() else " " for c in request.GET.get("q", ""))
    text = " ".join(typed.split())[:60]
    hits = find(request, text) if len(text) >= LEAST_LETTERS else []
    exact = [hit for hit in hits if hit.name.casefold() == text.casefold()]
    if not request.htmx and len(hits) == 1 and exact:
        return redirect(exact[0].url)
    context = {"search_text": text, "hits": hits, "least": LEAST_LETTERS}
    part = "#found" if request.htmx else ""
    return render(request, f"backoffice/search.html{part}", context)


def find(request: AdminRequest, text: str) -> list[Hit]:
    """Everything of the admin's that matches, things before people."""
    return [
        *_chargers(request, text),
        *_connectors(request, text),
        *_stations(request, text),
        *_sessions(request, text),
        *_cards(request, text),
        *_customers(request, text),
    ]


def _chargers(request: AdminRequest, text: str) -> list[Hit]:
    match = (
        Q(charge_point_id__icontains=text) | Q(name__icontains=text) | Q(serial_number__iexact=text)
    )
    found = rows(request, Charger.objects.filter(match)).select_related("station")
    return [
        Hit(
            "charger",
            "charging-pile",
            row.charge_point_id,
            " · ".join(filter(None, (row.name, named(row.station)))),
            reverse("charger", args=[row.charge_point_id]),
        )
        for row in found.order_by("charge_point_id")[:MOST]
    ]


def _connectors(request: AdminRequest, text: str) -> list[Hit]:
    """By the code on the sticker, also when typed in small letters."""
    found = rows(request, Connector.objects.filter(code=text.upper().replace(" ", "")))
    found = found.filter(charger__deleted_at__isnull=True).select_related("charger__station")
    return [
        Hit(
            "connector",
            "plug",
            row.code,
            f"{row.charger.charge_point_id}/{row.connector_id} · {named(row.charger.station)}",
            reverse("charger", args=[row.charger.charge_point_id]),
        )
        for row in found[:MOST]
    ]


def _stations(request: AdminRequest, text: str) -> list[Hit]:
    match = Q(name__icontains=text) | Q(name_th__icontains=text) | Q(utility_meter_number=text)
    found = rows(request, Station.objects.filter(match)).order_by("sort_key")
    return [
        Hit("station", "building-store", named(row), row.address, reverse("station", args=[row.pk]))
        for row in found[:MOST]
    ]


def _sessions(request: AdminRequest, text: str) -> list[Hit]:
    """By OCPP transaction number or our own."""
    digits = text.lstrip("#")
    if not (digits.isascii() and digits.isdigit() and int(digits) <= LARGEST_INT):
        return []
    number = int(digits)
    found = rows(request, Session.objects.filter(Q(transaction_id=number) | Q(pk=number)))
    return [_session(row) for row in _with_names(found).order_by("-started_at")[:MOST]]


def _session(row: Session) -> Hit:
    drawn = row.energy_wh if row.energy_wh is not None else row.live.energy_wh
    detail = f"{row.charger.charge_point_id} · {moment(row.started_at)} · {kwh(drawn)} kWh"
    url = reverse("session", args=[row.pk])
    return Hit("session", "history", str(row.transaction_id), detail, url)


def _with_names(found: QuerySet[Session]) -> QuerySet[Session]:
    return found.select_related("charger", "live")


def _cards(request: AdminRequest, text: str) -> list[Hit]:
    key = card_key(text)
    found = rows(request, Card.objects.filter(key__contains=key)) if key else Card.objects.none()
    return [
        Hit("card", "credit-card", row.id_tag, str(row.customer or ""), _charges_of(row.customer))
        for row in found.select_related("customer").order_by("key")[:MOST]
    ]


def _customers(request: AdminRequest, text: str) -> list[Hit]:
    match = Q(name__icontains=text)
    digits = "".join(c for c in text if c.isdigit())
    if len(digits) >= LEAST_DIGITS and not any(c.isalpha() for c in text):
        match |= Q(phone__contains=digits.removeprefix("0"))
    found = rows(request, Customer.objects.filter(match)).order_by("sort_key", "pk")
    return [
        Hit("customer", "user", row.name, row.phone or "", _charges_of(row)) for row in found[:MOST]
    ]


def _charges_of(customer: Customer | None) -> str:
    """Their charges in the history: customers have no page of their own yet."""
    return reverse("sessions") + (f"?customer={customer.pk}" if customer else "")
