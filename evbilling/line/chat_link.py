"""From the chat: the member signs in here and agrees; LINE then tells us whose chat it is.

LINE's link token comes in the address and goes back to LINE untouched; our nonce (256 bit, once)
stands for the member (developers.line.biz, Link user accounts).
"""

import re
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.errors import DomainError
from evbilling.member.session import memberships
from evbilling.middleware import CONTENT_SECURITY_POLICY
from users.line_login import LoginFailed
from users.models import Customer
from users.services import line_links

_TOKEN = re.compile(r"[A-Za-z0-9_.~+/=-]{8,100}\Z")


class NoToken(DomainError):
    code = "line_link_token"
    status = 400
    message = LoginFailed.message


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Which account, and do you agree? POST: off to LINE with a nonce."""
    token = (request.POST if request.method == "POST" else request.GET).get("token", "")
    if not settings.LINE_CHANNEL_ACCESS_TOKEN or not _TOKEN.match(token):
        raise NoToken
    mine = [row.customer for row in memberships(request)]
    if not mine:
        here = f"{reverse('line-link')}?{urlencode({'token': token})}"
        return redirect(f"{reverse('me-sign-in')}?{urlencode({'to': here})}")
    if request.method == "POST":
        return _away(request, mine, token)
    response = render(request, "line/link.html", {"mine": mine, "token": token})
    # The form's answer leads to LINE; browsers check where a form leads.
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
        "form-action 'self'", f"form-action 'self' {settings.LINE_ACCESS_URL}"
    )
    response["Cache-Control"] = "private, no-store"
    return response


def _away(request: HttpRequest, mine: list[Customer], token: str) -> HttpResponse:
    chosen = request.POST.get("member", "")
    member = next((each for each in mine if str(each.pk) == chosen), None)
    if member is None:
        raise NoToken
    query = urlencode({"linkToken": token, "nonce": line_links.offer_nonce(member)})
    response = redirect(f"{settings.LINE_ACCESS_URL}/dialog/bot/accountLink?{query}")
    response["Cache-Control"] = "private, no-store"
    return response
