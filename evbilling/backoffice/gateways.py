"""Payment accounts: whose account takes the money of which legal entity, and whether its keys work."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from billing.models import GatewayAccount, GatewayName
from billing.models.payment import METHODS
from billing.payments import keys
from billing.selectors import gateways as selectors
from billing.services import gateway_accounts, gateways
from billing.services.gateway_accounts import FIELDS, Tried
from core.errors import Conflict, DomainError
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.gateway_form import form_for, values_of
from users.access import Action, is_platform
from users.models import Company, TaxEntity

WORDS = dict(METHODS)


@dataclass(frozen=True, slots=True)
class Shown:
    """One gateway of one entity in the table. ``css`` and ``icon`` of the state's word."""

    gateway: str
    name: str
    word: str | Promise
    css: str
    icon: str
    test: bool
    account: GatewayAccount | None


@needs(Action.EDIT_GATEWAY)
def index(request: AdminRequest) -> HttpResponse:
    return _index(request)


@needs(Action.EDIT_GATEWAY)
def edit(request: AdminRequest, pk: int, gateway: str) -> HttpResponse:
    """The account of one entity at one gateway: made or changed."""
    entity, account = _found(request, pk, gateway)
    if request.method != "POST":
        return _page(request, entity, gateway, account, form_for(gateway, account))
    form = form_for(gateway, account, request.POST)
    if not form.is_valid():
        return _page(request, entity, gateway, account, form, status=422)
    try:
        gateway_accounts.save(
            entity, gateway, values_of(gateway, account, form), actor=actor(request)
        )
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _page(request, entity, gateway, account, form, status=error.status)
    return redirect(f"{reverse('gateway', args=[pk, gateway])}?done=saved")


@require_POST
@needs(Action.EDIT_GATEWAY)
def try_out(request: AdminRequest, pk: int, gateway: str) -> HttpResponse:
    """Ask the gateway now whether it knows the keys, and show what it says."""
    entity, account = _found(request, pk, gateway)
    if account is None:
        raise Conflict(_("Save the keys first, then test them."))
    tried = gateway_accounts.try_out(gateway, account)
    return _page(request, entity, gateway, account, form_for(gateway, account), tried=tried)


@require_POST
@needs(Action.EDIT_GATEWAY)
def try_operators(request: AdminRequest, gateway: str) -> HttpResponse:
    """The same for the account of the environment, for those whose it is."""
    if gateway not in FIELDS or not gateways.is_set_up(gateway) or not _is_operator(request):
        raise Http404
    return _index(request, (gateway, gateway_accounts.try_out(gateway, None)))


def _index(request: AdminRequest, tried: tuple[str, Tried] | None = None) -> HttpResponse:
    own: dict[tuple[int, str], GatewayAccount] = {
        (row.tax_entity_id, row.gateway): row
        for row in rows(request, selectors.accounts(request.admin))
    }
    entities = rows(request, TaxEntity.objects.order_by("name", "branch_code"))
    context = {
        "entities": [
            (entity, [_shown(name, own.get((entity.pk, name))) for name in FIELDS])
            for entity in entities
        ],
        "ours": [_ours(name) for name in FIELDS],
        "is_operator": _is_operator(request),
        "tried_gateway": tried[0] if tried else "",
        "tried": tried[1] if tried else None,
        "urls": [(_name(name), webhook_url(name)) for name in FIELDS],
        "https": settings.HTTPS,
    }
    return render(request, "backoffice/gateways.html", context)


def _page(
    request: AdminRequest,
    entity: TaxEntity,
    gateway: str,
    account: GatewayAccount | None,
    form: Any,
    *,
    tried: Tried | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "entity": entity,
        "gateway": gateway,
        "gateway_name": _name(gateway),
        "account": account,
        "form": form,
        "tried": tried,
        "saved": request.GET.get("done") == "saved" and tried is None,
        "shown": _shown(gateway, account),
        "webhook_url": webhook_url(gateway),
        "https": settings.HTTPS,
        "methods": [
            (WORDS[each.method.value], each)
            for each in gateways.capabilities_of(gateway, account).values()
        ],
    }
    return render(request, "backoffice/gateway.html", context, status=status)


def _found(request: AdminRequest, pk: int, gateway: str) -> tuple[TaxEntity, GatewayAccount | None]:
    entity = one(request, TaxEntity.objects.all(), pk=pk)
    if gateway not in FIELDS:
        raise Http404
    own = rows(request, selectors.accounts(request.admin))
    return entity, own.filter(tax_entity=entity, gateway=gateway).first()


def webhook_url(gateway: str) -> str:
    """What is entered at the gateway."""
    return settings.PUBLIC_URL.rstrip("/") + reverse(f"webhook-{gateway}")


def _shown(gateway: str, account: GatewayAccount | None) -> Shown:
    if account is None:
        return _ours(gateway)
    test = keys.is_test(str(account.settings.get("public_key", "")))
    if not account.enabled:
        return Shown(gateway, _name(gateway), _("Switched off"), "out", "ban", test, account)
    if not gateway_accounts.secrets_known(account):
        word = _("The keys must be typed again")
        return Shown(gateway, _name(gateway), word, "bad", "alert-triangle", test, account)
    word = _("Its own account")
    return Shown(gateway, _name(gateway), word, "ok", "circle-check", test, account)


def _ours(gateway: str) -> Shown:
    """The account of the environment, which takes the money of those who have none."""
    test = gateway == GatewayName.OMISE and keys.is_test(settings.OMISE_PUBLIC_KEY)
    if gateways.is_set_up(gateway):
        word = _("The operator’s account")
        return Shown(gateway, _name(gateway), word, "ok", "circle-check", test, None)
    return Shown(gateway, _name(gateway), _("None"), "out", "minus", False, None)


def _is_operator(request: AdminRequest) -> bool:
    """Platform staff; or the owner, where there is one company only and so nobody else's money."""
    return is_platform(request.admin) or Company.objects.count() == 1


def _name(gateway: str) -> str:
    return str(GatewayName(gateway).label)
