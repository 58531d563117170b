"""The charger that most tests of commissioning talk with."""

import pytest

from tests.stations.talking import Talker, a_new_charger


@pytest.fixture
def talker() -> Talker:
    return Talker(a_new_charger())
