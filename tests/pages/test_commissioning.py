"""New chargers, their set-up live, templates and drift: what an owner sees and presses."""

import re
from typing import Any

import pytest
from django.utils import timezone

from core.audit import SYSTEM
from core.models import AuditEntry
from stations.models import (
    Charger,
    ChargerSetup,
    Command,
    Commissioning,
    ConfigurationKey,
    ConfigurationTemplate,
    Knock,
)
from stations.services import chargers, commissioning, links, templates
from tests.api.world import end
from tests.factories import a_charger, a_company, a_session, a_station, an_admin
from tests.pages.people import signed_in, text_of
from tests.stations.talking import Talker
from users.models import Company, Level

pytestmark = pytest.mark.django_db
PASSWORD = "it-has-one-of-its-own"
MEASURANDS = "MeterValuesSampledData"


def knock(name: str = "NEW-1", password: str = "") -> Knock:
    links.connect([links.Attempt(name, password, "203.0.113.7", "t", user_agent="ACME/2.1")])
    return Knock.objects.get(charge_point_id=name)


def a_commissioned(company: Company, name: str = "SJ-01") -> Talker:
    fields = chargers.ChargerFields(connector_count=1)
    talker = Talker(chargers.create(a_station(company), name, fields, actor=SYSTEM))
    talker.connect()
    talker.settle()
    return talker


# --- new chargers ------------------------------------------------------------------------------------


def test_an_empty_list_says_what_to_type_into_a_charger() -> None:
    page = text_of(signed_in(an_admin()).get("/new-chargers/"))
    assert "Nobody at the door" in page
    assert "/ocpp/1.6/ID-OF-THE-CHARGER" in page


def test_a_stranger_is_adopted_with_one_click() -> None:
    company = a_company()
    station = a_station(company)
    knock(password=PASSWORD)
    client = signed_in(an_admin(company, Level.MANAGER, name="Malee"))
    page = text_of(client.get("/new-chargers/"))
    assert "NEW-1" in page
    assert "203.0.113.7" in page
    assert "ACME/2.1" in page
    assert PASSWORD not in page
    form = {
        "charge_point_id": "NEW-1",
        "station": station.pk,
        "name": "Bay 1",
        "connector_count": 2,
    }
    done = text_of(client.post("/new-chargers/adopt/", form))
    assert "NEW-1 is yours now" in done
    assert "Nothing is left to do" in done
    charger = Charger.objects.get()
    assert (charger.name, charger.connectors.count()) == ("Bay 1", 2)
    assert AuditEntry.objects.get(action="adopt_charger").actor_name == "Malee"
    assert "NEW-1" not in text_of(client.get("/new-chargers/"))


def test_one_without_a_password_is_shown_what_to_type_once() -> None:
    company = a_company()
    station = a_station(company)
    knock()
    client = signed_in(an_admin(company))
    form = {"charge_point_id": "NEW-1", "station": station.pk, "connector_count": 1}
    response = client.post("/new-chargers/adopt/", form)
    found = re.search(r'<span class="mono">([0-9a-f]{40})</span>', text_of(response))
    assert found
    assert response["Cache-Control"] == "private, no-store"
    assert isinstance(
        links.connect([links.Attempt("NEW-1", found[1], "", "t")])[0], links.Connected
    )
    everything = "".join(text_of(client.get(path)) for path in PATHS_OF_ONE)
    assert found[1] not in everything


PATHS_OF_ONE = (
    "/chargers/NEW-1/",
    "/chargers/NEW-1/communication/",
    "/chargers/NEW-1/setup/",
    "/chargers/NEW-1/edit/",
)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"station": "999999"}, "Select a valid choice"),
        ({"connector_count": "0"}, "greater than or equal to 1"),
        ({"charge_point_id": "GONE"}, "No charger of this id has tried to connect"),
    ],
)
def test_an_adoption_that_makes_no_sense_says_why(change: dict[str, Any], sentence: str) -> None:
    company = a_company()
    station = a_station(company)
    knock()
    form = {"charge_point_id": "NEW-1", "station": station.pk, "connector_count": 1} | change
    response = signed_in(an_admin(company)).post("/new-chargers/adopt/", form)
    assert response.status_code in (404, 422)
    assert sentence in text_of(response)
    assert not Charger.objects.exists()


def test_where_companies_share_a_server_a_stranger_is_found_by_its_exact_id_only() -> None:
    company = a_company()
    station = a_station(company)
    a_company()
    knock()
    client = signed_in(an_admin(company))
    listed = text_of(client.get("/new-chargers/"))
    assert "NEW-1" not in listed
    assert "Several companies share this server" in listed
    assert "Adopt" in text_of(client.get("/new-chargers/?id=new-1"))
    assert "No charger of this id has knocked" in text_of(client.get("/new-chargers/?id=NEW"))
    form = {"charge_point_id": "NEW-1", "station": station.pk, "connector_count": 1}
    assert client.post("/new-chargers/adopt/", form).status_code == 200


def test_a_charger_is_added_by_hand_with_a_password_shown_once() -> None:
    company = a_company()
    station = a_station(company)
    client = signed_in(an_admin(company))
    form = {"charge_point_id": "SJ-09", "station": station.pk, "connector_count": 1}
    page = text_of(client.post("/new-chargers/add/", form))
    assert "Set this in SJ-09" in page
    assert re.search(r"[0-9a-f]{40}", page)
    assert Commissioning.objects.get().state == "waiting"
    taken = client.post("/new-chargers/add/", form | {"charge_point_id": "sj-09"})
    assert (taken.status_code, Charger.objects.count()) == (409, 1)
    assert "There is a charger with this id already" in text_of(taken)
    bad = client.post("/new-chargers/add/", form | {"charge_point_id": "ตู้/1"})
    assert (bad.status_code, Charger.objects.count()) == (422, 1)


def test_name_and_place_are_changed_and_a_new_password_made() -> None:
    company = a_company()
    charger = a_charger(a_station(company), charge_point_id="SJ-01")
    client = signed_in(an_admin(company))
    form = {
        "station": charger.station_id,
        "name": "Bay 7",
        "place": "G",
        "serial_number": "S1",
        "connector_count": 1,
    }
    assert client.post("/chargers/SJ-01/edit/", form).status_code == 302
    charger.refresh_from_db()
    assert (charger.name, charger.serial_number) == ("Bay 7", "S1")
    fewer = client.post("/chargers/SJ-01/edit/", form | {"connector_count": 0})
    assert fewer.status_code == 422
    before = charger.password_hmac
    page = text_of(client.post("/chargers/SJ-01/password/"))
    assert re.search(r"[0-9a-f]{40}", page)
    charger.refresh_from_db()
    assert charger.password_hmac != before


# --- set-up ------------------------------------------------------------------------------------------


def test_a_run_is_shown_step_by_step_with_the_chargers_words() -> None:
    company = a_company()
    fields = chargers.ChargerFields(connector_count=1)
    talker = Talker(chargers.create(a_station(company), "SJ-01", fields, actor=SYSTEM))
    client = signed_in(an_admin(company))
    url = "/chargers/SJ-01/setup/"
    assert "It begins, or goes on, when the charger connects" in text_of(client.get(url))
    talker.readonly = {"WebSocketPingInterval"}
    del talker.keys["AuthorizationCacheEnabled"]
    talker.refuse = lambda key, value: (
        {"ConnectionTimeOut": "RebootRequired", "HeartbeatInterval": "Rejected"}.get(key, "")
        or ("Rejected" if "SoC" in value else "")
    )
    talker.connect()
    talker.settle()
    page = text_of(client.get(f"{url}?part=run"))
    for words in (
        "Read all settings",
        "13 settings",
        "Read only in this charger",
        "stands at 0",
        "This charger does not have it",
        "Taken, holds after a restart",
        "The charger refuses",
        "Done",
        "It needs a restart",
    ):
        assert words in page
    assert re.search(r"Does not send</dt><dd><span class=\"mono d-block\">SoC", page)


def test_a_restart_is_asked_of_the_admin_and_not_while_a_car_charges() -> None:
    company = a_company()
    talker = a_commissioned(company)
    ChargerSetup.objects.update(restart_needed_at=timezone.now())
    client = signed_in(an_admin(company))
    session = a_session(talker.charger.connectors.get())
    page = text_of(client.get("/chargers/SJ-01/setup/"))
    assert re.search(r'value="restart" disabled', page)
    act = "/chargers/SJ-01/setup/act/"
    assert client.post(act, {"what": "restart"}).status_code == 409
    assert not Command.objects.filter(action="Reset").exists()
    end(session)
    assert client.post(act, {"what": "restart"}).status_code == 302
    assert Command.objects.get(action="Reset").payload == {"type": "Soft"}


def test_set_up_again_stop_and_nonsense() -> None:
    company = a_company()
    a_commissioned(company)
    client = signed_in(an_admin(company, Level.OPERATOR, name="Anan"))
    act = "/chargers/SJ-01/setup/act/"
    assert client.post(act, {"what": "again"}).status_code == 302
    run = Commissioning.objects.latest("pk")
    assert (run.reason, run.requested_by) == ("again", "Anan")
    assert client.post(act, {"what": "again"}).status_code == 409
    assert client.post(act, {"what": "stop"}).status_code == 302
    page = text_of(client.get("/chargers/SJ-01/setup/"))
    assert "Somebody stopped it" in page
    assert client.post(act, {"what": "nonsense"}).status_code == 422
    actions = AuditEntry.objects.filter(actor_name="Anan").order_by("pk")
    assert [a.action for a in actions] == ["commission_charger", "stop_commissioning"]


# --- drift and templates -------------------------------------------------------------------------------


def test_drift_is_listed_and_put_right_with_one_button() -> None:
    company = a_company()
    talker = a_commissioned(company)
    client = signed_in(an_admin(company))
    assert "1 charger is set as its template says" in text_of(
        client.get("/configuration-templates/")
    )
    talker.keys["HeartbeatInterval"] = "900"
    ConfigurationKey.objects.filter(key="HeartbeatInterval").update(value="900")
    tab = text_of(client.get("/chargers/SJ-01/communication/"))
    assert "1 setting is not as wanted" in tab
    assert "wanted:" in tab
    listed = text_of(client.get("/configuration-templates/"))
    assert re.search(r"HeartbeatInterval.*900.*60", listed)
    act = "/chargers/SJ-01/setup/act/"
    assert client.post(act, {"what": "put_right", "back": "templates"})["Location"] == (
        "/configuration-templates/"
    )
    talker.settle()
    assert talker.keys["HeartbeatInterval"] == "60"
    assert "not as wanted" not in text_of(client.get("/chargers/SJ-01/communication/"))
    assert "What changed" in text_of(client.get("/chargers/SJ-01/communication/"))


def test_a_template_is_typed_saved_chosen_and_deleted() -> None:
    company = a_company()
    talker = a_commissioned(company)
    client = signed_in(an_admin(company))
    assert (
        "MeterValueSampleInterval = 60"
        in client.get("/configuration-templates/new/").content.decode()
    )
    form = {"name": "Hotel", "keys": "ConnectionTimeOut = 300\n\nStopTxnSampledData =\n"}
    assert client.post("/configuration-templates/new/", form).status_code == 302
    row = ConfigurationTemplate.objects.get()
    assert row.keys == {"ConnectionTimeOut": "300", "StopTxnSampledData": ""}
    client.post("/chargers/SJ-01/template/", {"template": row.pk})
    page = text_of(client.get("/configuration-templates/"))
    assert "chosen for 1 charger" in page
    assert "SJ-01" in page
    wrong = client.post(f"/configuration-templates/{row.pk}/", {"name": "Hotel", "keys": "no sign"})
    assert wrong.status_code == 422
    assert "Line 1 has no equals sign: no sign" in text_of(wrong)
    assert client.post(f"/configuration-templates/{row.pk}/delete/").status_code == 302
    assert ChargerSetup.objects.get(charger=talker.charger).template_id is None
    assert AuditEntry.objects.get(action="delete_template", old__name="Hotel").new is None


def test_another_companys_template_is_not_there() -> None:
    company = a_company()
    charger = a_charger(a_station(company), charge_point_id="SJ-01")
    foreign = templates.create(a_company(), "X", {"a": "1"}, actor=SYSTEM)
    client = signed_in(an_admin(company))
    assert client.post("/chargers/SJ-01/template/", {"template": foreign.pk}).status_code == 404
    assert not ChargerSetup.objects.filter(charger=charger, template__isnull=False).exists()


def test_who_looks_after_some_stations_changes_no_template_of_the_company() -> None:
    company = a_company()
    row = templates.create(company, "X", {"a": "1"}, actor=SYSTEM)
    admin = an_admin(company, Level.MANAGER, all_stations=False)
    admin.limited_stations.add(a_station(company))
    client = signed_in(admin)
    assert client.get(f"/configuration-templates/{row.pk}/").status_code == 404
    assert client.get("/configuration-templates/new/").status_code == 403


def test_a_run_that_waits_for_an_offline_charger_is_no_error() -> None:
    company = a_company()
    a_charger(a_station(company), charge_point_id="SJ-01")
    client = signed_in(an_admin(company))
    client.post("/chargers/SJ-01/setup/act/", {"what": "again"})
    assert commissioning.wake() == 0
    assert Commissioning.objects.get().state == "waiting"
