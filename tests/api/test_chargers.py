"""Stations, chargers and their plugs."""

import pytest

from core.models import AuditEntry
from stations.models import Charger, Connector, Knock
from stations.services import links
from tests.api.client import Caller
from tests.factories import (
    a_charger,
    a_session,
    a_station,
    a_tax_entity,
    an_admin,
    go_online,
)
from users.models import Company, Level

pytestmark = pytest.mark.django_db
PASSWORD = "not-to-be-guessed-0123"


def test_a_station_is_set_up_changed_and_deleted(api: Caller, company: Company) -> None:
    made = api.post(
        "stations/",
        {
            "name": "Rama IX",
            "name_th": "พระราม 9",
            "utility": "MEA",
            "utility_meter_number": "0123",
            "voltage_level": "12-24 kV",
            "contracted_kw": 250,
            "latitude": 13.7563309123,
            "longitude": 100.501762,
            "billing_cycle_day": 25,
            "tax_entity": a_tax_entity(company).pk,
        },
    )
    assert made.status == 201
    assert made["company"] == company.pk
    assert (made["contracted_kw"], made["latitude"], made["longitude"]) == (
        250,
        13.756331,
        100.501762,
    )
    assert made["enabled"] is True
    path = f"stations/{made['id']}/"
    assert api.get(path).json == made.json
    changed = api.patch(path, {"name": "Rama 9", "enabled": False})
    assert (changed["name"], changed["enabled"], changed["billing_cycle_day"]) == (
        "Rama 9",
        False,
        25,
    )
    assert api.delete(path).status == 204
    assert api.get(path).status == 404
    actions = AuditEntry.objects.filter(subject=f"station:{made['id']}").order_by("pk")
    assert [entry.action for entry in actions] == [
        "create_station",
        "edit_station",
        "switch_station",
        "delete_station",
    ]
    assert actions[1].old == {"name": "Rama IX"}
    assert actions[1].new == {"name": "Rama 9"}


def test_a_station_with_chargers_is_not_deleted(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company))
    answer = api.delete(f"stations/{charger.station_id}/")
    assert (answer.status, answer["code"]) == (409, "has_chargers")


def test_a_station_cannot_use_another_companys_tax_entity(api: Caller) -> None:
    foreign = a_station().tax_entity
    answer = api.post("stations/", {"name": "X", "tax_entity": foreign and foreign.pk})
    assert (answer.status, answer["code"]) == (422, "does_not_exist")


def test_platform_staff_say_for_which_company(platform_api: Caller, company: Company) -> None:
    assert platform_api.post("stations/", {"name": "X"})["fields"].keys() == {"company"}
    made = platform_api.post("stations/", {"name": "X", "company": company.pk})
    assert (made.status, made["company"]) == (201, company.pk)
    a_station()
    assert [row["id"] for row in platform_api.get("stations/", company=company.pk).rows] == [
        made["id"]
    ]


def test_a_charger_is_set_up_with_its_plugs_and_password(api: Caller, company: Company) -> None:
    station = a_station(company)
    Knock.objects.create(charge_point_id="cp-1", reason="unknown")
    made = api.post(
        "chargers/",
        {
            "charge_point_id": "CP-1",
            "station": station.pk,
            "name": "Bay 1",
            "connector_count": 2,
            "password": PASSWORD,
            "serial_number": "SN1",
        },
    )
    assert made.status == 201, made
    assert "password" not in made.json
    assert "connector_count" not in made.json
    assert [plug["connector_id"] for plug in made["connectors"]] == [1, 2]
    assert made["connectors"][0].keys() >= {
        "connector_id",
        "code",
        "status",
        "error_code",
        "status_at",
        "session",
    }
    assert (made["protocol"], made["network_status"], made["last_seen_at"]) == (
        "ocpp1.6",
        "fail",
        None,
    )
    assert not Knock.objects.exists()
    attempt = links.Attempt("cp-1", PASSWORD, "127.0.0.1", "test")
    assert isinstance(links.connect([attempt])[0], links.Connected)
    assert "not-to-be-guessed" not in str(list(AuditEntry.objects.values_list("new", flat=True)))


def test_a_charger_is_found_whatever_the_case_of_its_id(api: Caller, company: Company) -> None:
    a_charger(a_station(company), charge_point_id="TH*Abc-1")
    assert api.get("chargers/th*aBC-1/")["charge_point_id"] == "TH*Abc-1"
    assert api.get("chargers/", charge_point_id="TH*ABC-1").rows


def test_two_chargers_never_share_an_id(api: Caller, company: Company) -> None:
    a_charger(charge_point_id="SAME")
    answer = api.post("chargers/", {"charge_point_id": "same", "station": a_station(company).pk})
    assert (answer.status, answer["code"]) == (409, "charge_point_id_taken")
    assert list(answer["fields"]) == ["charge_point_id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("charge_point_id", "with space"),
        ("charge_point_id", "x" * 49),
        ("password", "too-short"),
        ("password", "รหัสผ่านที่ไม่ใช่อังกฤษเลย"),
        ("connector_count", 0),
        ("connector_count", 65),
        ("protocol", "ocpp2.1"),
    ],
)
def test_a_charger_with_a_bad_field_is_refused(
    api: Caller, company: Company, field: str, value: object
) -> None:
    body = {"charge_point_id": "CP-2", "station": a_station(company).pk, field: value}
    answer = api.post("chargers/", body)
    assert answer.status == 422
    assert list(answer["fields"]) == [field]
    assert not Charger.objects.exists()


def test_network_status_follows_the_living_lease(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company), online=True)
    path = f"chargers/{charger.charge_point_id}/"
    assert api.get(path)["network_status"] == "normal"
    Charger.objects.filter(pk=charger.pk).update(connection_holder="sockets_that_died")
    assert api.get(path)["network_status"] == "fail"


def test_a_plug_shows_the_charge_that_runs_on_it(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company), connectors=2)
    session = a_session(charger.connectors.get(connector_id=2))
    plugs = api.get(f"chargers/{charger.charge_point_id}/")["connectors"]
    assert [plug["session"] for plug in plugs] == [None, session.pk]


def test_a_plugs_kind_and_power_can_be_set(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company))
    path = f"chargers/{charger.charge_point_id}/connectors/1/"
    answer = api.patch(path, {"kind": "CCS2", "max_power_w": 60_000})
    assert (answer["kind"], answer["max_power_w"]) == ("CCS2", 60_000)
    assert Connector.objects.get(charger=charger).max_power_w == 60_000
    assert api.patch(path, {"max_power_w": -1}).status == 422
    assert api.get(path.replace("connectors/1", "connectors/9")).status == 404


def test_plugs_are_added_but_never_taken_away(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company), connectors=2)
    path = f"chargers/{charger.charge_point_id}/"
    assert len(api.patch(path, {"connector_count": 3})["connectors"]) == 3
    answer = api.patch(path, {"connector_count": 1})
    assert (answer.status, answer["code"]) == (409, "fewer_connectors")


def test_an_operator_may_switch_a_charger_but_change_nothing_else(company: Company) -> None:
    operator = Caller(an_admin(company, Level.OPERATOR))
    path = f"chargers/{a_charger(a_station(company)).charge_point_id}/"
    assert operator.patch(path, {"enabled": False})["enabled"] is False
    answer = operator.patch(path, {"enabled": True, "name": "Mine"})
    assert (answer.status, answer["code"]) == (403, "not_allowed")
    assert Charger.objects.get().enabled is False


def test_changing_a_charger_leaves_its_line_alone(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company))
    path = f"chargers/{charger.charge_point_id}/"
    api.get(path)
    go_online(charger)
    api.patch(path, {"name": "New", "password": PASSWORD})
    row = Charger.objects.get(pk=charger.pk)
    assert (row.name, row.connection_holder, row.connection_epoch) == ("New", "sockets_test", 1)
    assert row.password_hmac == links.password_digest(row.charge_point_id, PASSWORD)


def test_a_charger_moves_only_within_its_company_and_not_while_charging(
    api: Caller, platform_api: Caller, company: Company
) -> None:
    charger = a_charger(a_station(company))
    path = f"chargers/{charger.charge_point_id}/"
    there = a_station(company)
    assert platform_api.patch(path, {"station": a_station().pk})["code"] == "foreign_station"
    a_session(charger.connectors.get())
    assert api.patch(path, {"station": there.pk})["code"] == "charging_now"
    charger.sessions.all().delete()


def test_a_deleted_charger_is_let_go_and_its_id_is_free(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company), online=True)
    path = f"chargers/{charger.charge_point_id}/"
    assert api.delete(path).status == 204
    assert api.get(path).status == 404
    row = Charger.all_objects.get(pk=charger.pk)
    assert row.deleted_by == str(api.admin)
    assert (row.connection_holder, row.connection_epoch) == ("", 2)
    again = {"charge_point_id": charger.charge_point_id, "station": charger.station_id}
    assert api.post("chargers/", again).status == 201


def test_a_charger_that_charges_is_not_deleted(api: Caller, company: Company) -> None:
    charger = a_charger(a_station(company))
    a_session(charger.connectors.get())
    answer = api.delete(f"chargers/{charger.charge_point_id}/")
    assert (answer.status, answer["code"]) == (409, "charging_now")
