"""``acceptance-runs/``: the form for programs."""

from typing import Any

import pytest

from meaoscp.models import AcceptanceRun
from tests.api.client import Caller
from tests.factories import a_card, a_charger, a_company, a_customer, a_station, an_admin
from tests.meaoscp.runs import a_failed_run
from users.models import Level

pytestmark = pytest.mark.django_db
RUNS = "chargers/SJ-01/acceptance-runs/"


@pytest.fixture
def api() -> Caller:
    charger = a_charger(a_station(a_company()), charge_point_id="SJ-01", online=True)
    return Caller(an_admin(charger.station.company, Level.OPERATOR))


def body(api: Caller, **more: Any) -> dict[str, Any]:
    assert api.admin is not None
    assert api.admin.company is not None
    card = a_card(a_customer(api.admin.company, balance=90_000))
    return {"card": card.id_tag, "connectors": [1]} | more


def test_a_run_is_started_listed_and_read_with_its_steps(api: Caller) -> None:
    started = api.post(RUNS, body(api, project="ตลาดสุขใจ", tests=[4]))
    assert started.status == 201
    assert (started.json["state"], started.json["limit"]) == ("running", 10.0)
    assert [row["id"] for row in api.get(RUNS).rows] == [started.json["id"]]
    run = api.get(f"{RUNS}{started.json['id']}/").json
    assert [s["number"] for s in run["steps"]][:3] == ["4.0", "4.1", "4.2"]
    assert run["steps"][1]["title"] == "Authorize (Accepted)"
    paper = api.get(run["paper"].removeprefix("/api/v1/"))
    assert paper.response["Content-Type"] == "application/pdf"
    assert paper.response.content.startswith(b"%PDF-")


def test_a_second_run_is_a_conflict_and_a_foreign_card_does_not_exist(api: Caller) -> None:
    foreign = a_card(a_customer(a_company(), balance=90_000))
    refused = api.post(RUNS, body(api, card=foreign.id_tag))
    assert (refused.status, list(refused.json["fields"])) == (422, ["card"])
    assert api.post(RUNS, body(api, connectors=[9])).json["fields"].keys() == {"connectors"}
    assert not AcceptanceRun.objects.exists()
    assert api.post(RUNS, body(api)).status == 201
    again = api.post(RUNS, body(api))
    assert (again.status, again.json["code"]) == (409, "test_under_way")


def test_a_failure_is_told_and_decided_about(api: Caller) -> None:
    from stations.models import Charger

    run = a_failed_run(Charger.objects.get())
    steps = {s["number"]: s for s in api.get(f"{RUNS}{run.pk}/").json["steps"]}
    assert steps["8.4"]["reason"] == "The message came without reservationId."
    decide = f"{RUNS}{run.pk}/decision/"
    assert api.post(decide, {"decision": "skip"}).json["fields"].keys() == {"note"}
    skipped = api.post(decide, {"decision": "skip", "note": "no car"}).json
    assert skipped["state"] == "running"
    repeated = api.post(decide, {"decision": "repeat", "test": 8, "connector_id": 1}).json
    assert {s["state"] for s in repeated["steps"] if s["number"].startswith("8.")} == {"waiting"}
    assert api.post(decide, {"decision": "abort"}).json["state"] == "aborted"
    assert api.post(decide, {"decision": "next"}).status == 409
