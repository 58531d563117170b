"""Fleet files: what is written is what runs, and what is wrong is named with its place."""

from pathlib import Path
from typing import Any

import pytest

from simulators import cli
from simulators.fleet import FleetError, Life, load_fleet, parse_fleet

pytestmark = pytest.mark.pure


def charger(**fields: Any) -> dict[str, Any]:
    return {"id": "A-1", **fields}


def test_the_demo_fleet_is_valid_and_shows_every_state() -> None:
    fleet = load_fleet(cli.DEMO)
    states = {start.state for plan in fleet.chargers for start in plan.starts.values()}
    assert states >= {"Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Faulted"}
    assert any(plan.offline for plan in fleet.chargers)
    assert any(start.stay for plan in fleet.chargers for start in plan.starts.values())
    cards = [card for plan in fleet.chargers for card in plan.cards]
    assert len(cards) == len(set(cards))


def test_a_fleet_file_says_all_there_is_to_a_charger() -> None:
    fleet = parse_fleet(
        {
            "url": "ws://x/ocpp",
            "life": {"arrive_s": [1, 2]},
            "configuration": {"HeartbeatInterval": "60"},
            "chargers": [
                charger(
                    password="secret",
                    kind="DC",
                    power_w=60000,
                    connectors=2,
                    cards=["C1"],
                    configuration={"ConnectionTimeOut": "90"},
                    start=[{"connector": 2, "state": "Charging", "id_tag": "C1", "soc": 42}],
                )
            ],
        }
    )
    plan = fleet.chargers[0]
    assert fleet.life == Life(arrive_s=(1.0, 2.0))
    assert plan.configuration == {"HeartbeatInterval": "60", "ConnectionTimeOut": "90"}
    assert (plan.hardware.rating.direct, plan.hardware.rating.power_w) == (True, 60_000)
    assert plan.starts[2].soc == 0.42


def test_a_repeated_charger_is_numbered_throughout() -> None:
    entry = charger(
        id="L-{n:03d}",
        password="pw-{n}",
        repeat=3,
        cards=["K{n}"],
        start=[{"connector": 1, "state": "Charging", "id_tag": "K{n}"}],
    )
    plans = parse_fleet({"chargers": [entry]}).chargers
    assert [plan.id for plan in plans] == ["L-001", "L-002", "L-003"]
    assert [plan.password for plan in plans] == ["pw-1", "pw-2", "pw-3"]
    assert [plan.starts[1].id_tag for plan in plans] == ["K1", "K2", "K3"]


def test_braces_in_the_password_of_a_single_charger_are_just_braces() -> None:
    assert parse_fleet({"chargers": [charger(password="{n}{")]}).chargers[0].password == "{n}{"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "fleet: must be an object, not []"),
        ({}, "fleet.chargers: a fleet needs a charger"),
        ({"charger": []}, "fleet.charger: there is no such field"),
        ({"chargers": [{}]}, "fleet.chargers[0].id: is missing"),
        ({"chargers": [charger(), charger()]}, "two chargers are called A-1"),
        ({"chargers": [charger(power_w="lots")]}, "power_w: must be a number, not 'lots'"),
        ({"chargers": [charger(power_w=0)]}, "power_w: must be above 0, not 0"),
        ({"chargers": [charger(kind="HV")]}, "kind: must be AC or DC, not 'HV'"),
        ({"chargers": [charger(phases=2)]}, "phases: must be 1 or 3, not 2"),
        ({"chargers": [charger(offline="no")]}, "offline: must be true or false"),
        ({"chargers": [charger(cards="K")]}, "cards: must be a list of texts"),
        ({"chargers": [charger(start={})]}, "start: must be a list"),
        ({"chargers": [charger(start=[{"connector": 2}])]}, "start[0].connector: must be 1 to 1"),
        (
            {"chargers": [charger(start=[{"connector": 1, "state": "Flying"}])]},
            "start[0].state: must be one of Available",
        ),
        (
            {"chargers": [charger(start=[{"connector": 1, "state": "Charging"}])]},
            "start[0].id_tag: Charging needs the card",
        ),
        (
            {"chargers": [charger(start=[{"connector": 1, "soc": 120}])]},
            "start[0].soc: must be 0 to 100 %",
        ),
        ({"chargers": [charger()], "life": {}}, "cards: a lively charger needs cards"),
        (
            {"chargers": [charger()], "life": {"arrive_s": [9, 1]}},
            "life.arrive_s: must be two numbers, the smaller first",
        ),
        (
            {"chargers": [charger(configuration={"Nonsense": "1"})]},
            "configuration: unknown configuration key Nonsense",
        ),
        (
            {"chargers": [charger(configuration={"HeartbeatInterval": 1})]},
            "configuration.HeartbeatInterval: must be a text",
        ),
        ({"chargers": [charger(id="{x}", repeat=2)]}, "only {n} can be filled in"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(document: Any, sentence: str) -> None:
    with pytest.raises(FleetError) as caught:
        parse_fleet(document)
    assert sentence in str(caught.value)


def test_a_file_that_is_missing_or_no_json_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="No such file"):
        load_fleet(tmp_path / "nowhere.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(FleetError, match="not JSON"):
        load_fleet(broken)


def test_the_command_line_describes_one_charger() -> None:
    words = "--url ws://h/ocpp/1.6 --id SJ-01 --password p --connectors 2 --power 60000 --kind DC"
    options = cli.arguments().parse_args(
        [*words.split(), "--config", "HeartbeatInterval=5", "--speed", "60"]
    )
    fleet = cli.fleet_of(options)
    plan = fleet.chargers[0]
    assert (fleet.url, fleet.speed, fleet.life) == ("ws://h/ocpp/1.6", 60.0, None)
    assert (plan.id, plan.password, plan.hardware.connectors) == ("SJ-01", "p", 2)
    assert plan.configuration == {"HeartbeatInterval": "5"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--id", "A"], "the server's url must begin with ws:// or wss://, not ''"),
        (["--id", "A", "--url", "http://x"], "not 'http://x'"),
        (["--id", "A", "--url", "ws://x", "--speed", "0"], "the speed must be positive, not 0"),
        (["--fleet", "/nowhere.json"], "/nowhere.json: No such file"),
        (["--id", "A", "--url", "ws://x", "--config", "X=1"], "unknown configuration key X"),
    ],
)
def test_a_wrong_command_line_ends_with_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    assert sentence in capsys.readouterr().err
