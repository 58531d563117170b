"""Which member a phone is signed in as, by its cookie."""

from collections.abc import Callable, Sequence
from functools import wraps
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from core.audit import Actor
from evbilling.member.notice import VERSION
from evbilling.middleware import client_address
from users.models import Company, Customer, MemberSession
from users.services import members

COOKIE = "member"
# The server lets it end 90 days after its last use; the phone keeps it as long as phones do.
COOKIE_AGE = 60 * 60 * 24 * 400
_SEEN = "_memberships"

View = Callable[..., HttpResponse]


class MemberRequest(HttpRequest):
    """A request of a signed-in member who has seen the notice."""

    member: Customer
    company: Company


def token_of(request: HttpRequest) -> str:
    return request.COOKIES.get(COOKIE, "")[:64]


def memberships(request: HttpRequest) -> Sequence[MemberSession]:
    """All that this phone is signed in as, read once for a request."""
    found: Sequence[MemberSession] | None = getattr(request, _SEEN, None)
    if found is None:
        token = token_of(request)
        found = members.signed_in(token) if token else ()
        setattr(request, _SEEN, found)
    return found


def signed_in_as(request: HttpRequest, company: Company) -> Customer | None:
    """The member of this company, whether or not the notice has been shown."""
    rows = (row.customer for row in memberships(request))
    return next((each for each in rows if each.company_id == company.pk), None)


def member_of(request: HttpRequest, company: Company) -> Customer | None:
    """The member of this company that this phone may act for."""
    found = signed_in_as(request, company)
    return found if found and members.has_accepted(found, VERSION) else None


def remember(response: HttpResponseBase, token: str) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=COOKIE_AGE,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=settings.HTTPS,
    )


def forget(response: HttpResponseBase) -> None:
    response.delete_cookie(COOKIE, path="/", samesite="Lax")


def actor(request: HttpRequest, member: Customer) -> Actor:
    """Who to name in the record."""
    return Actor("customer", str(member.pk), member.name, client_address(request))


def own_path(wanted: str) -> str:
    """A path of ours that a phone may be sent back to, or ''."""
    ours = wanted.startswith(("/c/", "/me/"))
    plain = "\\" not in wanted and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if ours and plain and len(wanted) <= 200 else ""


def for_member(view: View) -> View:
    """Give the view its member; whoever is not signed in, or has not seen the notice, goes there first."""

    @wraps(view)
    def guarded(request: MemberRequest, slug: str, **kwargs: object) -> HttpResponse:
        company = Company.objects.filter(slug=slug).first()
        if company is None:
            raise Http404
        back = request.get_full_path() if request.method == "GET" else reverse("me", args=[slug])
        member = signed_in_as(request, company)
        if member is None:
            return redirect(f"{reverse('me-sign-in')}?{urlencode({'at': slug, 'to': back})}")
        if not members.has_accepted(member, VERSION):
            return redirect(f"{reverse('me-notice', args=[slug])}?{urlencode({'to': back})}")
        request.member, request.company = member, company
        response = view(request, **kwargs)
        response["Cache-Control"] = "private, no-store"
        response["X-Robots-Tag"] = "noindex"
        remember(response, token_of(request))
        return response

    guarded.of_member = True  # type: ignore[attr-defined] # the walk over all pages reads it
    return guarded
