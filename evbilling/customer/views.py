"""The customer's page and what its forms do. Every POST redirects or comes back with a sentence."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe

from core.audit import Actor
from core.errors import DomainError
from evbilling.customer import actions, buying, card_form, chooser, guard, keeping, receipts, ways
from evbilling.customer.choice import KWH, Typed
from evbilling.customer.page import Look, context, explained_of, look, receipt_page
from evbilling.customer.stage import Stage
from stations.models import Connector, Session
from stations.selectors import visits

PAGE, PART = "customer/page.html", "customer/part.html"
MOST_CODE = 12


def connector_of(request: HttpRequest, code: str) -> Connector | None:
    """The plug of a code. Codes that do not exist are counted: nobody tries them all out."""
    plausible = code.isascii() and code.isalnum() and len(code) <= MOST_CODE
    found = visits.connector_by_code(code) if plausible else None
    if found is None:
        guard.limit_unknown(request)
    return found


View = Callable[[HttpRequest, Connector, str], HttpResponse]
Routed = Callable[..., HttpResponse]


def at_plug(view: View) -> Routed:
    """Give the view its plug and this phone's name; a sentence instead of what cannot be."""

    @wraps(view)
    def routed(request: HttpRequest, code: str) -> HttpResponse:
        visitor = guard.visitor_of(request)
        try:
            connector = connector_of(request, code)
            if connector is None:
                return closed(request, 404)
            response = view(request, connector, visitor)
        except guard.TooOften as error:
            response = closed(request, error.status, error)
        response["Cache-Control"] = "private, no-store"
        guard.remember(response, visitor)
        return response

    return routed


@require_safe
@gzip_page
@ensure_csrf_cookie
@at_plug
def page(request: HttpRequest, connector: Connector, visitor: str) -> HttpResponse:
    """What the QR opens."""
    if connector.code not in request.path:  # typed in small letters: one address, one cookie
        query = request.META["QUERY_STRING"]
        home = reverse("customer", args=[connector.code])
        return redirect(f"{home}?{query}" if query else home)
    guard.limit_reads(connector, visitor)
    return _shown(request, look(request, connector, visitor))


@require_safe
@gzip_page
@at_plug
def part(request: HttpRequest, connector: Connector, visitor: str) -> HttpResponse:
    """The page without its frame: what a nudged page fetches."""
    guard.limit_reads(connector, visitor)
    found = context(look(request, connector, visitor))
    return render(request, PART, found | {"part": True})


@require_safe
@gzip_page
def receipt(request: HttpRequest, code: str, token: str) -> HttpResponse:
    """A finished charge, for whoever has its link."""
    return _by_link(request, code, token, lambda s: ("customer/receipt.html", receipt_page(s)))


@require_safe
@gzip_page
def explained(request: HttpRequest, code: str, token: str) -> HttpResponse:
    """How the amount of a receipt came about, for whoever has its link."""
    return _by_link(request, code, token, lambda s: ("explained.html", explained_of(s)))


def _by_link(
    request: HttpRequest, code: str, token: str, of: Callable[[Session], tuple[str, dict[str, Any]]]
) -> HttpResponse:
    session = receipts.session_by_token(token, code) if code.isalnum() else None
    if session is None:
        try:
            guard.limit_unknown(request)
        except guard.TooOften as error:
            return closed(request, error.status, error)
        return closed(request, 404)
    template, found = of(session)
    response = render(request, template, found)
    response["Cache-Control"] = "private, no-store"
    response["X-Robots-Tag"] = "noindex"
    return response


def acts(act: Callable[[Look, HttpRequest, Actor], None]) -> Routed:
    """A POST: limited, done, and back to the page; where a rule said no, the page with its sentence."""

    @require_POST
    @gzip_page
    @at_plug
    @wraps(act)
    def view(request: HttpRequest, connector: Connector, visitor: str) -> HttpResponse:
        guard.limit_acts(request, connector, visitor)
        seen = look(request, connector, visitor)
        actor = guard.actor(request, visitor, seen.phone.visit)
        if "sum" in request.POST:  # without JavaScript: work the sum out again, nothing else
            return _again(request, connector, visitor)
        try:
            act(seen, request, actor)
        except guard.TooOften:
            raise
        except DomainError as error:
            return _again(request, connector, visitor, error)
        return _home(request, seen)

    return view


@acts
def wait(seen: Look, request: HttpRequest, actor: Actor) -> None:
    actions.wait_for_card(seen, _typed(request) if "by" in request.POST else None, actor)


@acts
def cancel(seen: Look, request: HttpRequest, actor: Actor) -> None:
    actions.cancel(seen, actor)


@acts
def confirm(seen: Look, request: HttpRequest, actor: Actor) -> None:
    actions.confirm(seen, _typed(request), actor)


@acts
def stop(seen: Look, request: HttpRequest, actor: Actor) -> None:
    actions.stop(seen, actor)


@acts
def pay(seen: Look, request: HttpRequest, actor: Actor) -> None:
    buying.pay(seen, request, _typed(request), actor)


@acts
def pay_again(seen: Look, request: HttpRequest, actor: Actor) -> None:
    buying.again(seen)


@sensitive_post_parameters()
@acts
def token(seen: Look, request: HttpRequest, actor: Actor) -> None:
    buying.take_token(seen, request)


@acts
def call_off(seen: Look, request: HttpRequest, actor: Actor) -> None:
    buying.call_off(seen)


@acts
def claim(seen: Look, request: HttpRequest, actor: Actor) -> None:
    actions.claim(seen, request.POST.get("card", "")[:40], actor)


@acts
def reserve(seen: Look, request: HttpRequest, actor: Actor) -> None:
    form = request.POST
    keeping.reserve(seen, form.get("number", "")[:40], form.get("minutes", "")[:6], actor)


@acts
def unreserve(seen: Look, request: HttpRequest, actor: Actor) -> None:
    keeping.give_back(seen, actor)


def _typed(request: HttpRequest) -> Typed:
    form = request.POST
    return Typed(form.get("by", KWH)[:8], form.get("kwh", "")[:40], form.get("baht", "")[:40])


def _home(request: HttpRequest, seen: Look) -> HttpResponseRedirect:
    """Back to the page, which now shows what has come of it; the amount is remembered for later."""
    response = redirect("customer", seen.connector.code)
    response.status_code = 303
    if "by" in request.POST:
        response.set_cookie(
            chooser.COOKIE,
            chooser.to_remember(_typed(request), seen.session),
            max_age=chooser.COOKIE_AGE,
            path=reverse("customer", args=[seen.connector.code]),
            httponly=True,
            samesite="Lax",
            secure=settings.HTTPS,
        )
    if request.POST.get("pay") in ways.FACES:  # next time this way is chosen already
        response.set_cookie(
            ways.COOKIE,
            request.POST["pay"],
            max_age=guard.COOKIE_AGE,
            path="/c/",
            httponly=True,
            samesite="Lax",
            secure=settings.HTTPS,
        )
    return response


def _again(
    request: HttpRequest, connector: Connector, visitor: str, error: DomainError | None = None
) -> HttpResponse:
    typed = _typed(request) if "by" in request.POST else None
    return _shown(request, look(request, connector, visitor), typed=typed, error=error)


def _shown(
    request: HttpRequest,
    seen: Look,
    *,
    typed: Typed | None = None,
    error: DomainError | None = None,
) -> HttpResponse:
    """The whole page. Where a card is entered, the gateway's script is let in: here and nowhere else."""
    found = context(seen, typed=typed, error=error)
    response = render(request, PAGE, found, status=error.status if error else 200)
    if seen.stage is Stage.CARD:
        response["Content-Security-Policy"] = card_form.policy()
    return response


def closed(request: HttpRequest, status: int, error: Any = None) -> HttpResponse:
    """No plug to show: an unknown code, or too many questions."""
    home = request.path.split("/")
    found = {"status": status, "error": error, "home": "/".join(home[:3])}
    response = render(request, "customer/closed.html", found, status=status)
    if status == guard.TooOften.status:
        response["Retry-After"] = str(guard.MINUTE)
    return response
