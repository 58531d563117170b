"""Device files: read strictly, matched by themselves, each run against a charge point on the wire."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.models import AuditEntry
from stations import devices
from stations.devices import BadDevice, Device
from stations.models import Charger
from stations.services.measuring import device_of
from tests.factories import CHARGER_PASSWORD, a_charger, a_company, a_station, an_admin
from tests.pages.people import signed_in, text_of
from tests.quirks.bench import Bench
from tests.stack import Stack, eventually
from tests.wire import basic
from users.models import Level

NAMED = {
    "schneider_evlink": ("Schneider Electric", "EVlink Pro AC"),
    "huawei_scharger": ("Huawei", "SCharger-22KT-S0"),
    "abb_terra_ac": ("ABB", "Terra AC W22-T-R-0"),
    "ocular_lte_plus": ("Ocular", "LTE Plus"),
    "legrand": ("LEGRAND", "Green'up Premium"),
    "chargeamps": ("Charge Amps", "Aura"),
    "alfen": ("Alfen BV", "NG910-60023"),
    "grizzl_e": ("United Chargers Inc.", "Grizzl-E Smart"),
    "evduty": ("Elmec", "EVduty"),
    "growatt": ("Growatt", "THOR 22AS"),
    "chago": ("CHAGO", "7kW"),
    "keba": ("Keba AG", "KC-P30"),
    "wallbox_pulsar": ("Wall Box Chargers", "Pulsar MAX"),
    "evbox": ("EV-BOX", "G3-M5320E"),
    "syncev": ("Sync EV", "EVS7GC"),
    "go_e": ("go-e", "go-eCharger HOMEfix"),
    "phoenix_charx": ("Phoenix Contact", "CHARX SEC-3150"),
    "en_plus": ("EN+", "Caro"),
    "starcharge": ("StarCharge", "Artemis"),
    "foxess": ("FOXESS", "A011KP1"),
    "openevse": ("OpenEVSE", "ESP32"),
    "iocharger": ("Iocharger", "IOCAC"),
    "delta": ("Delta Electronics", "AC MAX"),
    "tktev": ("TKTEV", "T1"),
}


@pytest.mark.pure
@pytest.mark.parametrize("path", sorted(devices.FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_file_is_whole_and_tells_people_in_both_languages(path: Path) -> None:
    device = devices.load(path)
    assert device.title
    assert device.help.en != device.help.th
    assert any("฀" <= c <= "๿" for c in device.help.th)
    if device.key != devices.GENERIC:
        assert device.sources, "say where it is known from"


@pytest.mark.pure
def test_every_maker_that_is_named_is_found_by_what_its_charger_says() -> None:
    assert set(NAMED) | {devices.GENERIC} == set(devices.catalogue())
    found = {key: devices.match(vendor, model, "1.0").key for key, (vendor, model) in NAMED.items()}
    assert found == {key: key for key in NAMED}
    for vendor, model in (("", ""), ("Nobody", "Knows"), ("SIMULATOR", "Sim-22")):
        assert devices.match(vendor, model, "").key == devices.GENERIC


@pytest.mark.pure
def test_the_most_specific_match_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    help_text = "help: {en: a, th: ก}\n"
    for key, match in {
        "generic": "{}",
        "maker": "{vendor: 'abb*'}",
        "model": "{vendor: 'ABB*', model: 'terra*'}",
        "firmware": "{vendor: abb, model: 'terra*', firmware: '1.8.*'}",
    }.items():
        rows = "" if key == "generic" else f"match: [{match}]\n"
        (tmp_path / f"{key}.yaml").write_text(f"title: T\n{help_text}{rows}")
    monkeypatch.setattr(devices, "FOLDER", tmp_path)
    monkeypatch.setattr(devices, "catalogue", devices.catalogue.__wrapped__)
    assert devices.match("ABB", "Terra AC", "1.8.21").key == "firmware"
    assert devices.match("ABB ", "TERRA AC", "1.6").key == "model"
    assert devices.match("ABB E-mobility", "X", "1.8.2").key == "maker"
    assert devices.match("BBA", "Terra AC", "1.8.2").key == "generic"


@pytest.mark.pure
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("quirks: {stack_level_mst: 0}", "stack_level_mst"),
        ("quirks: {stack_level_most: 'none'}", "stack_level_most"),
        ("quirks: {zero_limit: maybe}", "zero_limit"),
        ("quirks: {id_tag_most: 25}", "id_tag_most"),
        ("quirks: {reconnect_grace_s: -1}", "reconnect_grace_s"),
        ("capabilities: [Teleport]", "capabilities"),
        ("matches: []", "matches"),
        ("match: [{vendr: x}]", "vendr"),
        ("help: {en: a}", "th"),
        ("title: ''", "title"),
        ("quirks: [", "bad.yaml"),
    ],
)
def test_a_bad_file_is_refused_with_file_and_field(tmp_path: Path, text: str, says: str) -> None:
    good: dict[str, str] = {
        "title": "title: T",
        "help": "help: {en: a, th: ก}",
        "match": "match: [{vendor: x}]",
    }
    good.pop(text.partition(":")[0], None)
    path = tmp_path / "bad.yaml"
    path.write_text("\n".join([*good.values(), text]))
    with pytest.raises(BadDevice) as refused:
        devices.load(path)
    assert "bad.yaml" in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.pure
def test_a_file_for_nobody_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lost.yaml"
    path.write_text("title: T\nhelp: {en: a, th: ก}\n")
    with pytest.raises(BadDevice, match="match"):
        devices.load(path)


@pytest.mark.pure
def test_a_name_or_quirk_of_another_version_leaves_the_charger_working() -> None:
    assert devices.choose("no_such_file", "ABB", "Terra AC", "").key == "abb_terra_ac"
    assert devices.choose("auto", "ABB", "Terra AC", "", {"flies": True}).key == "abb_terra_ac"
    own = devices.choose("auto", "ABB", "Terra AC", "", {"id_tag_most": 18})
    assert (own.quirks.id_tag_most, own.quirks.stack_level_most) == (18, 0)


@pytest.mark.wire
@pytest.mark.parametrize("device", devices.catalogue().values(), ids=lambda d: d.key)
def test_every_device_completes_a_charge_and_takes_a_limit(live: Stack, device: Device) -> None:
    """As itself: it says who it is, charges, is limited, and is billed what flowed."""
    vendor, model = NAMED.get(device.key, ("Nobody", "Knows"))
    bench = Bench(live)
    with bench.point(vendor=vendor, model=model, firmwareVersion="1.0") as point:
        bench.charger.refresh_from_db()
        assert device_of(bench.charger).key == device.key
        point.status("Preparing")
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        bench.limit(amps=Decimal(16))
        sent = point.expect("SetChargingProfile")["csChargingProfiles"]
        assert sent["chargingProfileKind"] == device.quirks.profile_kind
        assert sent["stackLevel"] == min(1, device.quirks.stack_level_most or 0) or (
            device.quirks.stack_level_most is None and sent["stackLevel"] == 1
        )
        register = 2 if device.quirks.energy_unit == "kwh_labelled_wh" else 2_000
        point.meter(begun, register)
        point.stop(begun, 3_000)
    assert bench.billed(bench.session(begun)) == 2_000
    assert bench.cases() == []


@pytest.mark.wire
def test_an_override_counts_from_the_next_message_on(live_web: Stack) -> None:
    bench = Bench(live_web)
    owner = an_admin(bench.charger.station.company)
    client = signed_in(owner)
    path = f"/chargers/{bench.charger.charge_point_id}/device/"
    with bench.point(vendor="Nobody", model="X") as point:
        begun = point.start(bench.tag, meter=1_000)["transactionId"]
        answer = client.post(path, {"device": "auto", "energy_unit": "kwh_labelled_wh"})
        assert answer.status_code == 302
        readings = bench.session(begun).readings

        def read_as_kwh() -> bool:
            point.meter(begun, "1.5")
            return readings.filter(register_wh=1_500).exists()

        eventually(read_as_kwh)
        client.post(path, {"device": "evduty"})
    me = bench.charger.charge_point_id
    from websockets.sync.client import connect

    headers = basic(me, CHARGER_PASSWORD)
    with connect(live_web.ocpp_url + me, additional_headers=headers) as bare:
        bare.send('[2,"1","Heartbeat",{}]')
        assert "currentTime" in bare.recv(timeout=5)


@pytest.fixture
def charger() -> Charger:
    station = a_station(a_company(), name="Suk Jai")
    return a_charger(station, vendor="ABB", model="Terra AC", charge_point_id="SJ-09")


def doctor(charger: Charger, level: str = Level.OWNER, language: str = "en") -> str:
    client = signed_in(an_admin(charger.station.company, level), language)
    return text_of(client.get(f"/chargers/{charger.charge_point_id}/doctor/"))


@pytest.mark.django_db
def test_the_doctor_says_how_it_is_dealt_with_and_why(charger: Charger) -> None:
    page = doctor(charger)
    assert "ABB Terra AC" in page
    assert "found by what it says of itself" in page
    assert "Highest stack level it takes" in page
    assert "Nothing noticed" in page
    assert "โปรไฟล์" in doctor(charger, language="th")


@pytest.mark.django_db
def test_a_finding_is_told_with_what_was_done_and_what_to_do(charger: Charger) -> None:
    from stations.services import findings

    for _ in range(3):
        findings.note(
            charger.pk,
            ["clock_local", "clock_local"],
            {"timestamp": "2026-11-20T13:48:10Z", "message_id": "m-77"},
        )
    row = charger.findings.get()
    assert (row.code, row.count) == ("clock_local", 3)
    page = doctor(charger)
    for words in ("seven hours ahead", "Our own time is used", "3 times", "m-77", "Worth a look"):
        assert words in page


@pytest.mark.django_db
def test_who_may_not_edit_sees_no_form_and_a_bad_value_changes_nothing(charger: Charger) -> None:
    assert "Deal with it otherwise" not in doctor(charger, Level.OPERATOR)
    client = signed_in(an_admin(charger.station.company))
    path = "/chargers/SJ-09/device/"
    bad: list[dict[str, Any]] = [
        {"device": "flying"},
        {"device": "auto", "stack_level_most": "many"},
        {"device": "auto", "zero_limit": "maybe"},
        {"device": "auto", "id_tag_most": "99"},
    ]
    for form in bad:
        answer = client.post(path, form)
        assert answer.status_code == 422
        assert "wrong" in text_of(answer)
    charger.refresh_from_db()
    assert (charger.device, charger.quirks) == ("auto", {})
    assert client.post(path, {"device": "evbox", "id_tag_most": "18"}).status_code == 302
    charger.refresh_from_db()
    assert (charger.device, charger.quirks) == ("evbox", {"id_tag_most": 18})
    said = AuditEntry.objects.get(action="set_device")
    assert said.new == {"device": "evbox", "quirks": {"id_tag_most": 18}}
