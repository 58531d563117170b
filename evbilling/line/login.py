"""To LINE and back: a member links their account, a guest asks for messages about one charge.

What must come back with this browser lies in a signed cookie of ten minutes; the person is who LINE
says, nobody else. How it went is one word in the page's address (``?line=``).
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from billing.models import Purchase
from core.errors import NotFound
from evbilling.customer import guard, receipts
from evbilling.member.session import MemberRequest, actor, for_member, member_of
from users import line_login
from users.line_login import LoginFailed, Person, Ticket
from users.models import Company, LinkedBy
from users.services import line_links

COOKIE, SALT, LASTS = "line_login", "line.login", 600
PATH = "/line/"


class LineOff(NotFound):
    code = "line_off"


@require_safe
@for_member
def of_member(request: MemberRequest) -> HttpResponse:
    """A member wants their account linked."""
    back = reverse("me-profile", args=[request.company.slug])
    return _to_line(request, {"member": request.member.pk, "company": request.company.pk}, back)


@require_POST
@for_member
def unlink(request: MemberRequest) -> HttpResponse:
    """A member wants no more messages by LINE."""
    line_links.unlink(request.member, actor(request, request.member))
    return redirect(f"{reverse('me-profile', args=[request.company.slug])}?line=off")


@require_safe
def of_receipt(request: HttpRequest, code: str, token: str) -> HttpResponse:
    """Whoever has a receipt's link wants this charge's messages."""
    session = receipts.session_by_token(token, code) if code.isalnum() else None
    if session is None:
        guard.limit_unknown(request)
        raise Http404
    about = {"subject": f"session:{session.pk}", "company": session.company_id}
    return _to_line(request, about, reverse("customer-receipt", args=[code, token]))


@require_safe
def of_purchase(request: HttpRequest, token: UUID) -> HttpResponse:
    """The phone that pays for a charge wants its messages."""
    purchase = Purchase.objects.filter(token=token).select_related("connector").first()
    if purchase is None:
        guard.limit_unknown(request)
        raise Http404
    about = {"subject": f"purchase:{purchase.pk}", "company": purchase.company_id}
    return _to_line(request, about, reverse("customer", args=[purchase.connector.code]))


@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Back from LINE. Nothing is linked unless the state is this browser's and LINE vouches for the person."""
    plan = _plan(request)
    state = request.GET.get("state", "")
    if plan is None or not constant_time_compare(state, plan["ticket"][0]):
        raise LoginFailed(status=400)
    back = str(plan["back"])
    if "code" not in request.GET:  # they clicked Cancel
        return _home(back, "no")
    ticket = Ticket(*plan["ticket"])
    try:
        person = line_login.who(request.GET["code"][:500], ticket, _redirect_uri())
    except LoginFailed as error:
        return _home(back, "away" if error.code == "line_away" else "failed")
    return _home(back, _bind(request, plan, person))


def _bind(request: HttpRequest, plan: dict[str, Any], person: Person) -> str:
    """Do what they went for; the word that tells how it went."""
    done = "done" if person.friend else "add"
    if "member" not in plan:
        try:
            line_links.follow_charge(
                plan["company"],
                plan["subject"],
                person.line_user_id,
                language=plan["language"],
                friend=person.friend,
            )
        except line_links.TooManyGuests:
            return "many"
        return done
    company = Company.objects.filter(pk=plan["company"]).first()
    member = member_of(request, company) if company else None
    if member is None or member.pk != plan["member"]:
        return "failed"  # signed out, or somebody else by now
    line_links.link(
        member,
        person.line_user_id,
        friend=person.friend,
        by=LinkedBy.LOGIN,
        actor=actor(request, member),
    )
    return done


def _to_line(request: HttpRequest, about: dict[str, Any], back: str) -> HttpResponse:
    if not line_login.is_on():
        raise LineOff
    guard.limit_logins(request)
    ticket = line_login.new_ticket()
    language = (get_language() or "th")[:2]
    plan = {
        **about,
        "ticket": [ticket.state, ticket.nonce, ticket.verifier],
        "back": back,
        "language": language,
    }
    response = redirect(line_login.authorize_url(ticket, _redirect_uri(), language))
    response.set_cookie(
        COOKIE,
        signing.dumps(plan, salt=SALT, compress=True),
        max_age=LASTS,
        path=PATH,
        httponly=True,
        samesite="Lax",
        secure=settings.HTTPS,
    )
    response["Cache-Control"] = "private, no-store"
    return response


def _plan(request: HttpRequest) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LASTS
        )
    except signing.BadSignature:
        return None
    return found


def _home(back: str, word: str) -> HttpResponse:
    response = redirect(f"{back}?line={word}")
    response.delete_cookie(COOKIE, path=PATH, samesite="Lax")
    response["Cache-Control"] = "private, no-store"
    return response


def _redirect_uri() -> str:
    return f"{settings.PUBLIC_URL}{reverse('line-callback')}"
