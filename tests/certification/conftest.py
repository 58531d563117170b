"""The scene of a case, and the table of the last run (``make certification``)."""

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

# What fails in them should say what it compared, as in the tests themselves.
pytest.register_assert_rewrite("tests.certification.scene", "tests.certification.states")

from tests.certification import report  # noqa: E402
from tests.certification.registry import number_of  # noqa: E402
from tests.certification.scene import Scene, Site  # noqa: E402
from tests.stack import Stack  # noqa: E402

_outcomes: dict[str, str] = {}  # number of a case -> pytest's word


@pytest.fixture
def scene(live_web: Stack) -> Iterator[Scene]:
    with closing(Site(live_web)) as site, Scene(site) as made:
        yield made


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what came of a case: its own outcome, or that its set-up or end failed."""
    number = number_of(report.location[2])
    if number is not None and (report.when == "call" or report.outcome != "passed"):
        _outcomes[number] = report.outcome


def pytest_sessionfinish() -> None:
    if os.environ.get("CERTIFICATION_REPORT") and _outcomes:
        report.write_cases(_outcomes)
