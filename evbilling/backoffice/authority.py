"""The certificates page: our authority, everything it has signed, and whom else a company trusts."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import DomainError
from evbilling.backoffice import security_page
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.security_page import Tried, done_text
from stations import certificates as x509
from stations.models import ChargerCertificate, TrustedAuthority
from stations.selectors import security as selectors
from stations.services import authority
from users.access import Action, may

MOST_TYPED = 20_000


@needs(Action.VIEW)
def page(request: AdminRequest) -> HttpResponse:
    return render(request, "backoffice/certificates.html", _context(request))


@needs(Action.VIEW)
def root(request: AdminRequest) -> HttpResponse:
    """The root certificate, to be put on chargers by hand and into a proxy's configuration."""
    response = HttpResponse(authority.root_pem(), content_type="application/x-pem-file")
    response["Content-Disposition"] = 'attachment; filename="evbilling-charger-root.pem"'
    return response


@require_POST
@needs(Action.EDIT_AUTHORITY)
def change(request: AdminRequest) -> HttpResponse:
    """Trust a maker's authority, stop trusting one, or set the rules for requests."""
    action = request.POST.get("action", "")
    try:
        _do(request, action)
    except DomainError as error:
        typed = request.POST.get("certificate", "")[:MOST_TYPED]
        tried = Tried(action, str(error), error.field, typed)
        context = _context(request, tried)
        return render(request, "backoffice/certificates.html", context, status=error.status)
    return redirect(f"{reverse('certificates')}?done=profile")


def _do(request: AdminRequest, action: str) -> None:
    who, company = actor(request), request.company
    if action == "trust":
        pem = request.POST.get("certificate", "")[:MOST_TYPED]
        authority.trust(company, pem, request.POST.get("name", ""), actor=who)
    elif action == "distrust":
        pk = request.POST.get("authority", "")
        if not (pk.isascii() and pk.isdigit() and len(pk) < 16):
            raise DomainError(_("Choose what to do."), code="unknown_action")
        authority.distrust(one(request, TrustedAuthority.objects.all(), pk=int(pk)), actor=who)
    elif action == "rules":
        authority.set_rules(
            company,
            cpo_name=request.POST.get("cpo_name", ""),
            approve_by_hand=request.POST.get("approve_by_hand") == "on",
            actor=who,
        )
    else:
        raise DomainError(_("Choose what to do."), code="unknown_action")


def _context(request: AdminRequest, tried: Tried | None = None) -> dict[str, Any]:
    own = x509.read(authority.root_pem())
    found = selectors.issued(rows(request, ChargerCertificate.objects.all()))
    return {
        "root_name": x509.name_of(own),
        "root_until": own.not_valid_after_utc,
        "root_fingerprint": x509.fingerprint_of(own),
        "papers": [security_page.paper_of(row, row.charger) for row in found],
        "trusted": selectors.trusted(request.company),
        "rules": authority.rules_of(request.company.pk),
        "may_secure": may(request.admin, Action.SECURE_CHARGER),
        "may_edit": may(request.admin, Action.EDIT_AUTHORITY),
        "tried": tried,
        "done": done_text(request.GET.get("done", "")),
    }
