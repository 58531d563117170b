"""The demo's bank: one tap pays a QR, as the payer's own bank would. No money moves."""

from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from billing.selectors import purchases
from core.errors import DomainError
from evbilling.customer import guard
from stations.selectors import visits

WITHIN_SECONDS = 8


class NoBank(DomainError):
    code = "demo_bank"
    status = 409
    message = _("The demo's bank does not answer. Look at its log, then try again.")


@require_POST
def pay(request: HttpRequest, code: str) -> HttpResponse:
    """Pay what this phone's page asks for. Demo only."""
    connector = visits.connector_by_code(code) if settings.DEMO and settings.DEMO_BANK_URL else None
    purchase = connector and purchases.of_phone(connector, guard.visitor_of(request))
    if not connector or not purchase or not purchase.payment:
        raise Http404
    door = f"{settings.DEMO_BANK_URL}/_control/pay/{quote(purchase.payment.reference, safe='')}"
    wish = Request(door, b"{}", {"Content-Type": "application/json"})  # noqa: S310 - our own address
    try:
        urlopen(wish, timeout=WITHIN_SECONDS).close()  # noqa: S310
    except (URLError, OSError) as error:
        raise NoBank from error
    return redirect("customer", connector.code)
