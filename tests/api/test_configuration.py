"""Knocks, settings, templates and setting up by program."""

import pytest

from stations.models import Charger, ChargerSetup, ConfigurationKey, ConfigurationTemplate, Knock
from stations.services import links
from tests.api.client import Caller
from tests.factories import a_charger, a_company, a_station, an_admin
from users.models import Company, Level

pytestmark = pytest.mark.django_db


def a_knock(name: str = "NEW-1", password: str = "") -> Knock:
    links.connect([links.Attempt(name, password, "203.0.113.7", "t", user_agent="Wallbox/1.2")])
    return Knock.objects.get(charge_point_id=name)


def test_strangers_are_listed_and_adopted(api: Caller, company: Company) -> None:
    a_knock()
    (row,) = api.get("knocks/").rows
    assert (row["charge_point_id"], row["address"]) == ("NEW-1", "203.0.113.7")
    assert (row["password"], row["user_agent"], row["attempts"]) == ("none", "Wallbox/1.2", 1)
    body = {"charge_point_id": "new-1", "station": a_station(company).pk, "name": "Bay 1"}
    made = api.post("knocks/adopt/", body)
    assert made.status == 201, made
    assert len(made["password"]) == 40
    attempt = links.Attempt("NEW-1", made["password"], "203.0.113.7", "t")
    assert isinstance(links.connect([attempt])[0], links.Connected)
    assert api.get("knocks/").rows == []
    again = api.post("knocks/adopt/", body)
    assert (again.status, again["code"]) == (422, "nobody_there")


def test_one_with_a_password_keeps_it(api: Caller, company: Company) -> None:
    a_knock(password="it-has-one-of-its-own")
    body = {"charge_point_id": "NEW-1", "station": a_station(company).pk}
    assert api.post("knocks/adopt/", body)["password"] is None
    attempt = links.Attempt("NEW-1", "it-has-one-of-its-own", "203.0.113.7", "t")
    assert isinstance(links.connect([attempt])[0], links.Connected)


def test_where_several_companies_share_a_server_only_the_exact_id_finds_a_stranger(
    api: Caller, platform_api: Caller
) -> None:
    a_company()
    a_knock("NEW-1")
    assert api.get("knocks/").rows == []
    assert api.get("knocks/", charge_point_id="NEW").rows == []
    assert [r["charge_point_id"] for r in api.get("knocks/", charge_point_id="new-1").rows] == [
        "NEW-1"
    ]
    assert len(platform_api.get("knocks/").rows) == 1


def test_a_stranger_is_not_adopted_into_anothers_station(api: Caller) -> None:
    a_knock()
    answer = api.post("knocks/adopt/", {"charge_point_id": "NEW-1", "station": a_station().pk})
    assert (answer.status, answer["fields"].keys()) == (422, {"station"})
    assert not Charger.objects.exists()


def test_settings_are_shown_beside_what_is_wanted(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company))
    ConfigurationKey.objects.create(charger=charger, key="HeartbeatInterval", value="900")
    ConfigurationKey.objects.create(charger=charger, key="AuthorizationKey", value=None)
    path = f"chargers/{charger.charge_point_id}/configuration/"
    shown = api.get(path)
    by_key = {row["key"]: row for row in shown["keys"]}
    assert by_key["HeartbeatInterval"] == {
        "key": "HeartbeatInterval",
        "value": "900",
        "readonly": False,
        "wanted": "60",
        "state": "drift",
    }
    assert by_key["AuthorizationKey"]["value"] is None
    assert by_key["LocalPreAuthorize"]["state"] == "absent"
    assert (shown["drift"], shown["template"], shown["read_at"]) == (1, None, None)
    template = api.post(
        "configuration-templates/", {"name": "Quiet", "keys": {"HeartbeatInterval": "900"}}
    )
    assert template.status == 201, template
    changed = api.patch(path, {"template": template["id"]})
    assert (changed["drift"], changed["template"]) == (0, template["id"])
    assert ChargerSetup.objects.get().template_id == template["id"]
    assert api.patch(path, {"template": None})["drift"] == 1


def test_another_companys_template_cannot_be_chosen(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company))
    foreign = ConfigurationTemplate.objects.create(company=a_company(), name="X", keys={"a": "1"})
    path = f"chargers/{charger.charge_point_id}/configuration/"
    assert api.patch(path, {"template": foreign.pk}).status == 422


def test_templates_are_checked_changed_and_deleted(api: Caller, company: Company) -> None:
    bad = api.post("configuration-templates/", {"name": "X", "keys": {"AuthorizationKey": "x"}})
    assert (bad.status, bad["code"], bad["fields"].keys()) == (422, "bad_keys", {"keys"})
    made = api.post("configuration-templates/", {"name": "X", "keys": {"a": "1"}})
    twice = api.post("configuration-templates/", {"name": "x", "keys": {"a": "1"}})
    assert (twice.status, twice["code"]) == (409, "name_taken")
    path = f"configuration-templates/{made['id']}/"
    assert api.patch(path, {"is_default": True})["is_default"] is True
    limited = an_admin(company, Level.MANAGER, all_stations=False)
    assert Caller(limited).patch(path, {"name": "Y"}).status == 404
    assert (
        Caller(limited).post("configuration-templates/", {"name": "Z", "keys": {"a": "1"}}).status
        == 403
    )
    assert api.delete(path).status == 204
    assert api.get(path).status == 404


def test_setting_up_is_asked_for_and_told_of(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company))
    path = f"chargers/{charger.charge_point_id}/commissioning/"
    assert api.get(path).status == 404
    asked = api.post(path)
    assert (asked.status, asked["state"], asked["reason"]) == (202, "waiting", "again")
    twice = api.post(f"chargers/{charger.charge_point_id}/configuration/put-right/")
    assert (twice.status, twice["code"]) == (409, "commissioning_under_way")
    assert api.get(path)["steps"] == []


def test_a_charger_of_another_protocol_is_not_set_up_this_way(
    api: Caller, company: Company
) -> None:
    charger = a_charger(a_station(company), protocol="mqtt")
    answer = api.post(f"chargers/{charger.charge_point_id}/commissioning/")
    assert (answer.status, answer["code"]) == (409, "not_supported")
