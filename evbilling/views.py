"""Pages that belong to no app: whether the process is well, and errors."""

import ipaddress
import json
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.utils.translation import gettext as _

from core.errors import DomainError
from evbilling import health
from evbilling.backoffice import gate
from evbilling.logs import request_id
from evbilling.middleware import client_address
from stations.models import MeterValue, Session, SessionStatus
from users.access import Action, is_platform


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """Everything the product needs to work is there; what is not is named."""
    checks = health.checks()
    ok = all(check["ok"] for check in checks.values())
    return _answer({"ok": ok, "checks": checks}, ready=ok)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for this machine, trusted proxies and platform staff; others see nothing."""
    if not _may_scrape(request):
        raise Http404
    return HttpResponse(health.metrics(), content_type=health.METRICS_TYPE)


def demo_ready(request: HttpRequest) -> JsonResponse:
    """For ``make demo``: a charge is under way and its first reading has come. 404 in real use."""
    if not settings.DEMO:
        raise Http404
    read = Exists(MeterValue.objects.filter(session=OuterRef("pk")))
    count = Session.objects.filter(read, status=SessionStatus.ACTIVE, refusal="").count()
    body = {"charging": count, "logins": _demo_logins()}
    return _answer(body, ready=bool(count))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if _wants_json(request):
        body = {"code": "not_found", "detail": _("There is nothing at this address."), "fields": {}}
        return JsonResponse(body, status=404)
    if request.headers.get("HX-Request"):
        error = DomainError(_("This is not here any more. Load the page again."))
        return render(request, "components/error_note.html", {"error": error}, status=404)
    _show_menu(request)
    return render(request, "error.html", {"status": 404}, status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """Something raised. Nothing is asked of the database: it may be what broke."""
    if _wants_json(request):
        body = {"code": "broken", "detail": _("Something broke on our side."), "fields": {}}
        return JsonResponse(body, status=500)
    context = {"status": 500, "request_id": request_id.get()}
    try:
        page = loader.render_to_string("error.html", context)
    except Exception:  # the page of last resort must not fail for want of a template
        return HttpResponseServerError(_("Something broke on our side."), content_type="text/plain")
    return HttpResponseServerError(page)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    if request.headers.get("HX-Request"):
        error = DomainError(_("This page was open for too long. Load it again, then repeat this."))
        response = render(request, "components/error_note.html", {"error": error}, status=403)
        response["X-Error"] = "csrf"
        return response
    return render(request, "error.html", {"status": 403}, status=403)


def _show_menu(request: HttpRequest) -> None:
    """Somebody who is signed in keeps the menu on the page that says no."""
    try:
        if gate.signed_in(request):
            gate.admit(request, Action.OWN_ACCOUNT)
    except DomainError:
        return


def _wants_json(request: HttpRequest) -> bool:
    accepts = request.headers.get("Accept", "")
    return request.path.startswith("/api/") or accepts.startswith("application/json")


def _answer(body: dict[str, Any], *, ready: bool) -> JsonResponse:
    response = JsonResponse(body, status=200 if ready else 503)
    # "Not yet" is an answer; Django would log each as an error, many a second while all starts.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _may_scrape(request: HttpRequest) -> bool:
    """By address only where no untrusted proxy can stand between: one that forwards says so."""
    direct = request.META.get("REMOTE_ADDR", "")
    forwarded = any(h in request.headers for h in ("X-Forwarded-For", "Forwarded", "X-Real-IP"))
    if not forwarded or direct in settings.TRUSTED_PROXIES:
        address = client_address(request)
        if address in settings.TRUSTED_PROXIES or ipaddress.ip_address(address).is_loopback:
            return True
    return gate.signed_in(request) and is_platform(_admin(request))


def _admin(request: HttpRequest) -> Any:
    return request.user


def _demo_logins() -> list[str]:
    try:
        found = json.loads((settings.DATA_DIR / "demo" / "logins.json").read_text())
    except (OSError, ValueError):
        return []
    lines = [str(line) for line in found] if isinstance(found, list) else []
    bank = f"{settings.DEMO_BANK_URL}/  the demo's bank: play the payer of what waits to be paid"
    return [*lines, bank] if lines and settings.DEMO_BANK_URL else lines
