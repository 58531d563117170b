"""The member's first page, history, one charge, documents."""

from datetime import date
from typing import Any

from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from billing.money import to_baht
from billing.selectors import quotes
from billing.services import wallets
from evbilling.customer import words
from evbilling.customer.page import receipt_context
from evbilling.member import reads
from evbilling.member.frame import page
from evbilling.member.session import MemberRequest, for_member
from evbilling.templatetags.ui import LOCAL
from stations.models import Session
from stations.selectors import visits
from users.models import Customer

NEWEST = 5


@require_safe
@gzip_page
@for_member
def home(request: MemberRequest) -> HttpResponse:
    """Balance, what is owed, this month, the newest charges, cards."""
    member = request.member
    this_month = timezone.now().astimezone(LOCAL).date().replace(day=1)
    standing = wallets.standing(member)
    found = {
        "standing": standing,
        "reach": _reach(member, standing.available),
        "running": reads.running(member),
        "unpaid": reads.unpaid(member) if standing.owed else [],
        "month": reads.month(member, this_month),
        "rows": reads.history(member, most=NEWEST),
        "cards": list(member.cards.all()),
    }
    return page(request, "home", found)


@require_safe
@gzip_page
@for_member
def history(request: MemberRequest) -> HttpResponse:
    """A month of charges and money."""
    months = reads.months(request.member, timezone.now())
    chosen = _month(request.GET.get("month", ""), months)
    found = {
        "months": months,
        "chosen": chosen,
        "month": reads.month(request.member, chosen),
        "rows": reads.history(request.member, chosen),
    }
    return page(request, "history", found)


@require_safe
@gzip_page
@for_member
def charge(request: MemberRequest, pk: int) -> HttpResponse:
    """One charge with its bill, line by line. Another's does not exist."""
    session = reads.charge(request.member, pk)
    if session is None:
        raise Http404
    connector = session.connector
    place = visits.place(connector)
    found: dict[str, Any] = receipt_context(session, place)
    found |= {
        "station_name": session.station,
        "charger": session.charger,
        "connector": connector,
        "state": words.DONE,
        "vat": True,
    }
    return page(request, "charge", found)


@require_safe
@gzip_page
@for_member
def documents(request: MemberRequest) -> HttpResponse:
    """Receipts and tax invoices."""
    return page(request, "documents")


def _month(said: str, months: list[date] | Any) -> date:
    """``2026-11``; anything else is the newest."""
    return next((each for each in months if f"{each:%Y-%m}" == said), months[0])


def _reach(member: Customer, available: int) -> dict[str, Any] | None:
    """About how many kWh the money buys where the member charged last, at the price there now."""
    last = Session.objects.select_related("station").filter(customer=member, refusal="")
    session = last.order_by("-started_at").first()
    offer = (
        quotes.offer(session.station, member.level, timezone.now()) if session is not None else None
    )
    if offer is None or available <= 0 or offer.now.per_kwh <= 0:
        return None
    kwh = int(to_baht(available) // offer.now.per_kwh)
    return {"kwh": kwh, "price": offer.now.per_kwh} if kwh else None
