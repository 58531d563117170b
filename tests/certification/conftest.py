"""The scene of a case, and the table of the last run (``make certification``)."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.certification.scene import Scene, Site
from tests.stack import Stack


@pytest.fixture
def scene(live_web: Stack) -> Iterator[Scene]:
    with closing(Site(live_web)) as site, Scene(site) as made:
        yield made
