"""MEA's acceptance test in the back office: who starts it, what is shown, what is decided."""

from typing import Any

import pytest

from meaoscp.models import AcceptanceRun, RunState, StepState
from meaoscp.services import acceptance
from stations.models import Charger
from tests.factories import a_card, a_charger, a_company, a_customer, a_station, an_admin
from tests.meaoscp.runs import a_failed_run, an_acceptance_run, pass_until
from tests.pages.people import signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db
TAB = "/chargers/SJ-01/acceptance/"


def an_online_charger(**fields: Any) -> Charger:
    return a_charger(a_station(a_company()), charge_point_id="SJ-01", online=True, **fields)


def filled(charger: Charger, **changed: Any) -> dict[str, Any]:
    card = a_card(a_customer(charger.station.company, balance=90_000))
    return {
        "project": "ตลาดสุขใจ",
        "brand_model": "ABB - Terra",
        "tested_by": "Pranee",
        "witness_1": "Somchai",
        "connectors": ["1"],
        "direct": "ac",
        "limit": "16",
        "card": card.id_tag,
        "invalid_id_tag": "NOBODY",
        "reservation_seconds": "60",
    } | changed


def posted(charger: Charger, path: str, level: str = Level.OPERATOR, **values: Any) -> Any:
    return signed_in(an_admin(charger.station.company, level)).post(f"{TAB}{path}", values)


def page(charger: Charger, path: str = "", level: str = Level.OPERATOR) -> str:
    return text_of(signed_in(an_admin(charger.station.company, level)).get(f"{TAB}{path}"))


def test_the_form_knows_what_the_charger_has_said_of_itself() -> None:
    charger = an_online_charger(vendor="ABB", model="Terra AC")
    shown = page(charger)
    assert 'value="ABB - Terra AC"' in shown
    assert "are billed to its customer" in shown
    charger.connectors.update(kind="CCS2")
    shown = page(charger)
    assert '<option value="dc" selected>' in shown
    assert 'value="10000"' in shown


def test_a_filled_form_starts_the_run_and_leads_to_it() -> None:
    charger = an_online_charger()
    response = posted(charger, "start/", **filled(charger))
    run = AcceptanceRun.objects.get()
    assert response["Location"] == f"{TAB}{run.pk}/"
    assert (run.project, run.connectors) == ("ตลาดสุขใจ", [1])
    assert (int(run.limit), run.reservation_seconds) == (16, 60)
    assert run.witnesses == ["Somchai"]
    assert "Go to the test" in page(charger)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"card": "NOBODY"}, "There is no such card here."),
        ({"limit": "5"}, "Enter a limit from 6 to 80 A."),
        ({"connectors": []}, "This field is required."),
        ({"project": ""}, "This field is required."),
        ({"stop_card": "NOBODY"}, "There is no such card here."),
    ],
)
def test_what_is_wrong_is_said_at_its_box_and_nothing_begins(
    wrong: dict[str, Any], sentence: str
) -> None:
    charger = an_online_charger()
    response = posted(charger, "start/", **filled(charger, **wrong))
    assert response.status_code == 422
    assert sentence in text_of(response)
    assert not AcceptanceRun.objects.exists()


def test_a_viewer_looks_and_starts_nothing() -> None:
    charger = an_online_charger()
    assert "not start one" in page(charger, level=Level.VIEWER)
    assert posted(charger, "start/", Level.VIEWER, **filled(charger)).status_code == 403
    run = a_failed_run(charger)
    shown = page(charger, f"{run.pk}/", Level.VIEWER)
    assert "The message came without reservationId." in shown
    assert 'name="decision"' not in shown
    assert posted(charger, f"{run.pk}/decide/", Level.VIEWER, decision="abort").status_code == 403


def test_an_offline_charger_cannot_be_tested_and_that_is_said() -> None:
    charger = a_charger(a_station(a_company()), charge_point_id="SJ-01")
    assert "The charger is offline" in page(charger)


def test_the_person_at_the_charger_reads_what_to_do_now() -> None:
    charger = an_online_charger()
    run = an_acceptance_run(charger)
    pass_until(run, "4.1")
    acceptance.look()
    shown = page(charger, f"{run.pk}/?part=progress")
    assert "Plug the car in, then hold the good card to the reader." in shown
    assert "4 of 61 steps" in shown
    assert "Test 4: Charge by card" in shown
    assert "<html" not in shown


def test_a_start_can_be_sent_before_the_car_is_seen() -> None:
    charger = an_online_charger()
    run = an_acceptance_run(charger)
    pass_until(run, "5.1")
    acceptance.look()
    assert "Send the start now" in page(charger, f"{run.pk}/")
    posted(charger, f"{run.pk}/decide/", decision="send")
    assert run.steps.get(number="5.1").send_now


def test_after_a_failure_it_asks_and_does_what_is_said() -> None:
    charger = an_online_charger()
    run = a_failed_run(charger)
    shown = page(charger, f"{run.pk}/")
    assert "Repeat test 8" in shown
    assert "Keep the failure, go to the next test" in shown
    unsaid = posted(charger, f"{run.pk}/decide/", decision="skip", note=" ")
    assert unsaid.status_code == 422
    assert "Say why the step is left out" in text_of(unsaid)
    posted(charger, f"{run.pk}/decide/", decision="repeat", test="8", connector="1")
    run.refresh_from_db()
    assert run.state == RunState.RUNNING
    assert run.steps.get(number="8.4").state == StepState.WAITING
    assert posted(charger, f"{run.pk}/decide/", decision="dance").status_code == 422
    assert posted(charger, f"{run.pk}/decide/", decision="repeat", test="x").status_code == 422
    posted(charger, f"{run.pk}/decide/", decision="abort")
    assert "The test was aborted." in page(charger, f"{run.pk}/")
    late = posted(charger, f"{run.pk}/decide/", decision="abort")
    assert late.status_code == 409


def test_the_paper_is_a_pdf_named_after_form_and_charger() -> None:
    charger = an_online_charger()
    run = an_acceptance_run(charger)
    client = signed_in(an_admin(charger.station.company, Level.VIEWER))
    response = client.get(f"{TAB}{run.pk}/form.pdf")
    assert response["Content-Type"] == "application/pdf"
    assert f"FM-OCPP-T-01-SJ-01-{run.pk}.pdf" in response["Content-Disposition"]
    assert response.content.startswith(b"%PDF-")
    assert f"{TAB}{run.pk}/form.pdf" in page(charger)


def test_a_run_of_another_charger_is_not_here() -> None:
    charger = an_online_charger()
    other = an_acceptance_run(a_charger(charger.station))
    client = signed_in(an_admin(charger.station.company))
    assert client.get(f"{TAB}{other.pk}/").status_code == 404
