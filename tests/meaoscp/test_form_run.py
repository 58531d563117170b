"""FM-OCPP-T-01 against a charger on a real line: all eleven tests, and each way to fail one."""

import pytest

from meaoscp.models import AcceptanceRun, RunState, StepState
from tests.meaoscp.bench import bench
from tests.stack import Stack

pytestmark = pytest.mark.wire


def told(run: AcceptanceRun) -> list[tuple[str, str, str, str]]:
    return [(s.number, s.state, s.remark, s.reason) for s in run.steps.all()]


def test_all_eleven_tests_pass(live: Stack) -> None:
    with bench(live) as there:
        run = there.play(there.start(), 60)
    assert run.state == RunState.PASSED, told(run)
    assert {s.state for s in run.steps.all()} == {StepState.PASSED}
    for t in told(run): print(t)
