"""Who takes whose money: the entity's own account before the operator's, and what each can do."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import GatewayAccount, Payment, PaymentPurpose
from billing.payments.base import GatewayAway, Method
from billing.payments.manual import Manual
from billing.payments.omise import Omise
from billing.payments.scb import Scb
from billing.services import gateway_accounts, gateways
from billing.services.gateway_accounts import BadKeys
from core.audit import SYSTEM
from core.models import AuditEntry
from tests.factories import a_company, a_tax_entity
from tests.gateways.bank import BILLER, PUBLIC_KEY, SECRET_KEY, WEBHOOK_SECRET, Served
from users.models import TaxEntity

pytestmark = pytest.mark.django_db
OWN = {"public_key": "pkey_test_own", "secret_key": "skey_test_own"}
OWN_SCB = {"biller_id": BILLER, "api_key": "k", "api_secret": "s"}


@pytest.fixture
def entity() -> TaxEntity:
    return a_tax_entity(a_company())


def save(entity: TaxEntity, gateway: str = "omise", **fields: Any) -> GatewayAccount:
    return gateway_accounts.save(entity, gateway, fields, actor=SYSTEM)


def ways(entity: TaxEntity | None, satang: int | None = None) -> dict[str, tuple[str, bool]]:
    return {
        each.method.value: (each.gateway, each.account is not None)
        for each in gateways.offered(entity, satang)
    }


def test_nothing_is_offered_where_nothing_is_set_up(entity: TaxEntity) -> None:
    assert gateways.offered(entity) == ()
    assert gateways.offered(None) == ()
    assert gateways.public_key(entity) == ""
    with pytest.raises(GatewayAway):
        gateways.client_for("omise", None)
    with pytest.raises(GatewayAway):
        gateways.client_for("scb", None)
    assert isinstance(gateways.client_for("manual", None), Manual)


def test_the_operators_account_serves_who_has_none(set_up: Any, entity: TaxEntity) -> None:
    assert ways(entity) == {
        "promptpay": ("omise", False),
        "card": ("omise", False),
        "mobile_banking": ("omise", False),
    }
    assert gateways.public_key(entity) == PUBLIC_KEY
    assert isinstance(gateways.client_for("omise", None), Omise)


def test_a_sum_below_the_minimum_is_not_offered(set_up: Any, entity: TaxEntity) -> None:
    assert ways(entity, 19_99) == {"promptpay": ("scb", False)}
    assert ways(entity, 99) == {}
    assert "card" in ways(entity, 20_00)
    assert ways(entity, 150_000_01) == {"promptpay": ("scb", False)}


def test_an_entitys_own_account_goes_first_and_takes_the_operators_place(
    set_up: Any, entity: TaxEntity
) -> None:
    own = save(entity, **OWN)
    assert ways(entity)["card"] == ("omise", True)
    assert gateways.public_key(entity) == "pkey_test_own"
    save(entity, enabled=False)
    assert ways(entity) == {"promptpay": ("scb", False)}
    # What was begun with it comes to its end.
    own.refresh_from_db()
    assert isinstance(gateways.client_for("omise", own), Omise)


def test_own_scb_takes_promptpay_and_the_operators_omise_the_rest(
    set_up: Any, entity: TaxEntity
) -> None:
    save(entity, "scb", **OWN_SCB)
    assert ways(entity) == {
        "promptpay": ("scb", True),
        "card": ("omise", False),
        "mobile_banking": ("omise", False),
    }


def test_a_payment_finds_the_client_it_was_made_with(set_up: Any, entity: TaxEntity) -> None:
    account = save(entity, "scb", **OWN_SCB)
    payment = Payment(
        gateway="scb",
        account=account,
        method=Method.PROMPTPAY,
        purpose=PaymentPurpose.CHARGE,
        amount=1,
        expires_at=timezone.now(),
    )
    assert isinstance(gateways.client(payment), Scb)


def test_an_account_says_what_its_contract_allows(set_up: Any, entity: TaxEntity) -> None:
    changes = {"promptpay": {"least": 1_00}, "card": {"partial_capture": False}}
    save(entity, **OWN, capabilities=changes)
    found = {each.method: each.capability for each in gateways.offered(entity)}
    assert found[Method.PROMPTPAY].least == 1_00
    assert (found[Method.CARD].hold, found[Method.CARD].partial_capture) == (True, False)
    with pytest.raises(BadKeys) as refusal:
        save(entity, capabilities={"card": {"speed": 1}})
    assert refusal.value.field == "capabilities"


def test_the_operators_capabilities_come_from_the_environment(
    set_up: Any, entity: TaxEntity
) -> None:
    set_up.OMISE_CAPABILITIES = '{"card": null, "promptpay": {"least": 100}}'
    assert ways(entity, 1_00) == {"promptpay": ("omise", False)}
    assert "card" not in ways(entity)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"public_key": "pkey_test_x"}, "secret_key"),
        ({"secret_key": "skey_test_x"}, "public_key"),
        ({"public_key": "skey_test_x", "secret_key": "skey_test_x"}, "public_key"),
        ({"public_key": "pkey_test_x", "secret_key": "pkey_test_x"}, "secret_key"),
        ({"public_key": "pkey_x", "secret_key": "skey_test_x"}, "secret_key"),
        ({**OWN, "webhook_secret": "not base64!"}, "webhook_secret"),
        ({}, "secret_key"),
    ],
)
def test_half_an_account_is_refused_and_nothing_is_kept(
    entity: TaxEntity, fields: dict[str, str], field: str
) -> None:
    with pytest.raises(BadKeys) as refusal:
        save(entity, **fields)
    assert refusal.value.field == field
    assert not GatewayAccount.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"api_key": "k", "api_secret": "s"}, "biller_id"),
        ({**OWN_SCB, "biller_id": "12"}, "biller_id"),
        ({**OWN_SCB, "ref3": "a-b"}, "ref3"),
        ({}, "api_key"),
    ],
)
def test_half_an_account_at_scb_is_refused(
    entity: TaxEntity, fields: dict[str, str], field: str
) -> None:
    with pytest.raises(BadKeys) as refusal:
        save(entity, "scb", **fields)
    assert refusal.value.field == field


def test_secrets_are_sealed_and_never_in_the_audit(entity: TaxEntity) -> None:
    account = save(entity, **OWN, webhook_secret=WEBHOOK_SECRET)
    written = json.dumps([account.settings, account.sealed]) + json.dumps(
        list(AuditEntry.objects.values_list("old", "new"))
    )
    assert "skey_test_own" not in written
    assert WEBHOOK_SECRET not in written
    entry = AuditEntry.objects.get(action="create_gateway_account")
    assert entry.new["secrets_changed"] == ["secret_key", "webhook_secret"]
    assert gateway_accounts.secrets_known(account) == {"secret_key", "webhook_secret"}


def test_an_empty_secret_means_as_it_was(entity: TaxEntity) -> None:
    save(entity, **OWN)
    changed = save(entity, public_key="pkey_test_new", secret_key="")
    assert gateways.secrets_of(changed)["secret_key"] == "skey_test_own"
    assert changed.settings["public_key"] == "pkey_test_new"


def test_an_old_webhook_secret_is_believed_for_a_day_more(
    entity: TaxEntity, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(entity, **OWN, webhook_secret="b2xkIHNlY3JldA==")
    account = save(entity, webhook_secret="bmV3IHNlY3JldA==")
    assert gateways.omise_client(account)._keys.webhooks == ("bmV3IHNlY3JldA==", "b2xkIHNlY3JldA==")
    later = datetime.now(UTC) + timedelta(hours=24, minutes=1)
    monkeypatch.setattr(gateways.timezone, "now", lambda: later)
    assert gateways.omise_client(account)._keys.webhooks == ("bmV3IHNlY3JldA==",)


def test_keys_sealed_under_another_secret_key_are_not_there(entity: TaxEntity) -> None:
    account = save(entity, **OWN)
    GatewayAccount.objects.update(sealed="gAAAA-not-ours")
    account.refresh_from_db()
    with pytest.raises(GatewayAway):
        gateways.client_for("omise", account)
    assert list(gateways.clients("omise")) == []
    assert gateway_accounts.secrets_known(account) == frozenset()
    save(entity, **OWN)  # typed again
    account.refresh_from_db()
    assert isinstance(gateways.client_for("omise", account), Omise)


def test_trying_the_keys_asks_the_gateway(at_the_bank: Served, entity: TaxEntity) -> None:
    good = save(entity, public_key=PUBLIC_KEY, secret_key=SECRET_KEY)
    tried = gateway_accounts.try_out("omise", good)
    assert (tried.accepted, tried.said, tried.live) == (True, "demo@example.com", False)
    bad = save(entity, **OWN)
    assert gateway_accounts.try_out("omise", bad).accepted is False
    at_the_bank.plan(away=1)
    assert gateway_accounts.try_out("omise", good).reached is False
    assert gateway_accounts.try_out("scb", None).accepted
