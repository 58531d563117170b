"""A legal entity's own account at a gateway: made, changed and tried by its owner.

Secrets go in and never come out again: not to a page, the API, the audit or a log. An empty secret
in a change means: as it was.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import GatewayAccount, GatewayName
from billing.payments import capabilities, keys
from billing.payments.base import GatewayAway, GatewayError
from billing.payments.capabilities import BadCapability
from billing.payments.keys import Problem
from billing.services import gateways
from core import audit, seal
from core.errors import DomainError
from users.models import TaxEntity
from users.services import editing

OLD_SECRET_LIVES = timedelta(hours=24)
FIELDS: dict[str, tuple[str, ...]] = {
    GatewayName.OMISE.value: ("public_key", "secret_key", "webhook_secret"),
    GatewayName.SCB.value: ("biller_id", "ref3", "api_key", "api_secret"),
}
_SENTENCES: dict[Problem, Promise] = {
    Problem.MISSING: _("This is needed."),
    Problem.NOT_PUBLIC: _("A public key of Omise begins with pkey_."),
    Problem.NOT_SECRET: _("A secret key of Omise begins with skey_."),
    Problem.MODES_DIFFER: _("One key is for tests, the other for real money. Both must be alike."),
    Problem.NOT_BASE64: _("Copy the webhook secret as Omise shows it."),
    Problem.NOT_A_BILLER: _("A biller id has 15 digits."),
    Problem.NOT_A_PREFIX: _("At most 20 letters and digits."),
}


class BadKeys(DomainError):
    code = "bad_gateway_keys"
    status = 422


@dataclass(frozen=True, slots=True)
class Tried:
    """What a gateway said to the keys. ``live`` None: it does not say. ``said`` is its own word."""

    accepted: bool
    reached: bool
    said: str = ""
    live: bool | None = None
    currency: str = ""


def save(
    tax_entity: TaxEntity, gateway: str, fields: Mapping[str, Any], *, actor: audit.Actor
) -> GatewayAccount:
    """Make the entity's account at ``gateway``, or change it.

    ``fields``: those of ``FIELDS[gateway]``, ``enabled``, ``capabilities`` (see
    ``billing.payments.capabilities``). What is not given stays. ``BadKeys`` names the field.
    """
    if gateway not in FIELDS:
        raise BadKeys(_("Choose a gateway."), field="gateway")
    with transaction.atomic():
        account = _locked(tax_entity, gateway)
        known = _readable(account)
        fresh = {name: str(fields[name]).strip() for name in FIELDS[gateway] if fields.get(name)}
        secrets = {
            name: value
            for name, value in fresh.items()
            if name in keys.SECRETS and value != known.get(name)
        }
        plain = account.settings | {k: v for k, v in fresh.items() if k not in keys.SECRETS}
        sealed = _rotated(known, secrets)
        _check(gateway, {**plain, **sealed})
        if "capabilities" in fields:
            plain["capabilities"] = _checked(gateway, fields["capabilities"] or {})
        changes = editing.apply(
            account, {"settings": plain, "enabled": fields.get("enabled", account.enabled)}
        )
        _write(account, sealed, changes, sorted(secrets), actor)
    return account


def _locked(tax_entity: TaxEntity, gateway: str) -> GatewayAccount:
    """The account, for this transaction ours alone; a new one that is not saved yet."""
    rows = GatewayAccount.objects.select_for_update()
    return rows.filter(tax_entity=tax_entity, gateway=gateway).first() or GatewayAccount(
        tax_entity=tax_entity, company_id=tax_entity.company_id, gateway=gateway
    )


def _write(
    account: GatewayAccount,
    sealed: Mapping[str, str],
    changes: editing.Changes,
    secrets_changed: list[str],
    actor: audit.Actor,
) -> None:
    is_new = account.pk is None
    if not (is_new or changes or secrets_changed):
        return
    account.sealed = seal.seal(json.dumps(sealed))
    with editing.refusing("gateway_account_once", BadKeys(_("There is one already."))):
        account.save()
    audit.record(
        actor,
        "create_gateway_account" if is_new else "edit_gateway_account",
        f"gateway_account:{account.pk}",
        company_id=account.company_id,
        old=None if is_new else changes.old,
        new={**changes.new, "gateway": account.gateway, "secrets_changed": secrets_changed},
    )


def try_out(gateway: str, account: GatewayAccount | None) -> Tried:
    """Ask the gateway whose keys these are. Calls out: never inside a transaction."""
    try:
        if gateway == GatewayName.OMISE:
            found = gateways.omise_client(account).account()
            return Tried(True, True, found.email or found.id, found.live, found.currency)
        client = gateways.scb_client(account)
        client.check_keys()
        return Tried(True, True)
    except GatewayError as refusal:
        return Tried(False, True, refusal.message or refusal.code)
    except GatewayAway as away:
        return Tried(False, False, str(away))


def secrets_known(account: GatewayAccount) -> frozenset[str]:
    """Names of the secrets that are there and readable; never what they are."""
    return frozenset(name for name, value in _readable(account).items() if value)


def _readable(account: GatewayAccount) -> dict[str, str]:
    try:
        return gateways.secrets_of(account)
    except GatewayAway:
        return {}  # sealed under another SECRET_KEY: to be typed again


def _rotated(known: Mapping[str, str], fresh: Mapping[str, str]) -> dict[str, str]:
    """The old webhook secret is still believed for a day: the gateway signs with both that long."""
    sealed = {**known, **fresh}
    if "webhook_secret" in fresh and known.get("webhook_secret"):
        until = timezone.now() + OLD_SECRET_LIVES
        sealed |= {
            "webhook_secret_old": known["webhook_secret"],
            "webhook_secret_old_until": until.isoformat(),
        }
    return sealed


def _check(gateway: str, values: Mapping[str, Any]) -> None:
    texts = {name: str(value) for name, value in values.items() if isinstance(value, str)}
    needed = "secret_key" if gateway == GatewayName.OMISE else "api_key"
    problems = (
        keys.omise_problems(texts) if gateway == GatewayName.OMISE else keys.scb_problems(texts)
    ) or ([] if texts.get(needed) else [(needed, Problem.MISSING)])
    if problems:
        name, problem = problems[0]
        raise BadKeys(_SENTENCES[problem], field=name)


def _checked(gateway: str, changes: Any) -> Any:
    table = capabilities.OMISE if gateway == GatewayName.OMISE else capabilities.SCB
    try:
        capabilities.overridden(table, changes)
    except BadCapability as problem:
        raise BadKeys(
            _("%(gateway)s does not know this: %(what)s"),
            field="capabilities",
            gateway=gateway,
            what=str(problem),
        ) from None
    return changes
