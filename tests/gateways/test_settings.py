"""Half a gateway in the environment is refused with a sentence that says what is missing."""

from pathlib import Path
from typing import Any

import pytest

from evbilling import checks, gateway_settings
from evbilling.supervisor.config import Config
from evbilling.supervisor.errors import Refused
from evbilling.supervisor.home import Home
from evbilling.supervisor.processes import BANK_KEYS, PRODUCT, Site, row
from simulators.bank import app

pytestmark = pytest.mark.pure
OMISE = {"OMISE_PUBLIC_KEY": "pkey_test_1", "OMISE_SECRET_KEY": "skey_test_1"}
SCB = {"SCB_API_KEY": "k", "SCB_API_SECRET": "s", "SCB_BILLER_ID": "0" * 15}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"OMISE_PUBLIC_KEY": "pkey_test_1"},
            "OMISE_PUBLIC_KEY is set, but OMISE_SECRET_KEY is not.",
        ),
        (
            {"OMISE_WEBHOOK_SECRET": "c2VjcmV0LXNlY3JldA=="},
            "OMISE_WEBHOOK_SECRET is set, but OMISE_PUBLIC_KEY and OMISE_SECRET_KEY are not.",
        ),
        (
            OMISE | {"OMISE_WEBHOOK_SECRET_OLD": "c2VjcmV0LXNlY3JldA=="},
            "OMISE_PUBLIC_KEY and OMISE_SECRET_KEY and OMISE_WEBHOOK_SECRET_OLD are set, but "
            "OMISE_WEBHOOK_SECRET is not.",
        ),
        (
            OMISE | {"OMISE_SECRET_KEY": "skey_1"},
            "OMISE_PUBLIC_KEY and OMISE_SECRET_KEY must both be test keys or both live keys.",
        ),
        (
            OMISE | {"OMISE_WEBHOOK_SECRET": "?"},
            "OMISE_WEBHOOK_SECRET is not base64: copy it as Omise shows it.",
        ),
        (
            {"SCB_API_KEY": "k", "SCB_BILLER_ID": "0" * 15},
            "SCB_API_KEY and SCB_BILLER_ID are set, but SCB_API_SECRET is not.",
        ),
        (SCB | {"SCB_BILLER_ID": "1"}, "SCB_BILLER_ID must have 15 digits."),
        ({"OMISE_API_URL": "omise"}, "OMISE_API_URL must begin with https:// or http://."),
        (
            {"OMISE_CAPABILITIES": '{"card": {"speed": 1}}'},
            "OMISE_CAPABILITIES cannot be read at card.speed; see docs/payments.md.",
        ),
        (
            {"SCB_CAPABILITIES": "{"},
            "SCB_CAPABILITIES cannot be read at its JSON; see docs/payments.md.",
        ),
    ],
)
def test_half_a_gateway_refuses_to_start(given: dict[str, str], sentence: str) -> None:
    assert gateway_settings.complaints(given) == [sentence]
    with pytest.raises(Refused) as refusal:
        Config.read(given, bind="127.0.0.1")
    assert str(refusal.value) == sentence


def test_a_whole_one_and_none_at_all_are_fine(tmp_path: Path) -> None:
    assert gateway_settings.complaints({}) == []
    assert gateway_settings.complaints({**OMISE, **SCB}) == []
    file = tmp_path / "key"
    file.write_text("skey_test_1\n")
    by_file = {"OMISE_PUBLIC_KEY": "pkey_test_1", "OMISE_SECRET_KEY_FILE": str(file)}
    Config.read(by_file, bind="127.0.0.1")


def test_a_secret_is_never_repeated_in_a_sentence() -> None:
    wrong = {"OMISE_PUBLIC_KEY": "very-secret", "OMISE_SECRET_KEY": "very-secret"}
    assert "very-secret" not in " ".join(gateway_settings.complaints(wrong))


def test_the_check_of_django_says_the_same(settings: Any) -> None:
    assert checks.gateways_are_whole() == []
    settings.OMISE_SECRET_KEY = "skey_test_1"
    (error,) = checks.gateways_are_whole()
    assert error.msg == "OMISE_SECRET_KEY is set, but OMISE_PUBLIC_KEY is not."


def test_the_demo_is_set_up_with_the_simulated_bank_unless_a_real_account_is_given(
    tmp_path: Path,
) -> None:
    home, config = Home(tmp_path), Config.read({}, bind="127.0.0.1")
    demo = Site(home, config, {"DEMO": "1"})
    spec = demo.spec("web", row("web").command)
    assert spec.environ["OMISE_API_URL"] == f"http://127.0.0.1:{demo.bank_port}"
    assert spec.environ["DEMO_BANK_URL"] == spec.environ["OMISE_API_URL"]
    assert Config.read(spec.environ, bind="127.0.0.1")
    keys = (app.PUBLIC_KEY, app.SECRET_KEY, app.WEBHOOK_SECRET)
    assert tuple(BANK_KEYS.values()) == keys
    given = Site(home, config, {"DEMO": "1", **OMISE}).spec("web", "x")
    assert "DEMO_BANK_URL" not in given.environ
    assert "OMISE_API_URL" not in Site(home, config, {"DEMO": ""}).spec("web", "x").environ
    assert row("bank", PRODUCT).demo_only
