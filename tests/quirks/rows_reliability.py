"""Rows 37 to 56: what goes wrong between two honest sides."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from billing.models import Bill
from billing.services.allowance import reserve_for_page
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Charger, Command, Connector, Session
from stations.selectors import findings
from stations.services import stopping
from stations.services.authorising import holder_of
from tests.factories import a_card, a_customer
from tests.quirks.bench import Bench, ago, boot, now, row
from tests.stack import Stack, eventually
from tests.wire import Point

HUGE = 2**31 - 1


@row(37, "any", "retries a stop for ever when it gets an error", "every stop gets a result")
def unknown_stop(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        for number in (999_999, HUGE, -7, 2**40):
            stop = {"transactionId": number, "meterStop": 5, "timestamp": "yesterday"}
            assert point.call("StopTransaction", stop) == {}
    assert bench.cases() == ["unknown_stop"] * 4


@row(38, "any", "retries readings with an invalid transactionId", "taken, found by the plug")
def unknown_reading(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        for number in (424_242, HUGE, -99):
            assert point.meter(number, 2_000) == {}
        assert point.meter(424_242, 77, connector=2) == {}
        point.stop(begun, 3_000)
    session = bench.session(begun)
    assert session.readings.count() == 3
    assert bench.billed(session) == 2_000


@row(39, "any", "a stop sent again was counted twice", "one end, one bill")
def stop_again(live: Stack) -> None:
    bench = Bench(live)
    at = now()
    with bench.point() as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        answers = [point.stop(begun, 3_000, at=at) for _ in range(3)]
    with bench.point() as point:
        answers.append(point.stop(begun, 3_000, at=at))
    assert answers == [answers[0]] * 4
    session = bench.session(begun)
    assert bench.billed(session) == 2_000
    assert Bill.objects.filter(session__charger=bench.charger).count() == 1
    assert bench.cases() == []


@row(
    40,
    "ABB",
    "a new StartTransaction with the same timestamp after a lost answer",
    "recognised by connector, card, time and register: the same transaction",
)
def start_again(live: Stack) -> None:
    bench = Bench(live)
    at = now()
    with bench.point(vendor="ABB", model="Terra AC") as point:
        first = point.start(bench.tag, at=at)
    with bench.point() as point:
        assert point.start(bench.tag, at=at) == first
        point.stop(first["transactionId"], 3_000)
    assert Session.objects.filter(charger=bench.charger).count() == 1
    assert bench.billed(bench.session(first["transactionId"])) == 2_000


@row(
    41,
    "any",
    "a retry may reuse or renew the message id",
    "what it says decides, not its id",
)
def same_or_new_id(live: Stack) -> None:
    bench = Bench(live)
    start = {"connectorId": 1, "idTag": bench.tag, "meterStart": 1_000, "timestamp": now()}
    with bench.point() as point:
        ids = ["same", "same", "another"]
        begun = {
            point.raw(json.dumps([2, n, "StartTransaction", start]))[2]["transactionId"]
            for n in ids
        }
        assert len(begun) == 1
        # one id for two different messages: both are taken
        other = start | {"connectorId": 2, "idTag": a_card(bench.customer).id_tag}
        assert (
            point.raw(json.dumps([2, "same", "StartTransaction", other]))[2]["transactionId"]
            not in begun
        )
    assert Session.objects.filter(charger=bench.charger).count() == 2


@row(
    42,
    "any",
    "a refused start closed the charge under way",
    "the charge goes on; the refused one is on record beside it",
)
def refused_start(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        refused = point.start("NOBODY", meter=1_200)
        assert refused["idTagInfo"]["status"] == "Invalid"
        assert bench.session(begun).status == "active"
        point.meter(begun, 2_000)
        point.stop(begun, 3_000)
    assert bench.billed(bench.session(begun)) == 2_000


@row(43, "any", "a sequence that always gave 1", "numbers are unique over all chargers")
def unique_numbers(live: Stack) -> None:
    numbers = set()
    for _ in range(2):
        bench = Bench(live)
        with bench.point() as point:
            for connector in (1, 2):
                tag = a_card(bench.customer).id_tag
                numbers.add(point.start(tag, connector=connector)["transactionId"])
    assert len(numbers) == 4


@row(
    44,
    "any",
    "the flag for charges at the same time was inverted",
    "a second charge with one card is ConcurrentTx; without the limit it is accepted",
)
def concurrent(live: Stack) -> None:
    bench = Bench(live)
    free = a_card(bench.customer, max_active_sessions=None).id_tag
    with bench.point() as point:
        said = [point.start(bench.tag, connector=n)["idTagInfo"]["status"] for n in (1, 2)]
        assert said == ["Accepted", "ConcurrentTx"]
    other = Bench(live)
    free = a_card(other.customer, max_active_sessions=None).id_tag
    with other.point() as point:
        said = [point.start(free, connector=n)["idTagInfo"]["status"] for n in (1, 2)]
        assert said == ["Accepted", "Accepted"]


@row(
    45,
    "any",
    "a half-open old socket made the server refuse the new one",
    "the newest socket wins at once; the old one is closed",
)
def newest_wins(live: Stack) -> None:
    bench = Bench(live)
    old = bench.point()
    with bench.point() as new:
        assert new.call("Heartbeat")
        with pytest.raises(ConnectionClosed):
            old.receive()
        begun = new.start(bench.tag, meter=1_000)["transactionId"]
        new.stop(begun, 3_000)
    assert bench.billed(bench.session(begun)) == 2_000


@row(
    46,
    "any",
    "three StatusNotifications within 718 µs after a power cut: deadlock",
    "all answered with a result, whatever comes at once",
)
def statuses_at_once(live: Stack) -> None:
    benches = [Bench(live) for _ in range(4)]
    points = [bench.point() for bench in benches]
    for point in points:  # everything is sent before anything is read
        for n, status in enumerate(("Available", "Faulted", "Available") * 3):
            words = {"connectorId": n % 3, "status": status, "errorCode": "NoError"}
            point.socket.send(json.dumps([2, f"s{n}", "StatusNotification", words]))
    for point in points:
        assert [point.receive() for _ in range(9)] == [[3, f"s{n}", {}] for n in range(9)]
        point.socket.close()
    assert [bench.plug(2).status for bench in benches] == ["Available"] * 4


@row(
    47,
    "any",
    "shown online for 15 minutes after its line was lost",
    "offline at once where the socket ends, within a minute where it falls silent",
)
def offline_soon(live: Stack) -> None:
    bench = Bench(live)
    point = bench.point()
    assert Charger.objects.get(pk=bench.charger.pk).connection_holder
    point.socket.socket.close()  # no goodbye
    eventually(lambda: not Charger.objects.get(pk=bench.charger.pk).connection_holder)
    assert settings.OCPP_PING_SECONDS + settings.OCPP_PING_TIMEOUT_SECONDS <= 60


@row(48, "any", "no session context with many chargers", "each line has its own state")
def many(live: Stack) -> None:
    benches = [Bench(live) for _ in range(12)]
    points = [bench.point() for bench in benches]
    begun = [
        p.start(b.tag, meter=1_000)["transactionId"] for p, b in zip(points, benches, strict=True)
    ]
    for n, point in enumerate(points):
        point.meter(begun[n], 1_500 + n)
    for n, point in enumerate(points):
        point.stop(begun[n], 2_000 + n)
        point.socket.close()
    found = {
        s.transaction_id: s.energy_wh for s in Session.objects.filter(transaction_id__in=begun)
    }
    assert found == {number: 1_000 + n for n, number in enumerate(begun)}


@row(
    49,
    "any",
    "an answer that comes too late was taken for the next one's",
    "an answer belongs to its message id; a late one is logged, never taken",
)
def late_answer(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        point.answers["Reset"] = None  # says nothing
        slow = OcppDriver().send(
            bench.charger, "Reset", {"type": "Soft"}, by="t", answer_timeout_s=1
        )
        frame = _next_call(point, "Reset")
        assert bench.ended(slow).status == "timeout"
        point.socket.send(json.dumps([3, frame, {"status": "Accepted"}]))
        unlock = {"connectorId": 1}
        quick = OcppDriver().send(bench.charger, "UnlockConnector", unlock, by="t")
        point.answers["UnlockConnector"] = {"status": "UnlockFailed"}
        point.expect("UnlockConnector")
        assert bench.ended(quick).response == {"status": "UnlockFailed"}
    assert Command.objects.get(pk=slow.pk).status == "timeout"


def _next_call(point: Point, action: str) -> str:
    while True:
        frame = point.receive()
        if frame[0] == 2 and frame[2] == action:
            return str(frame[1])


@row(
    50,
    "any",
    "a call of the server within a handler deadlocks",
    "messages are served while an order of ours is out",
)
def served_meanwhile(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        order = OcppDriver().send(bench.charger, "ClearCache", {}, by="t", answer_timeout_s=20)
        number = _next_call(point, "ClearCache")
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        point.stop(begun, 2_000)
        point.socket.send(json.dumps([3, number, {"status": "Accepted"}]))
        assert bench.ended(order).status == "accepted"
    assert bench.billed(bench.session(begun)) == 1_000


@row(51, "any", "readings without transactionId were dropped", "they belong to the plug's charge")
def without_number(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        session = bench.charge(point, 1_000, [2_000, 3_000], None)
        point.meter(None, 4_000, at=ago(12))
        point.stop(session.transaction_id, 0, at=ago(10))
    session.refresh_from_db()
    assert session.readings.count() == 3
    assert bench.billed(session) == 3_000


@row(
    52,
    "any",
    "a refused start consumed the leave that was reserved for somebody else",
    "leave to start is kept for whom it was given",
)
def leave_is_kept(live: Stack) -> None:
    bench = Bench(live)
    poor = a_card(a_customer(bench.charger.station.company)).id_tag
    card = a_card(bench.customer)
    leave = reserve_for_page(bench.plug(), holder_of(card), card, visitor="", wh=5_000, satang=None)
    with bench.point() as point:
        assert point.start(poor, meter=900)["idTagInfo"]["status"] == "Blocked"
        begun = point.start(leave.id_tag, meter=1_000)
        assert begun["idTagInfo"]["status"] == "Accepted"
        point.stop(begun["transactionId"], 3_000)
    leave.refresh_from_db()
    session = bench.session(begun["transactionId"])
    assert leave.session_id == session.pk
    assert bench.billed(session) == 2_000


@row(
    53,
    "any",
    "a guard shorter than the disconnection killed the charge: paid twice",
    "a charge outlives its line; only a free plug or the next charge ends it",
)
def outlives_the_line(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        session = bench.charge(point, 1_000, [2_000], None)
        point.status("Charging")
    long_ago = timezone.now() - timedelta(hours=2)
    Session.objects.filter(pk=session.pk).update(started_received_at=long_ago)
    session.live.received_at = long_ago
    session.live.save()
    Connector.objects.filter(charger=bench.charger).update(status_at=long_ago)
    stopping.close_silent()
    session.refresh_from_db()
    assert session.status == "active"
    with bench.point() as point:
        point.call("BootNotification", boot())
        point.meter(session.transaction_id, 3_000)
        point.stop(session.transaction_id, 4_000)
    assert bench.billed(session) == 3_000, bench.cases()
    assert Bill.objects.filter(session__charger=bench.charger).count() == 1


@row(
    54,
    "any",
    "a stop long after the charge was closed",
    "its register is kept as evidence; the bill does not change",
)
def late_stop(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        first = bench.charge(point, 1_000, [2_000, 3_000], None)
        point.start(bench.tag, meter=5_000)
        assert bench.billed(first) == 2_000
        point.stop(first.transaction_id, 5_000, at=ago(2))
    first.refresh_from_db()
    assert (first.energy_wh, Bill.objects.get(session=first).wh) == (2_000, 2_000)
    assert bench.cases() == ["late_stop", "no_stop"]


@row(
    55,
    "any",
    "accepts a RemoteStart, then no StartTransaction",
    "shown as waiting for the plug, then as a start that nothing followed",
)
def waiting_for_the_plug(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        wish = {"idTag": bench.tag, "connectorId": 1}
        order = OcppDriver().send(bench.charger, "RemoteStartTransaction", wish, by="t")
        point.expect("RemoteStartTransaction")
        bench.ended(order)
        waiting = findings.waiting_for_plug(bench.charger)
        assert waiting is not None
        assert (waiting.connector, waiting.over) == (1, False)
        three_minutes = timezone.now() - timedelta(minutes=3)
        Command.objects.filter(pk=order.pk).update(answered_at=three_minutes)
        over = findings.waiting_for_plug(bench.charger)
        assert over is not None
        assert over.over
        point.start(bench.tag)
        assert findings.waiting_for_plug(bench.charger) is None


@row(56, "any", "charge point ids differ in case", "the same charger, its energy counted once")
def case_of_ids(live: Stack) -> None:
    bench = Bench(live)
    at = now()
    with Point(live.ocpp_url, bench.charger.charge_point_id.lower()) as point:
        begun = point.start(bench.tag, meter=1_000, at=at)["transactionId"]
    with Point(live.ocpp_url, bench.charger.charge_point_id.upper()) as point:
        assert point.start(bench.tag, meter=1_000, at=at)["transactionId"] == begun
        point.stop(begun, 2_500)
    assert bench.billed(bench.session(begun)) == 1_500
