"""What people decide about a run, and what is refused before it begins."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from core.errors import Conflict, DomainError
from core.models import AuditEntry
from meaoscp import form
from meaoscp.models import AcceptanceRun, RunState, StepState
from meaoscp.services import acceptance, acceptance_runs
from stations.models import Command, ConnectorStatus
from tests.factories import a_card, a_charger, a_company, a_customer, a_station, go_online
from tests.meaoscp.runs import WHO, a_failed_run, a_wish, an_acceptance_run, pass_until

pytestmark = pytest.mark.django_db


def states(run: AcceptanceRun, test: int) -> dict[str, str]:
    return dict(run.steps.filter(test=test).values_list("number", "state"))


def test_a_run_has_every_line_of_the_paper_once_and_each_charge_for_each_connector() -> None:
    run = an_acceptance_run(a_charger(connectors=2), connectors=[2, 1])
    numbers = list(run.steps.order_by("position").values_list("connector_id", "number"))
    assert numbers[:5] == [(0, "1.1"), (0, "1.2"), (0, "2"), (0, "3"), (1, "4.0")]
    assert len(numbers) == len(set(numbers))
    per_connector = sum(len(t.steps) for t in form.FORM if t.per_connector)
    assert len(numbers) == 4 + 2 * per_connector
    assert numbers[4 + per_connector] == (2, "4.0")


def test_a_second_run_at_the_same_charger_is_refused() -> None:
    charger = a_charger()
    an_acceptance_run(charger)
    with pytest.raises(Conflict, match="under way at this charger"):
        an_acceptance_run(charger)
    assert AcceptanceRun.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"connectors": []}, "connectors"),
        ({"connectors": [1, 7]}, "connectors"),
        ({"tests": [12]}, "tests"),
        ({"limit": Decimal(5)}, "limit"),
        ({"limit": Decimal(32), "direct": True}, "limit"),
        ({"reservation_seconds": 1}, "reservation_seconds"),
        ({"invalid_id_tag": "X" * 21}, "invalid_id_tag"),
        ({"card": None}, "card"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(wrong: dict[str, Any], field: str) -> None:
    charger = a_charger(online=True)
    with pytest.raises(DomainError) as refused:
        acceptance_runs.start(charger, a_wish(charger, **wrong), actor=WHO)
    assert refused.value.field == field
    assert not AcceptanceRun.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_card_that_cannot_pay_or_a_known_one_as_unknown_is_refused() -> None:
    charger = a_charger(online=True)
    company = charger.station.company
    poor = a_card(a_customer(company))
    rich = a_card(a_customer(company, balance=90_000))
    for wish, field in (
        (a_wish(charger, card=poor), "card"),
        (a_wish(charger, invalid_id_tag=rich.id_tag.lower()), "invalid_id_tag"),
        (a_wish(charger, stop_card=rich), "stop_card"),
    ):
        with pytest.raises(DomainError) as refused:
            acceptance_runs.start(charger, wish, actor=WHO)
        assert refused.value.field == field


def test_an_offline_charger_is_not_tested() -> None:
    charger = a_charger()
    with pytest.raises(Conflict, match="is offline"):
        acceptance_runs.start(charger, a_wish(charger), actor=WHO)


def test_looking_asks_the_charger_once_however_often_it_is_done() -> None:
    run = an_acceptance_run(a_charger())
    for _ in range(3):
        assert acceptance.look() == 1
    (command,) = Command.objects.all()
    assert (command.action, command.payload) == (
        "TriggerMessage",
        {"requestedMessage": "BootNotification"},
    )
    step = run.steps.get(number="1.1")
    assert (step.state, step.tries) == (StepState.NOW, 1)


def test_a_start_waits_for_the_car_unless_somebody_says_send() -> None:
    charger = a_charger()
    run = an_acceptance_run(charger)
    pass_until(run, "5.1")
    acceptance.look()
    assert not Command.objects.filter(action="RemoteStartTransaction").exists()
    acceptance_runs.send_now(run, actor=WHO)
    acceptance.look()
    (command,) = Command.objects.filter(action="RemoteStartTransaction")
    assert command.payload == {"idTag": run.card.id_tag, "connectorId": 1}


def test_a_start_goes_out_when_the_car_is_there() -> None:
    charger = a_charger()
    run = an_acceptance_run(charger)
    pass_until(run, "5.1")
    charger.connectors.update(status=ConnectorStatus.PREPARING)
    acceptance.look()
    assert Command.objects.filter(action="RemoteStartTransaction").count() == 1


def test_a_failed_test_can_be_repeated_with_new_orders() -> None:
    run = a_failed_run(a_charger(), "6.1")
    acceptance_runs.repeat(run, 6, 1, actor=WHO)
    run.refresh_from_db()
    assert run.state == RunState.RUNNING
    assert set(states(run, 6).values()) == {StepState.WAITING}
    acceptance.look()
    first = Command.objects.get(action="ReserveNow")
    run.steps.filter(number="6.1").update(state=StepState.FAILED)
    AcceptanceRun.objects.update(state=RunState.PAUSED)
    acceptance_runs.repeat(run, 6, 1, actor=WHO)
    acceptance.look()
    second = Command.objects.filter(action="ReserveNow").latest("id")
    assert second.pk != first.pk
    assert second.payload["reservationId"] != first.payload["reservationId"]


def test_skipping_needs_a_reason_and_prints_it() -> None:
    run = a_failed_run(a_charger(), "9.5")
    with pytest.raises(DomainError) as refused:
        acceptance_runs.skip(run, "  ", actor=WHO)
    assert refused.value.field == "note"
    acceptance_runs.skip(run, "No Smart Charging profile", actor=WHO)
    step = run.steps.get(number="9.5")
    assert (step.state, step.note, step.reason) == (
        StepState.SKIPPED,
        "No Smart Charging profile",
        "",
    )
    run.refresh_from_db()
    assert run.state == RunState.RUNNING


def test_going_on_keeps_the_failure_ends_the_charge_and_fails_the_run() -> None:
    run = a_failed_run(a_charger(), "11.6")
    run.steps.filter(number="11.4").update(values={"transactionId": 77})
    run.steps.filter(number="11.1").update(values={"reservationId": 9})
    acceptance_runs.next_test(run, actor=WHO)
    assert states(run, 11)["11.7"] == StepState.LEFT_OUT
    orders = {c.action: c.payload for c in Command.objects.all()}
    assert orders["RemoteStopTransaction"] == {"transactionId": 77}
    assert orders["CancelReservation"] == {"reservationId": 9}
    acceptance.look()
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert run.ended_at is not None


def test_an_ended_run_opens_again_for_one_test_and_can_pass_then() -> None:
    run = a_failed_run(a_charger(), "11.10")
    acceptance_runs.next_test(run, actor=WHO)
    acceptance.look()
    acceptance_runs.repeat(run, 11, 1, actor=WHO)
    run.refresh_from_db()
    assert (run.state, run.ended_at) == (RunState.RUNNING, None)
    pass_until(run)
    acceptance.look()
    run.refresh_from_db()
    assert run.state == RunState.PASSED


def test_skipped_steps_leave_the_result_open() -> None:
    run = a_failed_run(a_charger(), "11.10")
    acceptance_runs.skip(run, "The car had to go", actor=WHO)
    acceptance.look()
    run.refresh_from_db()
    assert run.state == RunState.INCOMPLETE


def test_an_aborted_run_is_over_for_good() -> None:
    charger = a_charger()
    run = an_acceptance_run(charger)
    acceptance.look()
    acceptance_runs.abort(run, actor=WHO)
    run.refresh_from_db()
    assert run.state == RunState.ABORTED
    assert set(run.steps.values_list("state", flat=True)) == {StepState.LEFT_OUT}
    later: list[Callable[[], None]] = [
        lambda: acceptance_runs.abort(run, actor=WHO),
        lambda: acceptance_runs.skip(run, "x", actor=WHO),
        lambda: acceptance_runs.repeat(run, 1, 0, actor=WHO),
    ]
    for decide in later:
        with pytest.raises(Conflict, match="has ended"):
            decide()
    an_acceptance_run(charger)


def test_only_the_present_test_can_be_repeated_while_it_runs() -> None:
    run = an_acceptance_run(a_charger())
    pass_until(run, "4.1")
    acceptance.look()
    with pytest.raises(Conflict, match="Wait for the present test"):
        acceptance_runs.repeat(run, 1, 0, actor=WHO)
    acceptance_runs.repeat(run, 4, 1, actor=WHO)
    assert set(states(run, 4).values()) == {StepState.WAITING}


def test_a_step_without_its_charge_fails_at_once_and_says_why() -> None:
    run = an_acceptance_run(a_charger())
    pass_until(run, "4.2")
    run.steps.filter(number="4.2").update(state=StepState.SKIPPED, note="x")
    run.steps.filter(number="4.3").update(state=StepState.SKIPPED, note="x")
    acceptance.look()
    assert run.steps.get(number="4.4").reason == "no_transaction"


def test_every_decision_is_on_record() -> None:
    run = a_failed_run(a_charger(), "6.1")
    acceptance_runs.repeat(run, 6, 1, actor=WHO)
    acceptance_runs.abort(run, actor=WHO)
    told = AuditEntry.objects.filter(subject=f"acceptance:{run.pk}").values_list(
        "action", flat=True
    )
    assert list(told.order_by("id")) == [
        "acceptance_start",
        "acceptance_repeat",
        "acceptance_abort",
    ]


def test_a_card_of_another_company_is_nobodys() -> None:
    charger = a_charger(a_station(a_company()))
    go_online(charger)
    stranger = a_card(a_customer(a_company(), balance=90_000))
    with pytest.raises(DomainError) as refused:
        acceptance_runs.start(charger, a_wish(charger, card=stranger), actor=WHO)
    assert refused.value.field == "card"
