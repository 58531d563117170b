"""Forwarding by programs: set up, tried, taken away; the password goes in and never comes out."""

import pytest

from stations.models import Charger, Forward
from tests.api.client import Caller
from tests.factories import a_charger, a_station, an_admin
from users.models import Company, Level

pytestmark = pytest.mark.django_db
INSIDE = "ws://127.0.0.1:9/ocpp"


@pytest.fixture
def charger(company: Company) -> Charger:
    return a_charger(a_station(company), charge_point_id="CP-API")


def test_a_forward_is_set_up_changed_tried_and_taken_away(api: Caller, charger: Charger) -> None:
    path = "chargers/cp-api/forward/"
    assert api.get(path)["code"] == "no_forward"
    made = api.send("PUT", path, {"url": INSIDE, "password": "their secret"})
    assert made.status == 200
    assert (made["identity"], made["mode"], made["enabled"]) == ("CP-API", "read_only", True)
    assert made["has_password"] is True
    assert "their secret" not in made.response.content.decode()
    changed = api.send("PUT", path, {"url": INSIDE, "mode": "commands", "enabled": False})
    assert (changed["mode"], changed["state"], changed["has_password"]) == ("commands", "off", True)
    assert api.post(f"{path}try/").status == 202
    assert Forward.objects.get().asked_at is not None
    assert api.delete(path).status == 204
    assert not Forward.objects.exists()


def test_wrong_fields_are_named(api: Caller, charger: Charger) -> None:
    path = "chargers/CP-API/forward/"
    for body, field in (
        ({}, "url"),
        ({"url": "http://"}, "url"),
        ({"url": INSIDE, "mode": "all"}, "mode"),
        ({"url": INSIDE, "identity": "a/b"}, "identity"),
        ({"url": INSIDE, "ca_pem": "x"}, "ca_pem"),
    ):
        answer = api.send("PUT", path, body)
        assert answer.status in (400, 422), body
        assert field in answer["fields"], body


def test_a_private_address_is_an_owners_decision(charger: Charger, company: Company) -> None:
    manager = Caller(an_admin(company, Level.MANAGER))
    answer = manager.send("PUT", "chargers/CP-API/forward/", {"url": INSIDE})
    assert (answer.status, answer["code"]) == (422, "private_address")
