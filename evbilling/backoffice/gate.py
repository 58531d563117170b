"""The only door to a back-office page: signed in, allowed to, and within one company.

A view says ``@needs(Action.X)`` and gets its objects through ``rows`` and ``one``: what is somebody
else's does not exist.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from django.db.models import Model, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_htmx.middleware import HtmxDetails

from core import audit
from core.audit import Actor
from core.errors import NotAllowed, NotFound
from evbilling.middleware import client_address
from users.access import Action, check, is_platform, scope
from users.models import Admin, Company

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
COMPANY_KEY = "company"  # in the session of platform staff: the company they look at


class AdminRequest(HttpRequest):
    """A request that has come through the gate."""

    admin: Admin
    company: Company
    htmx: HtmxDetails


class NoCompany(NotFound):
    code = "no_company"
    message = _("There is no company yet. Create one first, then come back.")


Page = Callable[Concatenate[AdminRequest, P], HttpResponseBase]
Guarded = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def needs(action: Action) -> Callable[[Page[P]], Guarded[P]]:
    """Let only admins in whose level permits ``action``; the others are sent to sign in, or told no."""

    def guard(view: Page[P]) -> Guarded[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not signed_in(request):
                return to_sign_in(request)
            try:
                response = view(admit(request, action), *args, **kwargs)
            except NotAllowed:
                _remember(cast(AdminRequest, request), action)
                raise
            response.setdefault("Cache-Control", "private, no-store")
            return response

        guarded.needs = action  # type: ignore[attr-defined] # the walk over all pages reads it
        return guarded

    return guard


def signed_in(request: HttpRequest) -> bool:
    return isinstance(request.user, Admin)


def admit(request: HttpRequest, action: Action) -> AdminRequest:
    """The request with its admin and company; ``NotAllowed`` where the level does not permit."""
    admitted = cast(AdminRequest, request)
    admitted.admin = cast(Admin, request.user)
    company = chosen_company(request, admitted.admin)
    if company is None:
        raise NoCompany
    admitted.company = company
    check(admitted.admin, action)
    return admitted


def chosen_company(request: HttpRequest, admin: Admin) -> Company | None:
    """An admin's own company; for platform staff the chosen one, else the first by name."""
    if not is_platform(admin):
        return admin.company
    chosen = request.session.get(COMPANY_KEY)
    found = Company.objects.filter(pk=chosen).first() if chosen else None
    return found or Company.objects.order_by("sort_key", "pk").first()


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back here afterwards; a part of a page sends the whole page there."""
    if request.headers.get("HX-Request"):
        shown = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = f"{shown.path}?{shown.query}" if shown.query else shown.path
        target = f"{reverse('signin')}?{urlencode({'next': back})}"
        return HttpResponse(status=401, headers={"HX-Redirect": target})
    back = request.get_full_path() if request.method == "GET" else ""
    query = f"?{urlencode({'next': back})}" if back else ""
    return HttpResponseRedirect(f"{reverse('signin')}{query}")


def rows(request: AdminRequest, queryset: QuerySet[M]) -> QuerySet[M]:
    """The rows that are the admin's to see, in the company they look at."""
    path = getattr(queryset.model, "company_path", "company")
    return scope(queryset, request.admin).filter(**{path: request.company})


def one(request: AdminRequest, queryset: QuerySet[M], **lookup: Any) -> M:
    """One row of ``rows``, or 404 whether it is missing or somebody else's (that is remembered)."""
    found = rows(request, queryset).filter(**lookup).first()
    if found is None:
        if queryset.filter(**lookup).exists():
            _remember(request, Action.VIEW)
        raise Http404
    return found


def whole_company(request: AdminRequest) -> None:
    """``NotAllowed`` for who looks after some stations only: the company's books are not theirs."""
    if not request.admin.all_stations:
        raise NotAllowed(_("You look after some of the stations; this is about the whole company."))


def actor(request: AdminRequest) -> Actor:
    """Who acts, for the audit record."""
    return Actor("admin", str(request.admin.pk), str(request.admin), client_address(request))


def _remember(request: AdminRequest, action: Action) -> None:
    """Who tried in vain what their level or company does not let them."""
    company_id = request.admin.company_id
    audit.record(actor(request), action, request.path[:80], company_id=company_id, refused=True)
