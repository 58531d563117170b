"""FM-OCPP-T-01 against chargers on real lines: all eleven tests, and each way to fail one.

The chargers are tested side by side, as in the field: one run at each, all watched by one product.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from meaoscp import form
from meaoscp.models import AcceptanceRun, AcceptanceStep, StepState
from tests import stack as stacks
from tests.meaoscp.bench import DC, Bench, bench
from tests.stack import eventually

pytestmark = pytest.mark.wire


@dataclass
class Ended:
    """What came of one run, read once: the tests look at it without a database."""

    state: str
    steps: dict[tuple[int, str], AcceptanceStep]
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def failed(self) -> list[tuple[str, str]]:
        return [(s.number, s.reason) for s in self.steps.values() if s.state == StepState.FAILED]

    def told(self, number: str, connector: int = 1) -> str:
        return self.steps[(connector, number)].remark


@dataclass(frozen=True)
class Case:
    """A charger, what is wrong with it, the tests that are run, and where they must fail.

    ``silent``: it fails because nothing comes, or not the right thing, in the step's time.
    """

    name: str
    tests: tuple[int, ...]
    fails: tuple[str, str] | None = None
    spoil: Callable[[Bench], object] = lambda there: None
    make: dict[str, Any] = field(default_factory=dict)
    wish: dict[str, Any] = field(default_factory=dict)
    silent: bool = False


def out(action: str, *names: str) -> Callable[[Bench], object]:
    return lambda there: there.point.faults.leave_out(action, *names)


def rejects(action: str) -> Callable[[Bench], object]:
    return lambda there: there.point.faults.reject(action)


def use_second_card(there: Bench) -> None:
    there.taps_to_stop = there.second_card


def restart_by_hand(there: Bench) -> None:
    """A charger without the Remote Trigger profile: somebody switches it off and on."""
    there.point.faults.reject("TriggerMessage")
    there.restarts = True


def no_beats(there: Bench) -> None:
    there.beats = False


ENERGY_ONLY = {"configuration": {"MeterValuesSampledData": "Energy.Active.Import.Register"}}
NO_VOLTAGE = "Energy.Active.Import.Register,Power.Active.Import,Power.Offered,Current.Import"
CASES = (
    Case("all eleven", form.TESTS),
    Case("direct current", (4, 9), make={"rating": DC}),
    Case("two connectors", (1, 6), make={"connectors": 2}, wish={"connectors": [1, 2]}),
    Case("second card", (4,), spoil=use_second_card, make={"asks_to_stop": False}),
    Case("no heartbeat", (2,), ("2", "nothing_came"), no_beats, silent=True),
    Case("no restart", (1,), ("1.1", "nothing_came"), rejects("TriggerMessage"), silent=True),
    Case("restarted by hand", (1,), spoil=restart_by_hand),
    Case(
        "says no connector",
        (1,),
        ("1.2", "connectors_missing"),
        out("StatusNotification", "connectorId"),
        silent=True,
    ),
    Case("energy only", (4,), ("4.4", "measurands_missing"), make=ENERGY_ONLY),
    Case(
        "no voltage",
        (5,),
        ("5.4", "measurands_missing"),
        make={"configuration": {"MeterValuesSampledData": NO_VOLTAGE}},
    ),
    Case("stops unasked", (4,), ("4.5", "stopped_unasked"), make={"asks_to_stop": False}),
    Case("stop without card", (4,), ("4.6", "fields_missing"), out("StopTransaction", "idTag")),
    Case(
        "refuses remote start", (5,), ("5.1", "order_rejected"), rejects("RemoteStartTransaction")
    ),
    Case(
        "goes on charging",
        (5,),
        ("5.6", "nothing_came"),
        lambda there: there.point.faults.ignore_remote_stop(),
        silent=True,
    ),
    Case("refuses to reserve", (6,), ("6.1", "order_rejected"), rejects("ReserveNow")),
    Case(
        "never says Reserved",
        (6,),
        ("6.2", "no_status"),
        lambda there: there.point.faults.forget_reservations(),
        silent=True,
    ),
    Case("refuses to cancel", (6,), ("6.3", "order_rejected"), rejects("CancelReservation")),
    Case(
        "stays Reserved",
        (7,),
        ("7.4", "wrong_status"),
        lambda there: there.point.faults.keep_reservations(),
        silent=True,
    ),
    Case(
        "start without reservationId",
        (8,),
        ("8.4", "fields_missing"),
        out("StartTransaction", "reservationId"),
    ),
    Case("refuses the limit", (9,), ("9.5", "order_rejected"), rejects("SetChargingProfile")),
    Case(
        "ignores the limit",
        (10,),
        ("10.5", "limit_ignored"),
        lambda there: there.point.faults.ignore_profiles(),
        silent=True,
    ),
)


@pytest.fixture(scope="module")
def ended(stack: stacks.Stack, django_db_blocker: Any) -> Iterator[dict[str, Ended]]:
    """Every case at the same time, played to its end."""
    with django_db_blocker.unblock(), stacks.using_database(stack.database), ExitStack() as benches:
        pairs: list[tuple[Case, Bench, AcceptanceRun]] = []
        for case in CASES:
            there = benches.enter_context(bench(stack, **case.make))
            case.spoil(there)
            if case.silent and case.fails:
                there.cut = case.fails[0]
            pairs.append((case, there, there.start(*case.tests, **case.wish)))
        going = list(pairs)

        def everybody() -> bool:
            going[:] = [(case, there, run) for case, there, run in going if not there.turn(run)]
            return not going

        eventually(everybody, 60, 0.05)
        yield {case.name: _ended(there, run) for case, there, run in pairs}


def _ended(there: Bench, run: AcceptanceRun) -> Ended:
    steps = {(s.connector_id, s.number): s for s in run.steps.all()}
    heard = [(r.action, r.payload) for r in there.point.received]
    return Ended(run.state, steps, heard)


def test_all_eleven_tests_pass(ended: dict[str, Ended]) -> None:
    run = ended["all eleven"]
    assert run.state == "passed", run.failed()
    assert {s.state for s in run.steps.values()} == {StepState.PASSED}
    assert all(s.remark and s.messages for s in run.steps.values() if _of_the_wire(s))


def _of_the_wire(step: AcceptanceStep) -> bool:
    return step.number != "7.3" and not step.number.endswith(".0")


def test_the_remarks_hold_what_the_form_asks_for(ended: dict[str, Ended]) -> None:
    run = ended["all eleven"]
    for word in ("connectorId 1", "idTag TAG", "timestamp 20", "meterStart 0", "transactionId 1"):
        assert word in run.told("4.2")
    for word in ("Offered 22080 W", "Active 11000 W", "Current 1", "Voltage 2", "Energy", "SOC –"):
        assert word in run.told("4.4")
    for word in ("transactionId", "idTag TAG", "timestamp 20", "meterStop"):
        assert word in run.told("4.6")
    assert "idTag – (stop from the server)" in run.told("5.6")
    assert run.told("6.2") == "connectorId 1, status Reserved"
    assert "reservationId 9" in run.told("8.4")
    # The reading before the order is the charger's own, near its 16 A.
    assert re.match(r"limit 10 A: 1[5-7]\.\d A → 10", run.told("9.5"))


def test_what_we_send_is_what_the_form_says(ended: dict[str, Ended]) -> None:
    """RemoteStart names the connector, a reservation ends at a time with a zone."""
    heard = ended["all eleven"].heard
    starts = [payload for action, payload in heard if action == "RemoteStartTransaction"]
    assert len(starts) == 4
    assert all(payload["connectorId"] == 1 for payload in starts)
    bookings = [payload for action, payload in heard if action == "ReserveNow"]
    assert len({payload["reservationId"] for payload in bookings}) == len(bookings) == 4
    assert all(payload["expiryDate"].endswith("Z") for payload in bookings)
    (profile, *_more) = [payload for action, payload in heard if action == "SetChargingProfile"]
    schedule = profile["csChargingProfiles"]["chargingSchedule"]
    assert schedule["chargingRateUnit"] == "A"
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 10.0}]


def test_a_charger_of_direct_current_tells_the_cars_charge_and_is_limited_in_watts(
    ended: dict[str, Ended],
) -> None:
    run = ended["direct current"]
    assert run.failed() == []
    assert "SOC 30 %" in run.told("4.4")
    assert run.told("9.5").startswith("limit 20000 W: ")


def test_a_charger_that_cannot_be_asked_is_restarted_by_hand(ended: dict[str, Ended]) -> None:
    run = ended["restarted by hand"]
    assert run.failed() == []
    assert run.told("1.2", 0) == "0 Available, 1 Available"


def test_every_connector_is_tested_and_a_part_of_the_form_is_not_a_pass(
    ended: dict[str, Ended],
) -> None:
    run = ended["two connectors"]
    assert run.state == "incomplete"
    assert run.told("1.2", 0) == "0 Available, 1 Available, 2 Available"
    assert [run.told("6.4", n) for n in (1, 2)] == [
        f"connectorId {n}, status Available" for n in (1, 2)
    ]


def test_a_second_card_of_the_group_ends_a_charge_as_the_standard_has_it(
    ended: dict[str, Ended],
) -> None:
    run = ended["second card"]
    assert run.failed() == []
    assert run.told("4.5") != run.told("4.1")


@pytest.mark.parametrize("case", [c for c in CASES if c.fails], ids=lambda case: case.name)
def test_a_wrong_behaviour_fails_at_its_step(case: Case, ended: dict[str, Ended]) -> None:
    run = ended[case.name]
    assert run.failed() == [case.fails]
    assert run.state == "paused"
    before = [s for s in run.steps.values() if s.position < _position(run)]
    assert {s.state for s in before} <= {StepState.PASSED}


def _position(run: Ended) -> int:
    return next(s.position for s in run.steps.values() if s.state == StepState.FAILED)
