"""The Security tab of a charger, and everything that its buttons do."""

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.audit import Actor
from core.errors import DomainError
from evbilling.backoffice import security_page
from evbilling.backoffice.charger_page import charger_of
from evbilling.backoffice.gate import AdminRequest, actor, needs, one
from stations.models import Charger, ChargerCertificate, InstalledRoot, RootUse
from stations.services import certificates, passwords, roots, upgrades
from users.access import Action

MOST_TYPED = 20_000


@needs(Action.VIEW)
def page(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    charger = charger_of(request, charge_point_id)
    part = "#now" if request.GET.get("part") == "now" else ""
    context = security_page.context_of(request, charger)
    return render(request, f"backoffice/charger_security.html{part}", context)


@require_POST
@needs(Action.SECURE_CHARGER)
def do(request: AdminRequest, charge_point_id: str) -> HttpResponse:
    """One of the buttons: done, or the page again with what is wrong."""
    charger = charger_of(request, charge_point_id)
    action = request.POST.get("action", "")
    work = ACTIONS.get(action)
    if work is None:
        raise DomainError(_("Choose what to do."), code="unknown_action")
    try:
        work(request, charger, actor(request))
    except DomainError as error:
        typed = request.POST.get("certificate", "")[:MOST_TYPED]
        tried = security_page.tried_of(action, error, typed)
        context = security_page.context_of(request, charger, tried)
        return render(request, "backoffice/charger_security.html", context, status=error.status)
    return redirect(security_page.back_to(charger, action, request.POST.get("back", "")))


def _password(request: AdminRequest, charger: Charger, who: Actor) -> None:
    passwords.renew(charger, actor=who)


def _profile(request: AdminRequest, charger: Charger, who: Actor) -> None:
    upgrades.set_profile(charger, _number(request, "profile"), actor=who)


def _upgrade(request: AdminRequest, charger: Charger, who: Actor) -> None:
    trusts_us = request.POST.get("trusts_us") == "1"
    upgrades.begin(charger, _number(request, "target"), actor=who, trusts_us=trusts_us)


def _ask(request: AdminRequest, charger: Charger, who: Actor) -> None:
    certificates.ask(charger, actor=who)


def _revoke(request: AdminRequest, charger: Charger, who: Actor) -> None:
    certificates.revoke(_paper(request, charger), actor=who)


def _approve(request: AdminRequest, charger: Charger, who: Actor) -> None:
    certificates.approve(_paper(request, charger), actor=who)


def _reject(request: AdminRequest, charger: Charger, who: Actor) -> None:
    certificates.reject(_paper(request, charger), actor=who)


def _install_own(request: AdminRequest, charger: Charger, who: Actor) -> None:
    roots.install(charger, RootUse.CENTRAL_SYSTEM, actor=who)


def _install(request: AdminRequest, charger: Charger, who: Actor) -> None:
    pem = request.POST.get("certificate", "")[:MOST_TYPED].strip()
    if not pem:
        raise DomainError(_("Fill this in."), code="required", field="certificate")
    roots.install(charger, request.POST.get("use", ""), pem, actor=who)


def _delete(request: AdminRequest, charger: Charger, who: Actor) -> None:
    found = InstalledRoot.objects.filter(charger=charger).select_related("charger__station")
    roots.delete(one(request, found, pk=_number(request, "root")), actor=who)


def _read(request: AdminRequest, charger: Charger, who: Actor) -> None:
    for use in RootUse.values:
        roots.read(charger, use, actor=who)


def _paper(request: AdminRequest, charger: Charger) -> ChargerCertificate:
    found = ChargerCertificate.objects.filter(charger=charger).select_related("charger__station")
    return one(request, found, pk=_number(request, "paper"))


def _number(request: AdminRequest, name: str) -> int:
    text = request.POST.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise DomainError(_("Choose what to do."), code="unknown_action", field=name)
    return int(text)


ACTIONS: dict[str, Callable[[AdminRequest, Charger, Actor], None]] = {
    "password": _password,
    "profile": _profile,
    "upgrade": _upgrade,
    "ask-certificate": _ask,
    "revoke": _revoke,
    "approve": _approve,
    "reject": _reject,
    "install-own-root": _install_own,
    "install-root": _install,
    "delete-root": _delete,
    "read-roots": _read,
}
