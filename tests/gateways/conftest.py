from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateways import bank as banks


@pytest.fixture(scope="session")
def served() -> Iterator[banks.Served]:
    running = banks.serve()
    yield running
    running.stop()


@pytest.fixture
def bank(served: banks.Served) -> banks.Served:
    """The bank as on its first day."""
    served.ask("POST", "/_control/forget")
    return served


@pytest.fixture
def set_up(settings: Any) -> Any:
    """The operator's accounts at both gateways, with nobody behind them."""
    settings.OMISE_PUBLIC_KEY, settings.OMISE_SECRET_KEY = banks.PUBLIC_KEY, banks.SECRET_KEY
    settings.OMISE_WEBHOOK_SECRET = banks.WEBHOOK_SECRET
    settings.SCB_API_KEY, settings.SCB_API_SECRET = banks.SCB_API_KEY, banks.SCB_API_SECRET
    settings.SCB_BILLER_ID = banks.BILLER
    return settings


@pytest.fixture
def at_the_bank(set_up: Any, bank: banks.Served) -> banks.Served:
    """The operator's accounts at the simulated bank."""
    set_up.OMISE_API_URL, set_up.SCB_API_URL = bank.url, f"{bank.url}/scb"
    return bank
