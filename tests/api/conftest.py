"""A company with an owner, another company with another one, and callers for both."""

import pytest

from tests.api.client import Caller
from tests.factories import a_company, an_admin
from users.models import Admin, Company, Level


@pytest.fixture
def company(db: None) -> Company:
    return a_company()


@pytest.fixture
def owner(company: Company) -> Admin:
    return an_admin(company, Level.OWNER)


@pytest.fixture
def api(owner: Admin) -> Caller:
    """The owner's calls."""
    return Caller(owner)


@pytest.fixture
def other_api(db: None) -> Caller:
    """The calls of another company's owner."""
    return Caller(an_admin(a_company(), Level.OWNER))


@pytest.fixture
def platform_api(db: None) -> Caller:
    return Caller(an_admin(None, Level.PLATFORM))


@pytest.fixture
def stranger() -> Caller:
    return Caller()
