"""Settings that drift, the templates that want them otherwise, and reading them again."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.audit import SYSTEM
from stations.models import (
    Charger,
    ChargerSetup,
    Command,
    Commissioning,
    ConfigurationChange,
    ConfigurationKey,
    ConfigurationTemplate,
)
from stations.selectors import configuration as selectors
from stations.services import commissioning, configuration, setups, templates
from tests.factories import a_charger, a_station
from tests.stations.talking import (
    FACTORY,
    Talker,
    later,
    set_up,
    step_once,
)

pytestmark = pytest.mark.django_db
MEASURANDS = "MeterValuesSampledData"
ENERGY = "Energy.Active.Import.Register"
ALL = "Energy.Active.Import.Register,Power.Active.Import,Power.Offered,Current.Import,Voltage,SoC"


def test_what_changes_behind_our_back_is_noticed_by_the_daily_reading(talker: Talker) -> None:
    set_up(talker)
    talker.keys["HeartbeatInterval"] = "900"
    assert configuration.read_due() == 0  # read today already
    ChargerSetup.objects.update(asked_at=timezone.now() - timedelta(hours=25))
    assert configuration.read_due() == 0  # it has just come back: left alone
    later(minutes=11)
    assert configuration.read_due() == 1
    assert configuration.read_due() == 0
    talker.settle()
    change = ConfigurationChange.objects.latest("pk")
    assert (change.key, change.old, change.new, change.by) == (
        "HeartbeatInterval",
        "60",
        "900",
        "",
    )
    (drift,) = selectors.drifting(Charger.objects.all())
    assert [(c.key, c.wanted, c.value) for c in drift.keys] == [("HeartbeatInterval", "60", "900")]
    setups.put_right(talker.charger, actor=SYSTEM)
    talker.settle()
    assert talker.keys["HeartbeatInterval"] == "60"
    assert selectors.drifting(Charger.objects.all()) == []
    assert ConfigurationChange.objects.latest("pk").by == "system"


def test_an_offline_charger_is_not_asked_to_be_read(talker: Talker) -> None:
    set_up(talker)
    ChargerSetup.objects.update(asked_at=None)
    later(minutes=11)
    talker.disconnect()
    assert configuration.read_due() == 0


def test_a_persons_change_is_kept_and_read_again(talker: Talker) -> None:
    from stations.drivers.ocpp.driver import OcppDriver

    set_up(talker)
    heard = len(talker.heard)
    payload = {"key": "heartbeatinterval", "value": "30"}
    OcppDriver().send(talker.charger, "ChangeConfiguration", payload, by="Malee")
    talker.settle()
    assert [action for action, _ in talker.heard[heard:]] == [
        "ChangeConfiguration",
        "GetConfiguration",
    ]
    assert ConfigurationKey.objects.get(key="HeartbeatInterval").value == "30"
    change = ConfigurationChange.objects.latest("pk")
    assert (change.new, change.by) == ("30", "Malee")


def test_a_persons_change_at_a_charger_we_have_not_set_up_asks_nothing_more() -> None:
    from stations.drivers.ocpp.driver import OcppDriver

    talker = Talker(a_charger())
    talker.connect()
    payload = {"key": "HeartbeatInterval", "value": "30"}
    OcppDriver().send(talker.charger, "ChangeConfiguration", payload, by="Malee")
    talker.settle()
    assert [action for action, _ in talker.heard] == ["ChangeConfiguration"]


def test_a_companys_template_holds_for_its_chargers_and_one_of_its_own_before_it(
    talker: Talker,
) -> None:
    company = talker.charger.station.company
    templates.create(company, "Ours", {"ConnectionTimeOut": "90"}, is_default=True, actor=SYSTEM)
    set_up(talker)
    assert talker.sets() == [("ConnectionTimeOut", "90")]
    own = templates.create(company, "Hotel", {"ConnectionTimeOut": "300"}, actor=SYSTEM)
    setups.choose_template(talker.charger, own, actor=SYSTEM)
    (drift,) = selectors.drifting(Charger.objects.all())
    assert drift.keys[0].wanted == "300"
    templates.delete(own, actor=SYSTEM)
    assert selectors.drifting(Charger.objects.all()) == []


def test_a_company_has_one_default_template_the_newest_word(talker: Talker) -> None:
    company = talker.charger.station.company
    first = templates.create(company, "A", {"x": "1"}, is_default=True, actor=SYSTEM)
    templates.create(company, "B", {"x": "2"}, is_default=True, actor=SYSTEM)
    assert [t.name for t in ConfigurationTemplate.objects.filter(is_default=True)] == ["B"]
    first.refresh_from_db()
    with pytest.raises(templates.NameTaken):
        templates.update(first, name="b", actor=SYSTEM)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"": "1"},
        {"k" * 51: "1"},
        {"k": "v" * 501},
        {"k": "a\x00b"},
        {"AuthorizationKey": "x"},
        {"WifiPassword": "x"},
        {"a": "1", "A": "2"},
        {f"k{n}": "1" for n in range(101)},
    ],
)
def test_a_template_that_makes_no_sense_is_refused(keys: dict[str, str]) -> None:
    company = a_station().company
    with pytest.raises(templates.BadKeys) as told:
        templates.create(company, "X", keys, actor=SYSTEM)
    assert str(told.value)
    assert not ConfigurationTemplate.objects.exists()


def test_two_runs_at_once_are_refused_and_one_can_be_stopped(talker: Talker) -> None:
    with pytest.raises(setups.UnderWay):
        setups.again(talker.charger, actor=SYSTEM)
    setups.stop(talker.charger, actor=SYSTEM)
    assert talker.charger.commissionings.get().state == "stopped"
    talker.connect()
    talker.settle()
    assert talker.heard == []
    setups.again(talker.charger, actor=SYSTEM)
    talker.settle()
    assert talker.keys["LocalPreAuthorize"] == "false"


def test_a_run_that_stands_still_is_taken_up_again(talker: Talker) -> None:
    talker.connect()
    step_once(talker)
    step_once(talker)
    Command.objects.update(key=None)  # as if its outcome had been lost on the way
    step_once(talker)
    run = talker.charger.commissionings.get()
    assert run.state == "running"
    talker.settle()
    run.refresh_from_db()
    assert run.state == "running"
    Commissioning.objects.update(moved_at=timezone.now() - timedelta(minutes=11))
    assert commissioning.wake() == 1
    talker.settle()
    run.refresh_from_db()
    assert run.state == "done"


def test_many_drifting_chargers_cost_no_more_queries(
    django_assert_max_num_queries: Any,
) -> None:
    station = a_station()
    for _ in range(5):
        charger = a_charger(station)
        now = timezone.now()
        ChargerSetup.objects.create(charger=charger, commissioned_at=now)
        ConfigurationKey.objects.create(charger=charger, key="HeartbeatInterval", value="7")
    with django_assert_max_num_queries(3):
        found = selectors.drifting(Charger.objects.filter(station=station))
    assert [len(drift.keys) for drift in found] == [1] * 5
    assert FACTORY  # the talker's factory values differ from ours
