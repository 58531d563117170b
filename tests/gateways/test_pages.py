"""The page Payment accounts: typed in, tried out, never shown again."""

import pytest

from billing.models import GatewayAccount
from tests.api.client import Caller
from tests.factories import a_company, a_tax_entity, an_admin
from tests.gateways.bank import PUBLIC_KEY, SECRET_KEY, WEBHOOK_SECRET, Served
from tests.pages.people import signed_in
from users.models import Level, TaxEntity

pytestmark = pytest.mark.django_db
KEYS = {
    "public_key": PUBLIC_KEY,
    "secret_key": SECRET_KEY,
    "webhook_secret": WEBHOOK_SECRET,
    "promptpay_least": "1.00",
    "card_part": "on",
    "enabled": "on",
}


@pytest.fixture
def entity() -> TaxEntity:
    return a_tax_entity(a_company())


def path(entity: TaxEntity, more: str = "", gateway: str = "omise") -> str:
    return f"/payment-accounts/{entity.pk}/{gateway}/{more}"


def test_an_owner_types_the_keys_in_tries_them_and_never_sees_them_again(
    at_the_bank: Served, entity: TaxEntity
) -> None:
    owner = signed_in(an_admin(entity.company, Level.OWNER))
    assert owner.post(path(entity), KEYS).status_code == 302
    account = GatewayAccount.objects.get()
    assert account.settings["capabilities"]["promptpay"] == {
        "least": 100,
        "refund": False,
        "partial_refund": False,
    }
    shown = owner.get(path(entity) + "?done=saved").content.decode()
    listed = owner.get("/payment-accounts/").content.decode()
    tried = owner.post(path(entity, "try/"))
    for page in (shown, listed, tried.content.decode()):
        assert SECRET_KEY not in page
        assert WEBHOOK_SECRET not in page
    assert "One is set and never shown" in shown
    assert "/webhooks/omise/" in shown
    assert "Its own account" in listed
    assert "Omise accepts the keys" in tried.content.decode()
    assert "Test mode: no real money" in tried.content.decode()


def test_a_wrong_key_says_so_at_its_field(entity: TaxEntity) -> None:
    owner = signed_in(an_admin(entity.company, Level.OWNER))
    answer = owner.post(path(entity), KEYS | {"secret_key": "pkey_test_x"})
    assert answer.status_code == 422
    assert "A secret key of Omise begins with skey_." in answer.content.decode()
    assert not GatewayAccount.objects.exists()
    assert owner.post(path(entity), KEYS | {"promptpay_least": "0.999"}).status_code == 422
    assert owner.post(path(entity, "try/")).status_code == 409
    assert owner.get(path(entity, gateway="paypal")).status_code == 404


def test_the_operators_keys_are_tried_by_the_operator_only(
    at_the_bank: Served, entity: TaxEntity
) -> None:
    owner = signed_in(an_admin(entity.company, Level.OWNER))
    assert "accepts the keys" in owner.post("/payment-accounts/try/omise/").content.decode()
    a_company()
    assert owner.post("/payment-accounts/try/omise/").status_code == 404
    assert owner.post("/payment-accounts/try/x/").status_code == 404


def test_the_api_names_secrets_and_shows_none(entity: TaxEntity) -> None:
    admin = an_admin(entity.company, Level.OWNER)
    signed_in(admin).post(path(entity), KEYS)
    answer = Caller(admin).get("gateway-accounts/")
    (row,) = answer.rows
    assert row["secrets"] == ["secret_key", "webhook_secret"]
    assert row["settings"]["public_key"] == PUBLIC_KEY
    assert SECRET_KEY not in str(answer.json)
    manager = Caller(an_admin(entity.company, Level.MANAGER))
    assert manager.get("gateway-accounts/").status == 403
