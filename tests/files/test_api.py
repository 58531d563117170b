"""The API of files, campaigns and orders to many: what it takes, what it refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from core.models import AuditEntry
from stations.models import Campaign, Command, FirmwareImage, LocalList, Transfer
from tests.api.client import CLIENT, Caller
from tests.factories import a_charger, a_company, a_station, an_admin
from tests.files.world import an_image, token_of
from users.models import Level

pytestmark = pytest.mark.django_db


@pytest.fixture
def station() -> Any:
    return a_station()


@pytest.fixture
def api(station: Any) -> Caller:
    return Caller(an_admin(station.company))


def test_one_order_goes_to_all_chargers_of_a_station_and_its_batch_can_be_followed(
    station: Any, api: Caller
) -> None:
    chargers = [a_charger(station, online=True) for _ in range(3)]
    a_charger(station, protocol="mqtt")
    answer = api.post("commands/ClearCache/", {"station": station.pk})
    assert answer.status == 202
    assert (answer["open"], answer["counts"]) == (3, {"queued": 3})
    assert {row["charge_point_id"] for row in answer["commands"]} == {
        c.charge_point_id for c in chargers
    }
    assert api.get(f"command-batches/{answer['batch']}/").json == answer.json
    foreign = Caller(an_admin(a_company()))
    assert foreign.get(f"command-batches/{answer['batch']}/").status == 404
    entry = AuditEntry.objects.get(action="command_chargers")
    assert entry.new is not None
    assert entry.new["chargers"] == 3


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("Explode", {"chargers": ["MINE"]}, ""),
        ("Reset", {"chargers": ["MINE"], "payload": {"type": "Gently"}}, "type"),
        ("ClearCache", {"chargers": ["MINE", "NOBODY"]}, "chargers"),
        ("ClearCache", {"chargers": ["MINE", "FOREIGN"]}, "chargers"),
        ("ClearCache", {"chargers": []}, "chargers"),
        ("ClearCache", {}, "chargers"),
        ("ClearCache", {"chargers": ["MINE"], "station": "OURS"}, "chargers"),
    ],
)
def test_an_order_to_many_that_is_not_valid_as_a_whole_is_sent_to_none(
    station: Any, api: Caller, action: str, body: dict[str, Any], field: str
) -> None:
    a_charger(station, online=True, charge_point_id="MINE")
    a_charger(online=True, charge_point_id="FOREIGN")
    given = body | ({"station": station.pk} if "station" in body else {})
    answer = api.post(f"commands/{action}/", given)
    assert answer.status == 422
    assert not field or field in answer["fields"]
    assert not Command.objects.exists()


@pytest.mark.parametrize("key", ["AuthorizationKey", "authorizationKEY", "Vendor.WifiPassword"])
def test_one_password_for_many_chargers_is_refused_and_locks_none_out(
    station: Any, api: Caller, key: str
) -> None:
    charger = a_charger(station, online=True)
    payload = {"key": key, "value": "0123456789abcdef0123"}
    body = {"chargers": [charger.charge_point_id], "payload": payload}
    answer = api.post("commands/ChangeConfiguration/", body)
    assert (answer.status, answer["code"]) == (422, "password_elsewhere")
    assert not Command.objects.exists()


def test_a_list_of_cards_sent_to_many_by_hand_is_no_longer_known(station: Any, api: Caller) -> None:
    charger = a_charger(station, online=True)
    LocalList.objects.create(charger=charger, state="known", version=4, top_version=4, due_at=None)
    payload = {"listVersion": 9, "updateType": "Full"}
    body = {"station": station.pk, "payload": payload}
    assert api.post("commands/SendLocalList/", body).status == 202
    assert LocalList.objects.get().state == "unknown"


def test_firmware_is_uploaded_listed_and_put_into_the_trash(station: Any, api: Caller) -> None:
    sent = {"name": "Box", "version": "2", "file": SimpleUploadedFile("fw.bin", b"abc")}
    answer = CLIENT.post("/api/v1/firmware/", sent, headers=api.headers)
    assert answer.status_code == 201, answer.content
    pk = answer.json()["id"]
    (row,) = api.get("firmware/").rows
    assert (row["id"], row["size"], row["signed"]) == (pk, 3, False)
    assert "stored_name" not in row
    assert api.delete(f"firmware/{pk}/").status == 204
    assert api.get("firmware/").rows == []
    assert FirmwareImage.all_objects.get(pk=pk).deleted_by


def test_an_update_is_ordered_and_its_address_told_to_nobody(station: Any, api: Caller) -> None:
    charger = a_charger(station, online=True)
    image = an_image(station.company)
    path = f"chargers/{charger.charge_point_id}/transfers/"
    answer = api.post(path, {"kind": "firmware", "firmware": image.pk, "retries": 3})
    assert answer.status == 201
    assert (answer["state"], answer["status"]) == ("requested", "Requested")
    transfer = Transfer.objects.get(pk=answer["id"])
    shown = api.get(f"chargers/{charger.charge_point_id}/commands/").rows[0]["payload"]
    assert token_of(transfer) not in str(shown)
    assert shown["retries"] == 3
    assert api.get(f"transfers/{transfer.pk}/")["command"] == transfer.command_id
    operator = Caller(an_admin(station.company, Level.OPERATOR))
    assert operator.post(path, {"kind": "firmware", "firmware": image.pk}).status == 403
    assert operator.post(path, {"kind": "diagnostics"}).status == 201


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"kind": "firmware"}, 422, "firmware"),
        ({"kind": "gossip"}, 422, "kind"),
        ({"kind": "diagnostics", "retries": 99}, 422, "retries"),
        ({"kind": "signed_firmware", "firmware": "IMAGE"}, 422, "signed"),
    ],
)
def test_a_transfer_that_cannot_be_names_its_field(
    station: Any, api: Caller, body: dict[str, Any], status: int, field: str
) -> None:
    charger = a_charger(station, online=True)
    given = body | ({"firmware": an_image(station.company).pk} if "firmware" in body else {})
    answer = api.post(f"chargers/{charger.charge_point_id}/transfers/", given)
    assert answer.status == status
    assert field in answer["fields"]
    assert not Transfer.objects.exists()


def test_a_campaign_chooses_its_chargers_by_model_and_is_turned(station: Any, api: Caller) -> None:
    old = a_charger(station, vendor="V", model="M", firmware_version="1")
    a_charger(station, vendor="V", model="M", firmware_version="2")
    body = {
        "name": "Clear",
        "kind": "order",
        "action": "ClearCache",
        "vendor": "V",
        "firmware_version": "1",
        "deadline": (timezone.now() + timedelta(hours=1)).isoformat(),
    }
    answer = api.post("campaigns/", body)
    assert answer.status == 201, answer
    assert answer["counts"]["waiting"] == answer["counts"]["all"] == 1
    path = f"campaigns/{answer['id']}/"
    (target,) = api.get(f"{path}chargers/").rows
    assert (target["charge_point_id"], target["state"]) == (old.charge_point_id, "waiting")
    assert api.post(f"{path}pause/")["state"] == "paused"
    assert api.post(f"{path}cancel/")["state"] == "cancelled"
    assert api.post(f"{path}resume/").status == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"action": "Reset", "payload": {"type": "Gently"}}, "type"),
        ({"action": "UpdateFirmware", "payload": {}}, "location"),
        ({"action": "GetDiagnostics", "payload": {"location": "http://elsewhere"}}, "location"),
        ({"chargers": []}, "chargers"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "deadline"),
        ({"kind": "firmware"}, "firmware"),
        ({"kind": "configuration"}, "steps"),
        ({"max_parallel": 0}, "max_parallel"),
    ],
)
def test_a_campaign_that_cannot_be_names_its_field_and_does_nothing(
    station: Any, api: Caller, change: dict[str, Any], field: str
) -> None:
    charger = a_charger(station, online=True)
    body = {
        "name": "X",
        "kind": "order",
        "action": "ClearCache",
        "chargers": [charger.charge_point_id],
        "deadline": (timezone.now() + timedelta(hours=1)).isoformat(),
    }
    answer = api.post("campaigns/", body | change)
    assert answer.status == 422
    assert field in answer["fields"]
    assert not Campaign.objects.exists()
    assert not Command.objects.exists()
