"""The link of a refund: a guest says which PromptPay number the money may go to.

Whoever has the link may say it; it shows a sum, never a name. The number is read back before it counts.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods

from billing import promptpay
from billing.models import Refund, RefundRoute, RefundState
from billing.services import refunds
from core.errors import DomainError
from evbilling.customer import guard, paid_words, paying, views

_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,43}\Z")
MOST_TYPED = 40


class BadNumber(DomainError):
    code = "bad_number"


View = Callable[[HttpRequest, Refund], HttpResponse]


def by_token(view: View) -> Callable[..., HttpResponse]:
    """Give the view its refund. Links that do not exist are counted like codes."""

    @wraps(view)
    def routed(request: HttpRequest, token: str) -> HttpResponse:
        found = _find(token)
        try:
            if found is None:
                guard.limit_unknown(request)
                response = views.closed(request, 404)
            else:
                response = view(request, found)
        except guard.TooOften as error:
            response = views.closed(request, error.status, error)
        response["Cache-Control"] = "private, no-store"
        response["Referrer-Policy"] = "no-referrer"  # the address is the key
        response["X-Robots-Tag"] = "noindex"
        return response

    return routed


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
@ensure_csrf_cookie
@by_token
def page(request: HttpRequest, refund: Refund) -> HttpResponse:
    """Ask, read back, take: each a page of its own, and each safe to load again."""
    if request.method != "POST" or not _open(refund):
        return _show(request, refund)
    guard.limit_refund(request, refund.pk)
    typed = request.POST.get("number", "")[:MOST_TYPED]
    try:
        proxy = _read(typed)
        if "sure" not in request.POST:
            return _show(request, refund, proxy=proxy)
        refunds.accept_number(refund, proxy.number)
    except DomainError as error:
        return _show(request, refund, typed=typed, error=error)
    response = redirect(request.path)
    response.status_code = 303
    return response


def _find(token: str) -> Refund | None:
    if not _TOKEN.match(token):
        return None
    related = ("payment__tax_entity", "payment__purchase__connector")
    return Refund.objects.select_related(*related).filter(token=token).first()


def _open(refund: Refund) -> bool:
    """A number can be given now."""
    over = refund.link_until is not None and refund.link_until <= timezone.now()
    return refund.route == RefundRoute.LINK and refund.state == RefundState.WAITING and not over


def _read(typed: str) -> promptpay.Proxy:
    try:
        return promptpay.proxy(typed)
    except promptpay.BadProxy as error:
        raise BadNumber(_wrong(error.code), field="number") from error


def _wrong(code: str) -> str:
    if code == "check_digit":
        return _("The last digit does not fit the others. Check the id number.")
    if code == "phone":
        return _("This is no Thai mobile number. It has ten digits, like 081 234 5678.")
    return _("Enter a Thai mobile number or a 13-digit id number.")


def _show(
    request: HttpRequest,
    refund: Refund,
    *,
    proxy: promptpay.Proxy | None = None,
    typed: str = "",
    error: DomainError | None = None,
) -> HttpResponse:
    payment = refund.payment
    purchase = getattr(payment, "purchase", None)
    found: dict[str, Any] = {
        "refund": refund,
        "open": _open(refund),
        "expired": refund.state == RefundState.WAITING and not _open(refund),
        "where": paid_words.where(refund, payment),
        "proxy": proxy,
        "typed": typed,
        "error": error,
        "payee": payment.tax_entity.name if payment.tax_entity else "",
        "bought": paying.of_charge(purchase),
        "home": request.path,
        "station": purchase.station if purchase else None,
    }
    return render(request, "customer/refund.html", found, status=error.status if error else 200)
