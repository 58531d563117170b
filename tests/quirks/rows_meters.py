"""Rows 28 to 36: meters and registers that lie."""

from stations.models import Case, Session
from tests.quirks.bench import Bench, ago, now, readings, row
from tests.stack import Stack
from tests.wire import Point


@row(
    28,
    "Grizzl-E",
    "start has the lifetime register, readings count from the start of the charge",
    "told apart as two counters: the energy is right, never -4076 kWh",
)
def lifetime_and_relative(live: Stack) -> None:
    relative = [900, 1_800, 2_700, 3_600, 4_500]
    for stop in (4_081_400, 5_400):  # it stops with either
        bench = Bench(live)
        with bench.point(vendor="United Chargers", model="Grizzl-E Smart") as point:
            session = bench.charge(point, 4_076_000, relative, stop)
        assert bench.billed(session) == 5_400
        assert bench.cases() == []
    unknown = Bench(live)
    with unknown.point(vendor="Nobody", model="X") as point:
        session = unknown.charge(point, 4_076_000, relative, 5_400)
    assert (
        unknown.billed(session) == 4_500
    )  # what the readings prove: the first is taken as its base
    assert unknown.cases() == ["meter_fault"]


@row(
    29,
    "Iocharger",
    "says 0 at a start made offline, then its lifetime register",
    "the jump is not billed; a case shows what it claims; a station that really starts at 0 is",
)
def zero_then_lifetime(live: Stack) -> None:
    bench = Bench(live)
    with bench.point(vendor="Iocharger", model="IOCAC") as point:
        session = bench.charge(point, 0, [8_410_000, 8_412_000, 8_414_000], 8_416_000)
    assert bench.billed(session) == 6_000
    case = Case.objects.get(charger=bench.charger)
    assert case.kind == "energy_disputed"
    assert case.evidence["claimed_wh"] == 8_416_000
    assert 0 < case.evidence["disputed_wh"] < 25_000
    assert case.evidence["readings"][0][1] == 8_410_000
    assert bench.finding("impossible_rise").count
    silent = Bench(live)
    with silent.point() as point:  # no reading at all between the two
        session = silent.charge(point, 0, [], 8_416_000)
    assert silent.billed(session) == 0
    assert silent.cases() == ["energy_disputed"]
    honest = Bench(live)
    with honest.point() as point:
        session = honest.charge(point, 0, [2_000, 4_000], 6_000)
    assert honest.billed(session) == 6_000
    assert honest.cases() == []


@row(
    30,
    "any",
    "the register may reset per reboot, per charge or never",
    "rises are added up, falls are not; where the model is known to begin at 0, from 0",
)
def resets(live: Stack) -> None:
    bench = Bench(live, device="generic", quirks={"register": "resets_on_reboot"})
    with bench.point() as point:
        session = bench.charge(point, 50_000, [52_000, 54_000, 500, 2_500], 4_500)
    assert bench.billed(session) == 8_500
    assert bench.cases() == []
    unknown = Bench(live)
    with unknown.point() as point:
        session = unknown.charge(point, 50_000, [52_000, 54_000, 500, 2_500], 4_500)
    assert unknown.billed(session) == 8_000
    assert unknown.cases() == ["meter_fault"]


@row(31, "any", "the register ticks on after the stop", "kept, but billed to nobody")
def after_the_stop(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        point.stop(begun, 3_000)
        point.meter(begun, 3_400)
        point.meter(None, 3_500)
    session = bench.session(begun)
    assert bench.billed(session) == 2_000
    assert session.readings.count() == 0
    with bench.point() as point:  # nor to the next charge, where it starts again from its own value
        begun = point.start(bench.tag, meter=3_500)["transactionId"]
        point.stop(begun, 4_000)
    assert bench.billed(bench.session(begun)) == 500


@row(
    32,
    "any",
    "inconsistent readings (an invoice of 1502.00)",
    "a value that its neighbours contradict, or that the plug cannot have given, is left out",
)
def wild_values(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        session = bench.charge(point, 1_000, [2_000, 1_502_000_000, 3_000, 12, 4_000], 5_000)
    assert bench.billed(session) == 4_000
    late = Bench(live)
    with late.point() as point:  # the stop itself is wild
        session = late.charge(point, 1_000, [2_000, 3_000, 4_000], 1_502_000_000)
    assert late.billed(session) == 3_000
    assert late.cases() == ["energy_disputed"]


@row(33, "any", "negative energy", "never negative; a negative register is no reading")
def negative(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        session = bench.charge(point, 5_000, [-400, 5_500], 100)
    assert bench.billed(session) == 500
    assert bench.finding("negative_register").evidence["register_wh"] == -400
    below = Bench(live)
    with below.point() as point:
        session = below.charge(point, 5_000, [], 100)
    assert below.billed(session) == 0
    assert below.cases() == ["meter_fault"]


@row(34, "any", "start value = stop value though energy flowed", "its readings count")
def start_is_stop(live: Stack) -> None:
    for stop in (1_000, 0):
        bench = Bench(live)
        with bench.point() as point:
            session = bench.charge(point, 1_000, [2_000, 3_000, 4_000], stop)
        assert bench.billed(session) == 3_000
        assert bench.cases() == ["meter_fault"]


@row(
    35,
    "any",
    "signed meter data longer than any column",
    "kept whole beside the reading; the stop is taken",
)
def signed_data(live: Stack) -> None:
    bench = Bench(live)
    signed = {"value": "OCMF|" + "A" * 8_000, "format": "SignedData", "context": "Transaction.End"}
    with bench.point() as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        readings(point, begun, [signed, {"value": "2000"}], now())
        stop = {"transactionId": begun, "meterStop": 3_000, "timestamp": now()}
        data = [{"timestamp": now(), "sampledValue": [signed]}]
        assert "idTagInfo" not in point.call("StopTransaction", stop | {"transactionData": data})
    session = bench.session(begun)
    assert bench.billed(session) == 2_000
    assert len(session.readings.order_by("id")[0].samples[0]["value"]) == 8_005


@row(
    36,
    "any",
    "reset by the reboot that also ended the charge: no stop ever comes",
    "closed at its last proven reading, with a case; the reset adds nothing",
)
def reboot_without_stop(live: Stack) -> None:
    bench = Bench(live)
    with bench.point() as point:
        first = bench.charge(point, 20_000, [21_000, 22_000, 23_000], None)
    with bench.point(vendor="Test", model="Bench") as point:
        _flat_after_reboot(point, first)
        point.start(bench.tag, meter=0)  # the next charge on the plug says that the first is over
    first.refresh_from_db()
    assert first.status == "ended"
    assert bench.billed(first) == 3_000
    assert "no_stop" in bench.cases()


def _flat_after_reboot(point: Point, session: Session) -> None:
    for minutes in (8, 6, 4):
        point.meter(session.transaction_id, 0, at=ago(minutes))
