"""Setting chargers up: the usual one, and those with manners of their own."""

from typing import Any

import pytest

from core.audit import SYSTEM
from core.models import Fact
from stations.models import (
    Charger,
    ChargerSetup,
    Command,
    Commissioning,
    CommissioningStep,
    ConfigurationChange,
    ConfigurationKey,
)
from stations.selectors import configuration as selectors
from stations.services import commissioning, configuration, setups
from tests.factories import a_charger
from tests.stations.talking import (
    Gone,
    Talker,
    a_new_charger,
    later,
    set_up,
    settings_of,
    step_once,
    steps,
)

pytestmark = pytest.mark.django_db
MEASURANDS = "MeterValuesSampledData"
ENERGY = "Energy.Active.Import.Register"
ALL = "Energy.Active.Import.Register,Power.Active.Import,Power.Offered,Current.Import,Voltage,SoC"


def test_a_new_charger_is_set_up_at_its_first_boot(talker: Talker) -> None:
    run = set_up(talker)
    assert (run.state, run.reason, run.trouble) == ("done", "first", "")
    for key, value in selectors.built_in().items():
        assert talker.keys[key] == value
    setup = ChargerSetup.objects.get(charger=talker.charger)
    assert setup.commissioned_at is not None
    assert setup.firmware_version == "1.0"
    assert setup.features == ["Core", "RemoteTrigger", "SmartCharging"]
    assert ("TriggerMessage", {"requestedMessage": "StatusNotification"}) in talker.heard
    # Every key is asked once and by itself; the list of measurands comes last.
    assert len(talker.sets()) == len({key for key, _ in talker.sets()}) == 11
    assert talker.sets()[-1] == (MEASURANDS, ALL)
    assert steps(run, "StopTransactionOnInvalidId") == [("true", "already")]
    assert Fact.objects.get(kind="charger_commissioned").data["status"] == "done"


def test_a_charger_that_nobody_asked_to_set_up_hears_nothing() -> None:
    quiet = Talker(a_charger())
    quiet.connect()
    quiet.settle()
    assert quiet.heard == []
    assert not ChargerSetup.objects.exists()


def test_nothing_is_asked_before_the_boot_and_a_charger_that_never_boots_is_woken_later(
    talker: Talker,
) -> None:
    talker.connect(boot=False)
    talker.settle()
    assert commissioning.wake() == 0
    assert talker.heard == []
    later(seconds=31)
    assert commissioning.wake() == 1
    talker.settle()
    assert talker.charger.commissionings.get().state == "done"
    messages = [p["requestedMessage"] for a, p in talker.heard if a == "TriggerMessage"]
    assert messages == ["BootNotification", "StatusNotification"]


def test_a_charger_without_remote_trigger_is_not_asked_for_messages(talker: Talker) -> None:
    talker.keys["SupportedFeatureProfiles"] = "Core , SmartCharging"
    set_up(talker)
    assert "TriggerMessage" not in [action for action, _ in talker.heard]


def test_a_second_boot_sets_nothing_up_again_but_new_firmware_does(talker: Talker) -> None:
    set_up(talker)
    heard = len(talker.heard)
    talker.connect()
    talker.settle()
    assert len(talker.heard) == heard
    talker.connect(firmware="2.0")
    talker.settle()
    run = Commissioning.objects.latest("pk")
    assert (run.reason, run.state) == ("firmware", "done")
    assert ChargerSetup.objects.get().firmware_version == "2.0"


# --- chargers with manners of their own -------------------------------------------------------------


def test_measurands_that_are_refused_are_dropped_one_by_one(talker: Talker) -> None:
    bad = {"Power.Offered", "SoC"}
    talker.refuse = lambda key, value: (
        "Rejected" if key == MEASURANDS and bad & set(value.split(",")) else ""
    )
    run = set_up(talker)
    assert talker.keys[MEASURANDS] == f"{ENERGY},Power.Active.Import,Current.Import,Voltage"
    assert [status for _, status in steps(run, MEASURANDS)] == [
        "refused",  # the whole list
        "done",  # the register alone
        "done",
        "refused",  # Power.Offered
        "done",
        "done",
        "refused",  # SoC
    ]
    assert ChargerSetup.objects.get().refused_measurands == ["Power.Offered", "SoC"]
    assert selectors.drifting(Charger.objects.all()) == []
    # What it does not take is not asked again by putting right.
    talker.keys["ConnectionTimeOut"] = "5"
    configuration.read(talker.charger, [], by="test")
    talker.settle()
    before = len(talker.sets())
    setups.put_right(talker.charger, actor=SYSTEM)
    talker.settle()
    assert talker.sets()[before:] == [("ConnectionTimeOut", "120")]


def test_a_charger_that_takes_no_list_of_measurands_keeps_its_own(talker: Talker) -> None:
    talker.refuse = lambda key, value: "Rejected" if key == MEASURANDS else ""
    run = set_up(talker)
    assert run.state == "done"
    assert [value for value, _ in steps(run, MEASURANDS)] == [ALL, ENERGY]
    assert ChargerSetup.objects.get().refused == {MEASURANDS.lower(): "Rejected"}
    (setting,) = [s for s in settings_of(talker) if s.key == MEASURANDS]
    assert setting.state == "refused"


def test_a_charger_that_says_yes_and_keeps_a_part_is_seen_through(talker: Talker) -> None:
    def change(payload: dict[str, Any]) -> dict[str, str]:
        value = f"{ENERGY},Voltage" if payload["key"] == MEASURANDS else payload["value"]
        talker.keys[payload["key"]] = value
        return {"status": "Accepted"}

    talker.answers["ChangeConfiguration"] = change
    set_up(talker)
    left_out = ["Power.Active.Import", "Power.Offered", "Current.Import", "SoC"]
    assert ChargerSetup.objects.get().refused_measurands == left_out
    assert selectors.drifting(Charger.objects.all()) == []


def test_a_charger_that_restarts_over_a_key_is_not_asked_for_it_again(talker: Talker) -> None:
    def change(payload: dict[str, Any]) -> Any:
        if payload["key"] == MEASURANDS:
            return Gone
        talker.keys[payload["key"]] = payload["value"]
        return {"status": "Accepted"}

    talker.answers["ChangeConfiguration"] = change
    talker.connect()
    talker.settle()
    run = talker.charger.commissionings.get()
    assert run.state == "waiting"
    talker.connect()
    talker.settle()
    run.refresh_from_db()
    assert (run.state, run.restarts) == ("done", 1)
    assert steps(run, MEASURANDS) == [(ALL, "restarted")]
    # The rest was done, and neither new runs nor new boots ask for it again.
    assert talker.keys["LocalPreAuthorize"] == "false"
    setups.again(talker.charger, actor=SYSTEM)
    talker.settle()
    assert len(talker.sets(MEASURANDS)) == 1
    assert steps(Commissioning.objects.latest("pk"), MEASURANDS) == [(ALL, "avoided")]
    # A person may insist; other firmware is another charger.
    talker.answers.clear()
    setups.again(talker.charger, force=True, actor=SYSTEM)
    talker.settle()
    assert talker.keys[MEASURANDS] == ALL


def test_a_charger_that_restarts_twice_is_left_alone(talker: Talker) -> None:
    talker.answers["ChangeConfiguration"] = lambda payload: Gone
    for _ in range(4):
        talker.connect()
        talker.settle()
    run = talker.charger.commissionings.get()
    assert (run.state, run.trouble, run.restarts) == ("stopped", "restarts", 2)
    assert len(talker.sets()) == 2
    assert not run.steps.filter(status__in=("waiting", "sent")).exists()
    assert Fact.objects.get(kind="charger_commissioned").data["status"] == "stopped"


def test_a_line_that_is_lost_without_a_restart_goes_on_where_it_was(talker: Talker) -> None:
    lost: list[str] = []

    def change(payload: dict[str, Any]) -> Any:
        if payload["key"] == "ConnectionTimeOut" and not lost:
            lost.append("once")
            return Gone
        talker.keys[payload["key"]] = payload["value"]
        return {"status": "Accepted"}

    talker.answers["ChangeConfiguration"] = change
    talker.connect()
    talker.settle()
    talker.connect(boot=False)
    talker.settle()
    assert talker.charger.commissionings.get().state == "waiting"
    later(seconds=31)
    commissioning.wake()
    talker.settle()
    run = talker.charger.commissionings.get()
    assert (run.state, run.restarts) == ("done", 0)
    assert talker.sets("ConnectionTimeOut") == [("ConnectionTimeOut", "120")] * 2
    assert len(talker.sets("LocalPreAuthorize")) == 1


def test_a_charger_that_goes_away_before_an_order_is_sent_is_gone_on_with(talker: Talker) -> None:
    talker.connect()
    for _ in range(4):
        step_once(talker)
    talker.disconnect()
    talker.settle()
    run = talker.charger.commissionings.get()
    assert run.state == "waiting"
    talker.connect()
    talker.settle()
    run.refresh_from_db()
    assert (run.state, run.restarts) == ("done", 0)
    assert not run.steps.filter(status__in=("waiting", "sent")).exists()


def test_a_charger_that_will_not_tell_all_is_asked_key_by_key(talker: Talker) -> None:
    def configuration(payload: dict[str, Any]) -> Any:
        return talker.configuration(payload) if payload.get("key") else ("InternalError", "too big")

    talker.answers["GetConfiguration"] = configuration
    run = set_up(talker)
    assert run.state == "done"
    first = run.steps.order_by("pk").first()
    assert first is not None
    assert (first.status, first.said) == ("refused", "InternalError: too big")
    asked = [p["key"] for a, p in talker.heard if a == "GetConfiguration" and p]
    assert all(len(keys) == 1 for keys in asked)
    assert ["SupportedFeatureProfiles"] in asked
    assert talker.keys["LocalPreAuthorize"] == "false"
    assert talker.keys[MEASURANDS] == ALL
    assert ConfigurationKey.objects.filter(charger=talker.charger).count() == 14


def test_keys_that_it_does_not_have_are_asked_by_name_then_left_out(talker: Talker) -> None:
    del talker.keys["LocalPreAuthorize"], talker.keys["StopTxnSampledData"]
    run = set_up(talker)
    assert steps(run, "LocalPreAuthorize") == [("false", "absent")]
    assert ("GetConfiguration", {"key": ["LocalPreAuthorize"]}) in talker.heard
    assert not talker.sets("LocalPreAuthorize")
    (setting,) = [s for s in settings_of(talker) if s.key == "LocalPreAuthorize"]
    assert (setting.value, setting.state) == (None, "absent")


def test_a_charger_that_tells_nothing_may_still_take_what_is_wanted(talker: Talker) -> None:
    talker.answers["GetConfiguration"] = lambda payload: ("NotImplemented", "")
    run = set_up(talker)
    assert run.state == "done"
    assert talker.keys["LocalPreAuthorize"] == "false"


def test_values_that_are_no_text_and_keys_in_any_case_are_understood(talker: Talker) -> None:
    rows: list[Any] = [
        {"key": "heartbeatinterval", "readonly": False, "value": 60},
        {"key": "LOCALPREAUTHORIZE", "readonly": "false", "value": False},
        {"key": "ConnectionTimeOut", "readonly": 0, "value": 120.0},
        {"key": MEASURANDS, "readonly": False, "value": f'"{ENERGY}", Voltage'},
        {"key": "Nothing", "readonly": True, "value": None},
        {"key": "Deep", "readonly": False, "value": {"a": ["\x00"]}},
        {"key": None, "value": "x"},
        {"readonly": True},
        "rubbish",
        None,
    ]
    talker.answers["GetConfiguration"] = lambda payload: (
        {"configurationKey": [], "unknownKey": payload["key"]}
        if payload.get("key")
        else {"configurationKey": rows, "unknownKey": None}
    )
    run = set_up(talker)
    assert run.state == "done"
    kept = dict(ConfigurationKey.objects.values_list("key", "value"))
    assert kept["heartbeatinterval"] == "60"
    assert kept["ConnectionTimeOut"] == "120"
    assert steps(run, "LOCALPREAUTHORIZE") == [("false", "already")]
    assert "HeartbeatInterval" not in [key for key, _ in talker.sets()]
    assert (MEASURANDS, ALL) in talker.sets()


def test_a_silent_charger_is_let_be_after_three_questions(talker: Talker) -> None:
    talker.answers = dict.fromkeys(
        ("GetConfiguration", "ChangeConfiguration", "TriggerMessage"), lambda payload: None
    )
    run = set_up(talker)
    assert (run.state, run.trouble) == ("stopped", "silent")
    assert len(talker.heard) == 3
    assert ChargerSetup.objects.get().commissioned_at is None


def test_read_only_and_restart_needed_are_shown_and_nothing_restarts_by_itself(
    talker: Talker,
) -> None:
    talker.readonly = {"WebSocketPingInterval"}
    talker.refuse = lambda key, value: "RebootRequired" if key == "ConnectionTimeOut" else ""
    run = set_up(talker)
    assert steps(run, "WebSocketPingInterval") == [("60", "readonly")]
    assert steps(run, "ConnectionTimeOut") == [("120", "restart")]
    assert "Reset" not in [action for action, _ in talker.heard]
    assert ChargerSetup.objects.get().restart_needed_at is not None
    # After the restart the settings are read again by the next sweep.
    setups.restart(talker.charger, actor=SYSTEM)
    talker.settle()
    assert ("Reset", {"type": "Soft"}) in talker.heard
    talker.keys["ConnectionTimeOut"] = "120"
    talker.connect()
    talker.settle()
    assert ChargerSetup.objects.get().restart_needed_at is None
    later(minutes=11)
    assert configuration.read_due() == 1
    talker.settle()
    assert selectors.drifting(Charger.objects.all()) == []


def test_the_password_is_stored_and_shown_nowhere(talker: Talker) -> None:
    talker.keys |= {"AuthorizationKey": "very-secret-1234", "WifiPassword": "very-secret-5678"}
    set_up(talker)
    assert ConfigurationKey.objects.get(key="AuthorizationKey").value is None
    everything = [
        *Command.objects.values_list("response", flat=True),
        *ConfigurationKey.objects.values_list("value", flat=True),
        *CommissioningStep.objects.values_list("said", flat=True),
        *ConfigurationChange.objects.values_list("new", flat=True),
    ]
    assert "very-secret" not in str(everything)


def test_what_a_model_cannot_do_without_is_wanted_whatever_the_template_says() -> None:
    charger = a_new_charger()
    Charger.objects.filter(pk=charger.pk).update(vendor="Phoenix Contact", model="CHARX SEC-3100")
    charger.refresh_from_db()
    wanted = selectors.wanted_of(charger, None)
    assert wanted["AuthorizeRemoteTxRequests"] == "false"
    assert wanted["ClockAlignedDataInterval"] == "900"  # the rest as for everybody


def test_a_model_that_restarts_over_measurands_is_never_asked_for_them(talker: Talker) -> None:
    Charger.objects.filter(pk=talker.charger.pk).update(quirks={"no_configuration_probe": True})
    assert steps(set_up(talker), MEASURANDS) == [(ALL, "avoided")]
