"""OCPP 1.6J Core on the wire: what a charger says, what it is answered, what is kept."""

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from billing.models import Bill
from billing.services import wallets
from stations.models import Case, Charger, Connector, Frame, MeterValue, Session
from tests.factories import a_card, a_charger, a_customer
from tests.stack import Stack, eventually
from tests.wire import CallError, Point, basic, now

pytestmark = pytest.mark.wire


@pytest.fixture
def charger(live: Stack) -> Charger:
    return a_charger(connectors=2)


@pytest.fixture
def tag(charger: Charger) -> str:
    return a_card(a_customer(charger.station.company, balance=500_00)).id_tag


def knock(live: Stack, path: str, headers: dict[str, str]) -> int:
    """The HTTP status with which a handshake is refused."""
    url = live.ocpp_url.replace("/ocpp/1.6/", path)
    with pytest.raises(InvalidStatus) as refused:
        connect(url, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=headers)
    return refused.value.response.status_code


def test_a_stranger_and_a_wrong_password_are_refused_before_the_upgrade(
    live: Stack, charger: Charger
) -> None:
    me = charger.charge_point_id
    assert knock(live, "/ocpp/1.6/NOBODY", basic("NOBODY", "x")) == 404
    assert knock(live, f"/ocpp/1.6/{me}", basic(me, "wrong")) == 401
    assert knock(live, f"/ocpp/1.6/{me}", {}) == 401
    assert knock(live, f"/ocpp/1.6/{me}", basic("SOMEBODY", "0123456789abcdef0123")) == 401
    assert knock(live, f"/ocpp/1.6/{me}", {"Authorization": "Basic !!!"}) == 401
    assert knock(live, "/elsewhere", basic(me, "x")) == 404
    assert not Charger.objects.filter(charge_point_id="NOBODY").exists()
    assert charger.knocks.get().reason == "wrong_password"


def test_the_short_path_and_another_case_lead_to_the_same_charger(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url.replace("/1.6/", "/"), charger.charge_point_id.lower()) as point:
        assert point.boot()["status"] == "Accepted"
    charger.refresh_from_db()
    assert charger.vendor == "Test"


def test_a_charger_that_does_not_offer_ocpp16_is_let_in_and_sent_off_with_the_reason(
    live: Stack, charger: Charger
) -> None:
    me = charger.charge_point_id
    headers = basic(me, "0123456789abcdef0123")
    with connect(live.ocpp_url + me, additional_headers=headers) as socket:
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
        assert socket.close_code == 1002


def test_a_whole_charge_is_answered_kept_and_billed(
    live: Stack, charger: Charger, tag: str
) -> None:
    with Point(live.ocpp_url, charger) as point:
        assert point.boot()["interval"] > 0
        assert point.call("Heartbeat")["currentTime"].endswith("Z")
        point.status("Preparing")
        assert point.call("Authorize", {"idTag": tag})["idTagInfo"]["status"] == "Accepted"
        begun = point.start(tag)
        assert begun["idTagInfo"]["status"] == "Accepted"
        transaction = begun["transactionId"]
        point.status("Charging")
        point.meter(transaction, 4_000, Power_Active_Import=7_000, SoC=54)
        point.meter(transaction, "6.5", at=now())
        point.stop(transaction, 11_000)
    session = Session.objects.get(transaction_id=transaction)
    assert (session.status, session.energy_wh, session.meter_stop) == ("ended", 10_000, 11_000)
    assert MeterValue.objects.filter(session=session).count() == 2
    bill = eventually(lambda: Bill.objects.filter(session=session).first())
    assert bill.wh == 10_000
    assert Connector.objects.get(charger=charger, connector_id=1).status == "Charging"


def test_the_connectors_page_code_survives_and_an_unannounced_plug_is_made(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.status("Available", connector=3)
    assert charger.connectors.count() == 3
    assert len(charger.connectors.get(connector_id=3).code) == 10


def test_a_start_that_is_sent_again_gets_the_same_number_also_on_the_next_connection(
    live: Stack, charger: Charger, tag: str
) -> None:
    at = now()
    with Point(live.ocpp_url, charger) as point:
        first = point.start(tag, at=at)
        assert point.start(tag, at=at) == first
    with Point(live.ocpp_url, charger) as point:
        assert point.start(tag, at=at) == first
        assert point.start(tag, at=at, meter=1_001)["transactionId"] != first["transactionId"]


def test_a_stop_is_always_answered_and_the_second_changes_nothing(
    live: Stack, charger: Charger, tag: str
) -> None:
    at = now()
    with Point(live.ocpp_url, charger) as point:
        transaction = point.start(tag)["transactionId"]
        for _ in range(2):
            point.stop(transaction, 3_000, at=at)
        for unknown in (999_999, 2**31 - 1, 2**40, -7):
            point.stop(unknown, 5_000)
        point.stop(transaction, 9_000)
    assert Session.objects.get(transaction_id=transaction).energy_wh == 2_000
    kinds = list(Case.objects.filter(charger=charger).values_list("kind", flat=True))
    assert sorted(set(kinds)) == ["repeated_stop", "unknown_stop"]
    assert kinds.count("unknown_stop") == 4


@pytest.mark.parametrize("number", [0, -1])
def test_a_stop_with_no_number_ends_the_one_charge_that_runs(
    live: Stack, charger: Charger, tag: str, number: int
) -> None:
    with Point(live.ocpp_url, charger) as point:
        transaction = point.start(tag)["transactionId"]
        point.stop(number, 3_000)
    assert Session.objects.get(transaction_id=transaction).energy_wh == 2_000


def test_another_chargers_stop_does_not_end_my_charge(
    live: Stack, charger: Charger, tag: str
) -> None:
    other = a_charger(charger.station)
    with Point(live.ocpp_url, charger) as mine, Point(live.ocpp_url, other) as theirs:
        transaction = mine.start(tag)["transactionId"]
        theirs.stop(transaction, 3_000)
    assert Session.objects.get(transaction_id=transaction).status == "active"
    assert Case.objects.get(charger=other).kind == "unknown_stop"


def test_meter_values_find_their_charge_without_a_usable_number(
    live: Stack, charger: Charger, tag: str
) -> None:
    with Point(live.ocpp_url, charger) as point:
        session = Session.objects.get(transaction_id=point.start(tag)["transactionId"])
        for number in (None, 0, -1, 424_242):
            point.meter(number, 2_000)
        point.meter(None, 77, connector=2)
    assert MeterValue.objects.filter(session=session).count() == 4
    assert MeterValue.objects.filter(connector__charger=charger, session=None).count() == 1


def test_a_tag_whose_own_charge_runs_is_accepted_to_authorise(
    live: Stack, charger: Charger, tag: str
) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.start(tag)
        assert point.call("Authorize", {"idTag": tag.lower()})["idTagInfo"]["status"] == "Accepted"
        second = point.start(tag, connector=2)
        assert second["idTagInfo"]["status"] == "ConcurrentTx"
        assert second["transactionId"] > 0


def test_blocked_expired_and_unknown_cards_are_told_apart(live: Stack, charger: Charger) -> None:
    company = charger.station.company
    blocked = a_card(a_customer(company, balance=100_00), status="blocked").id_tag
    expired = a_card(a_customer(company, balance=100_00), expires_at="2020-01-01T00:00Z").id_tag
    poor = a_card(a_customer(company)).id_tag
    off = a_card(a_customer(company, balance=100_00, enabled=False)).id_tag
    with Point(live.ocpp_url, charger) as point:
        answers = {
            name: point.call("Authorize", {"idTag": tag})["idTagInfo"]["status"]
            for name, tag in (
                ("blocked", blocked),
                ("expired", expired),
                ("poor", poor),
                ("off", off),
            )
        }
        unknown = point.call("Authorize", {"idTag": "NOBODY"})["idTagInfo"]["status"]
    assert answers == {
        "blocked": "Blocked",
        "expired": "Expired",
        "poor": "Blocked",
        "off": "Blocked",
    }
    assert unknown == "Invalid"


def test_a_card_of_another_company_is_unknown_here(live: Stack, charger: Charger) -> None:
    foreign = a_card(a_customer(a_charger().station.company, balance=100_00)).id_tag
    with Point(live.ocpp_url, charger) as point:
        assert point.call("Authorize", {"idTag": foreign})["idTagInfo"]["status"] == "Invalid"


def test_an_offline_start_with_an_unknown_card_is_recorded_with_a_real_number(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        begun = point.start("NOBODY")
        assert begun["idTagInfo"]["status"] == "Invalid"
        point.stop(begun["transactionId"], 8_000)
    session = Session.objects.get(transaction_id=begun["transactionId"])
    assert (session.refusal, session.energy_wh) == ("Invalid", 7_000)


def test_the_newest_socket_wins_and_the_old_ones_end_does_not_take_the_charger_offline(
    live: Stack, charger: Charger
) -> None:
    old = Point(live.ocpp_url, charger)
    old.boot()
    with Point(live.ocpp_url, charger) as new:
        assert new.call("Heartbeat")
        with pytest.raises(ConnectionClosed):
            old.receive()
        old.socket.close()
        assert new.call("Heartbeat")
        charger.refresh_from_db()
        assert charger.connection_holder
        assert charger.connection_epoch == 2
    eventually(lambda: Charger.objects.filter(pk=charger.pk, connection_holder="").exists())


def test_a_charge_goes_on_after_the_charger_reconnects_without_a_boot(
    live: Stack, charger: Charger, tag: str
) -> None:
    with Point(live.ocpp_url, charger) as point:
        transaction = point.start(tag)["transactionId"]
        point.meter(transaction, 2_000)
    with Point(live.ocpp_url, charger) as point:
        point.call("Heartbeat")
        point.meter(transaction, 3_000)
        point.stop(transaction, 4_000)
    session = Session.objects.get(transaction_id=transaction)
    assert (session.energy_wh, session.readings.count()) == (3_000, 2)


def test_readings_that_come_with_the_stop_are_kept_once(
    live: Stack, charger: Charger, tag: str
) -> None:
    with Point(live.ocpp_url, charger) as point:
        transaction = point.start(tag)["transactionId"]
        at = now()
        point.meter(transaction, 2_000, at=at)
        data = [
            {"timestamp": at, "sampledValue": [{"value": "2000"}]},
            {"timestamp": now(), "sampledValue": [{"value": "2500"}]},
            {"timestamp": "garbage", "sampledValue": [{"value": "9"}]},
        ]
        point.call(
            "StopTransaction",
            {
                "transactionId": transaction,
                "meterStop": 3_000,
                "timestamp": now(),
                "transactionData": data,
            },
        )
    assert Session.objects.get(transaction_id=transaction).readings.count() == 2


def test_unknown_words_and_long_strings_are_taken_and_a_legal_answer_given(
    live: Stack, charger: Charger
) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.call(
            "BootNotification",
            {
                "chargePointVendor": "",
                "chargePointModel": "M" * 90,
                "chargePointSerialNumber": "S" * 90,
                "x": 1,
            },
        )
        point.call(
            "StatusNotification", {"connectorId": 1, "status": "Faulted", "errorCode": "Error"}
        )
        assert point.call("DataTransfer", {"vendorId": "x"})["status"] == "UnknownVendorId"
    charger.refresh_from_db()
    assert len(charger.serial_number) == 80
    connector = charger.connectors.get(connector_id=1)
    assert (connector.error_code, connector.vendor_error_code) == ("OtherError", "Error")


def test_every_frame_is_in_the_log_with_its_answer(live: Stack, charger: Charger) -> None:
    with Point(live.ocpp_url, charger) as point:
        point.call("Heartbeat")
        with pytest.raises(CallError):
            point.call("Teleport", {"to": "Mars"})
    frames = eventually(
        lambda: (
            len(found := list(Frame.objects.filter(charger=charger).order_by("id"))) == 2 and found
        )
    )
    assert [(f.action, f.error) for f in frames] == [
        ("Heartbeat", ""),
        ("Teleport", "NotImplemented"),
    ]
    assert json.loads(frames[0].answer)["currentTime"]
    assert frames[0].answer_after_us >= 0


def test_money_and_energy_agree_after_a_charge(live: Stack, charger: Charger, tag: str) -> None:
    with Point(live.ocpp_url, charger) as point:
        transaction = point.start(tag)["transactionId"]
        point.stop(transaction, 11_000)
    session = Session.objects.get(transaction_id=transaction)
    bill = eventually(lambda: Bill.objects.filter(session=session).first())
    assert session.customer is not None
    assert wallets.standing(session.customer).wallet == 500_00 - bill.total
