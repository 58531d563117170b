"""Signing in with a telephone number: number, code, and at first the notice."""

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.audit import Actor
from core.errors import DomainError
from evbilling.member import notice as notices
from evbilling.member import sending
from evbilling.member.session import (
    forget,
    memberships,
    own_path,
    remember,
    signed_in_as,
    token_of,
)
from evbilling.middleware import client_address
from users.models import CodePurpose, Company, Customer, OneTimeCode
from users.services import codes, members, phones
from users.services.codes import AGAIN_AFTER, TooSoon, Wish

FLOW = "flow"  # the cookie of the phone that asks for a code
FLOW_AGE = 60 * 60
PURPOSE = CodePurpose.SIGN_IN


class Nobody(DomainError):
    """The code was right, but nobody has the number any more."""

    code = "no_member"
    status = 404
    message = members.NotOpenToAll.message


def flow_of(request: HttpRequest) -> str:
    return request.COOKIES.get(FLOW, "")[:64]


def remember_flow(response: HttpResponse, flow: str) -> None:
    response.set_cookie(
        FLOW,
        flow,
        max_age=FLOW_AGE,
        path="/me/",
        httponly=True,
        samesite="Lax",
        secure=settings.HTTPS,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Which number? POST asks for a code and goes on to the page where it is said."""
    company, to = _where(request)
    found: dict[str, Any] = {"company": company, "typed": "", "query": _query(company, to)}
    if request.method == "POST":
        found["typed"] = request.POST.get("phone", "")[:40]
        flow = flow_of(request) or secrets.token_urlsafe(32)
        try:
            _ask(request, company, phones.normalise(found["typed"]), flow)
        except DomainError as error:
            return _page(request, "sign_in", found | {"error": error}, error.status)
        response = redirect(f"{reverse('me-code')}?{_query(company, to)}")
        response.status_code = 303
        remember_flow(response, flow)
        return response
    return _page(request, "sign_in", found)


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Which code? A right one signs this phone in."""
    company, to = _where(request)
    row = codes.newest(flow_of(request), PURPOSE)
    if row is None:
        return redirect(f"{reverse('me-sign-in')}?{_query(company, to)}")
    if request.method == "POST":
        try:
            said = codes.say(flow_of(request), PURPOSE, request.POST.get("code", "")[:20])
            return _go_in(request, said, to)
        except DomainError as error:
            row.refresh_from_db()
            found = _code_page(row, company, to) | {"error": error}
            return _page(request, "code", found, error.status)
    return _page(request, "code", _code_page(row, company, to))


@require_POST
def again(request: HttpRequest) -> HttpResponse:
    """Another code for the same number."""
    company, to = _where(request)
    row = codes.newest(flow_of(request), PURPOSE)
    if row is None:
        return redirect(f"{reverse('me-sign-in')}?{_query(company, to)}")
    try:
        _ask(request, row.company, row.phone, flow_of(request))
    except DomainError as error:
        found = _code_page(row, company, to) | {"error": error}
        return _page(request, "code", found, error.status)
    response = redirect(f"{reverse('me-code')}?{_query(company, to)}")
    response.status_code = 303
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def notice(request: HttpRequest, slug: str) -> HttpResponse:
    """What we keep and why, before anything is kept. Going on makes the member where there is none."""
    company = Company.objects.filter(slug=slug).first()
    if company is None:
        raise Http404
    to = own_path(request.GET.get("to", "")) or reverse("me", args=[slug])
    member, proof = signed_in_as(request, company), codes.proven(flow_of(request), PURPOSE)
    if proof is not None and proof.company_id != company.pk:
        proof = None
    if member is None and proof is None:
        return redirect(f"{reverse('me-sign-in')}?{urlencode({'at': slug, 'to': to})}")
    if request.method == "POST":
        return _accepted(request, company, member, proof, to)
    found = {
        "company": company,
        "text": notices.text(company),
        "joins": member is None,
        "query": urlencode({"to": to}),
    }
    return _page(request, "notice", found)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """This phone, of every company."""
    members.sign_out(token_of(request))
    response = redirect(own_path(request.POST.get("to", "")) or "me-sign-in")
    response.status_code = 303
    forget(response)
    return response


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """``/me/``: the one membership, or which of several."""
    found = [row.customer for row in memberships(request)]
    if len(found) == 1:
        return redirect("me", found[0].company.slug)
    if not found:
        return redirect("me-sign-in")
    return _page(request, "choose", {"members": found})


def _where(request: HttpRequest) -> tuple[Company | None, str]:
    """At which company, and where to go afterwards. An installation for one company knows it."""
    at = request.GET.get("at", "")[:40]
    companies = Company.objects.filter(slug=at) if at else Company.objects.all()
    first = list(companies[:2])
    company = first[0] if len(first) == 1 else None
    return company, own_path(request.GET.get("to", ""))


def _query(company: Company | None, to: str) -> str:
    given = {"at": company.slug if company else "", "to": to}
    return urlencode({name: value for name, value in given.items() if value})


def _ask(request: HttpRequest, company: Company | None, phone: str, flow: str) -> None:
    """A new code on its way; one that was asked for here a moment ago is good enough."""
    wish = Wish(
        phone,
        flow,
        PURPOSE,
        company=company,
        silent=not members.may_get_code(phone, company),
        address=client_address(request),
        language=(get_language() or "th")[:2],
    )
    try:
        row = codes.ask(wish)
    except TooSoon:
        asked = codes.newest(flow, PURPOSE)
        if asked is None or asked.phone != phone or not codes.is_open(asked, timezone.now()):
            raise
        return
    sending.soon(row)


def _go_in(request: HttpRequest, row: OneTimeCode, to: str) -> HttpResponse:
    """The number is proven: sign this phone in, or go on to become a member."""
    here = members.member_at(row.company, row.phone) if row.company else None
    mine = members.of_phone(row.phone)
    if not mine and (row.company is None or not row.company.self_registration):
        raise Nobody
    company = row.company or mine[0].company
    needs_notice = here is None or not members.has_accepted(here, notices.VERSION)
    if row.company and needs_notice:
        query = urlencode({"to": to}) if to else ""
        target = f"{reverse('me-notice', args=[company.slug])}?{query}"
    elif row.company or len(mine) == 1:
        target = to or reverse("me", args=[company.slug])
    else:
        target = to or reverse("me-choose")
    response = redirect(target)
    response.status_code = 303
    if mine:
        _sign_in(request, response, mine)
    if here is not None or row.company is None:
        codes.spend(row)
    return response


def _accepted(
    request: HttpRequest,
    company: Company,
    member: Customer | None,
    proof: OneTimeCode | None,
    to: str,
) -> HttpResponse:
    shown = notices.shown(company)
    response = redirect(to)
    response.status_code = 303
    if member is not None:
        members.accept(member, shown)
        return response
    if proof is None:
        raise codes.CodeOver
    who = Actor("visitor", proof.phone, "", client_address(request))
    member = members.join(company, proof.phone, shown, actor=who)
    _sign_in(request, response, [member])
    codes.spend(proof)
    return response


def _sign_in(request: HttpRequest, response: HttpResponse, mine: list[Customer]) -> None:
    token = members.sign_in(
        mine,
        before=token_of(request),
        device=device_of(request.headers.get("User-Agent", "")),
        address=client_address(request),
    )
    remember(response, token)
    rotate_token(request)


def device_of(agent: str) -> str:
    """A phone in two words, as its owner knows it: iPhone · Safari."""
    systems = ("iPhone", "iPad", "Android", "Windows", "Macintosh", "Linux")
    system = next((word for word in systems if word in agent), "")
    browsers = (
        ("Line/", "LINE"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Edg", "Edge"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    )
    browser = next((name for mark, name in browsers if mark in agent), "")
    return " · ".join(filter(None, (system.replace("Macintosh", "Mac"), browser)))


def _code_page(row: OneTimeCode, company: Company | None, to: str) -> dict[str, Any]:
    now = timezone.now()
    again_at = row.created_at + AGAIN_AFTER
    return {
        "company": company,
        "row": row,
        "phone": phones.national(row.phone),
        "open": codes.is_open(row, now),
        "failed": codes.failed(row),
        "again_at": again_at,
        "again_left": _left(again_at - now),
        "query": _query(company, to),
        "demo_code": codes.digits(row) if settings.DEMO and row.state != "silent" else "",
    }


def _left(length: timedelta) -> str:
    """0:41, which the phone counts down; '' when it is over."""
    seconds = int(length.total_seconds())
    return f"{seconds // 60}:{seconds % 60:02d}" if seconds > 0 else ""


def _page(
    request: HttpRequest, name: str, found: dict[str, Any], status: int = 200
) -> HttpResponse:
    now = timezone.now()
    common = {"station": found.get("company"), "home": request.path, "now": now, "key": name}
    response = render(request, f"member/{name}.html", common | found, status=status)
    response["Cache-Control"] = "private, no-store"
    return response
