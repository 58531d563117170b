"""The history of charges, and one charge with every satang explained (features B3, C8)."""

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.selectors import bills
from core import audit
from core.errors import Conflict
from evbilling import explained_page
from evbilling.backoffice import session_page
from evbilling.backoffice.chips import DROPPED, Chip, Choice, chip, url
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.moments import midnight, next_midnight, parse_day, today
from evbilling.backoffice.session_rows import rows_of
from evbilling.templatetags.ui import day, named
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Charger, Session, SessionStatus, Station
from stations.selectors import chargers, keyset
from stations.selectors import sessions as selectors
from stations.selectors.sessions import ENDED, REFUSED, RUNNING, SessionFilter
from users.access import Action
from users.models import Customer

DEFAULT_RANGE = "30"
DAYS = {"today": 1, "7": 7, "30": 30}
MOST_CHOICES = 300
FILTERS = ("station", "charger", "status", "who", "customer", "from", "to")


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    wanted, customers = _filter(request)
    narrowed = rows(request, Session.objects.all())
    if request.GET.get("part") == "totals":
        return render(request, "backoffice/sessions.html#totals", _totals(narrowed, wanted))
    found = selectors.listed(narrowed, wanted, keyset.parse(request.GET.get("at", "")))
    context = _shown(request, found, customers) | {"span": _span(wanted)}
    if request.GET.get("totals") == "1":  # for a browser without script
        context |= _totals(narrowed, wanted)
    part = "#rows" if request.GET.get("part") == "rows" else ""
    return render(request, f"backoffice/sessions.html{part}", context)


@needs(Action.VIEW)
def detail(request: AdminRequest, pk: int) -> HttpResponse:
    session = one(
        request,
        Session.objects.select_related(
            "station__tax_entity", "charger__station", "connector", "customer", "card", "live"
        ),
        pk=pk,
    )
    context = session_page.page(request, session)
    page = "session_changed" if request.GET.get("part") == "now" else "session"
    return render(request, f"backoffice/{page}.html", context)


@require_safe
@needs(Action.VIEW)
def bill(request: AdminRequest, pk: int) -> HttpResponse:
    """The explanation alone, to print."""
    session = one(
        request,
        Session.objects.select_related(
            "station__tax_entity", "charger", "connector", "customer", "live"
        ),
        pk=pk,
    )
    number = f"{_('Charge')} {session.transaction_id}"
    back = reverse("session", args=[session.pk])
    context = explained_page.context(session, back_url=back, back_word=number, office=True)
    return render(request, "explained.html", context)


@require_POST
@needs(Action.STOP_SESSION)
def stop(request: AdminRequest, pk: int) -> HttpResponse:
    """Tell the charger to end a charge. The charger's answer shows on the page."""
    session = one(request, Session.objects.select_related("charger__station"), pk=pk)
    if session.status != SessionStatus.ACTIVE:
        raise Conflict(_("This charge has ended already."), code="session_ended")
    charger = one(request, chargers.with_online(Charger.objects.all()), pk=session.charger_id)
    if not chargers.online_of(charger):
        raise Conflict(
            _("The charger is offline, so no order reaches it. Nothing was sent."),
            code="charger_offline",
        )
    who = actor(request)
    with transaction.atomic():
        command = OcppDriver().stop(session, by=who.name)
        audit.record(
            who,
            "stop_session",
            f"session:{session.pk}",
            company_id=session.company_id,
            new={"command": command.pk},
        )
    return redirect("session", session.pk)


def _shown(
    request: AdminRequest, found: keyset.Page[Session], customers: list[Customer]
) -> dict[str, Any]:
    """The list and its filters, each with where it leads."""
    named_one = customers[0].name if len(customers) == 1 else ""
    return {
        "page": found,
        "rows": rows_of(found.rows),
        "ranges": _ranges(request),
        "chips": _chips(request),
        "customers": customers,
        "who": named_one or request.GET.get("who", "").strip(),
        "all_word": _("All"),
        "all_url": url(request, range="all", **{"from": "", "to": ""}),
        "customer_url": _joined(url(request, who="", customer="")),
        "kept_days": _kept(request, "from", "to", "range"),
        "kept_customer": _kept(request, "who", "customer"),
        "filtered": any(request.GET.get(key) for key in FILTERS),
    }


def _joined(found: str) -> str:
    return f"{found}customer=" if found == "?" else f"{found}&customer="


def _kept(request: HttpRequest, *without: str) -> list[tuple[str, str]]:
    """What a small form must carry along so that the other filters stay."""
    return [(k, str(v)) for k, v in request.GET.items() if v and k not in (*without, *DROPPED)]


def _totals(narrowed: Any, wanted: SessionFilter) -> dict[str, Any]:
    return {
        "totals": selectors.totals(narrowed, wanted),
        "money": bills.totals(narrowed.filter(wanted.condition())),
    }


def _filter(request: AdminRequest) -> tuple[SessionFilter, list[Customer]]:
    """What the URL asks for. Others' stations, chargers and customers simply match nothing."""
    since, until = _days(request)
    customers, ids = _customers(request)
    return (
        SessionFilter(
            station_id=_number(request.GET.get("station", "")),
            charger_id=_number(request.GET.get("charger", "")),
            status=request.GET.get("status", ""),
            customer_ids=ids,
            since=midnight(since) if since else None,
            until=next_midnight(until) if until else None,
        ),
        customers,
    )


def _days(request: HttpRequest) -> tuple[date | None, date | None]:
    """First and last day that the URL names; thirty days where it names none."""
    first, last = _named_days(request)
    if first or last:
        return first, last
    chosen = _range(request)
    if chosen == "all":
        return None, None
    if chosen == "month":
        return today().replace(day=1), None
    return today() - timedelta(days=DAYS[chosen] - 1), None


def _named_days(request: HttpRequest) -> tuple[date | None, date | None]:
    return parse_day(request.GET.get("from", "")), parse_day(request.GET.get("to", ""))


def _range(request: HttpRequest) -> str:
    if any(_named_days(request)):
        return ""
    chosen = request.GET.get("range", DEFAULT_RANGE)
    return chosen if chosen in DAYS or chosen in ("month", "all") else DEFAULT_RANGE


def _customers(request: AdminRequest) -> tuple[list[Customer], tuple[int, ...] | None]:
    """The customers that the filter means; None where it means everybody."""
    mine = rows(request, Customer.all_objects.all())
    if (pk := _number(request.GET.get("customer", ""))) is not None:
        found = list(mine.filter(pk=pk))
    elif text := request.GET.get("who", "").strip()[:60]:
        found = selectors.customers_named(mine, text)
    else:
        return [], None
    return found, tuple(customer.pk for customer in found)


def _ranges(request: HttpRequest) -> list[Choice]:
    chosen = _range(request)
    words = {
        "today": _("Today"),
        "7": _("7 days"),
        "30": _("30 days"),
        "month": _("This month"),
        "all": _("All"),
    }
    return [
        Choice(word, url(request, range=key, **{"from": "", "to": ""}), chosen == key)
        for key, word in words.items()
    ]


def _chips(request: AdminRequest) -> list[Chip]:
    stations = list(rows(request, Station.objects.all()).order_by("sort_key")[:MOST_CHOICES])
    machines = rows(request, Charger.objects.all())
    if (pk := _number(request.GET.get("station", ""))) is not None:
        machines = machines.filter(station_id=pk)
    names = machines.order_by("charge_point_id").values_list("pk", "charge_point_id")
    states = {RUNNING: _("Charging"), ENDED: _("Ended"), REFUSED: _("Refused")}
    chips = [
        chip(request, "status", _("Status"), states),
        chip(request, "charger", _("Charger"), {str(k): name for k, name in names[:MOST_CHOICES]}),
    ]
    if len(stations) > 1:
        words = {str(s.pk): named(s) for s in stations}
        chips.insert(0, chip(request, "station", _("Station"), words, charger=""))
    return chips


def _span(wanted: SessionFilter) -> str:
    """The days that are shown, in words."""
    first = day(wanted.since) if wanted.since else _("the beginning")
    last = day(wanted.until - timedelta(days=1)) if wanted.until else _("now")
    return f"{first} – {last}"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
