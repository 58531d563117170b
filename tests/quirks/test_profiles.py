"""Limits as charging profiles: never rounded up, legal in every way of saying them, surviving any crash."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import jsonschema_rs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations import devices, profiles
from stations.devices import Quirks
from stations.models import Command, CommandStatus, LimitState, PowerLimit
from stations.profiles import Limit, Purpose
from stations.services import limits
from tests.factories import a_charger, a_connector
from tests.inside.witness import schema

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
amounts = st.decimals(0, 400, places=3, allow_nan=False)
kinds = st.sampled_from([d.quirks for d in devices.catalogue().values()])


@pytest.mark.pure
@given(kinds, amounts, st.booleans(), st.booleans(), st.booleans(), st.sampled_from([0, 1, 3]))
def test_every_way_of_saying_a_limit_is_legal_and_never_more_than_wished(
    quirks: Quirks, amount: Decimal, in_amps: bool, whole: bool, charging: bool, phases: int
) -> None:
    until = NOW + timedelta(hours=1)
    limit = (
        Limit(amount, None, until, phases)
        if in_amps
        else Limit(None, int(amount * 100), until, phases)
    )
    found = profiles.ways(quirks, limit, whole=whole, charging=charging)
    assert len(found) == len(set(found)) > 1
    for way in found:
        payload = profiles.request(
            way, limit, connector=0 if whole else 1, now=NOW, transaction_id=77
        )
        schema("SetChargingProfile").validate(orjson.loads(orjson.dumps(payload)))
        said = payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0][
            "limit"
        ]
        assert Decimal(str(said)) * 10 % 1 == 0
        watts = Decimal(str(said)) * (profiles.VOLTS * (phases or 3) if way.unit == "A" else 1)
        wished = amount * profiles.VOLTS * (phases or 3) if in_amps else Decimal(int(amount * 100))
        assert watts <= wished
    assert isinstance(schema("SetChargingProfile"), jsonschema_rs.Draft4Validator)


@pytest.mark.pure
def test_amperes_told_in_watts_are_safe_for_a_car_on_one_phase() -> None:
    assert Limit(Decimal(10)).value("W") == 2_300
    assert Limit(Decimal(10), phases=3).value("W") == 6_900
    assert Limit(watts=11_000).value("A") == 15.9


@pytest.mark.pure
def test_a_relative_limit_ends_by_its_date_not_by_a_duration_that_counts_from_elsewhere() -> None:
    quirks = Quirks(profile_kind="Relative")
    limit = Limit(Decimal(16), None, NOW + timedelta(hours=1))
    way = profiles.ways(quirks, limit, whole=False, charging=True)[0]
    profile = profiles.request(way, limit, connector=1, now=NOW)["csChargingProfiles"]
    assert profile["validTo"] == "2026-11-20T10:00:00Z"
    assert "duration" not in profile["chargingSchedule"]
    assert "startSchedule" not in profile["chargingSchedule"]


@pytest.mark.pure
def test_a_running_charge_is_lowered_in_its_own_profile() -> None:
    for way in profiles.ways_for_charge(Quirks()):
        assert (way.purpose, way.kind, way.stack) == (Purpose.TX, "Relative", 0)


def told(row: PowerLimit) -> Command:
    found = Command.objects.filter(key__startswith=f"limit:{row.pk}:").order_by("-id").first()
    assert found is not None
    return found


def answer(row: PowerLimit, status: CommandStatus) -> PowerLimit:
    """The charger's answer to what it was told last, delivered."""
    command = told(row)
    Command.objects.filter(pk=command.pk).update(status=status)
    command.refresh_from_db()
    limits.on_outcome(command)
    row.refresh_from_db()
    return row


@pytest.mark.django_db
def test_a_charger_that_refuses_everything_is_known_to_and_a_person_hears_of_it() -> None:
    charger = a_charger(online=True)
    row = limits.wish(charger.connectors.get(), amps=Decimal(16))
    seen = set()
    while row.state == LimitState.TOLD:
        seen.add(orjson.dumps(told(row).payload["csChargingProfiles"]["chargingSchedule"]))
        row = answer(row, CommandStatus.REJECTED)
    assert row.state == LimitState.REFUSED
    assert len(seen) >= 3
    assert list(charger.findings.values_list("code", flat=True)) == ["limit_refused"]


@pytest.mark.django_db
def test_an_answer_to_an_older_wish_changes_nothing() -> None:
    charger = a_charger(online=True)
    plug = charger.connectors.get()
    row = limits.wish(plug, amps=Decimal(16))
    old = told(row)
    row = limits.wish(plug, amps=Decimal(10))
    old.status = CommandStatus.REJECTED
    limits.on_outcome(old)
    row.refresh_from_db()
    assert (row.amps, row.state, row.tried) == (Decimal(10), LimitState.TOLD, 0)
    assert answer(row, CommandStatus.ACCEPTED).state == LimitState.CONFIRMED


@pytest.mark.django_db
def test_a_limit_that_did_not_reach_its_charger_is_told_after_the_next_boot() -> None:
    charger = a_charger()
    row = limits.wish(charger.connectors.get(), watts=11_000)
    assert told(row).status == CommandStatus.OFFLINE
    row = answer(row, CommandStatus.OFFLINE)
    assert row.state == LimitState.UNREACHED
    limits.tell_after_boot([charger.pk])
    row.refresh_from_db()
    assert (row.state, row.wish) == (LimitState.TOLD, 2)


@pytest.mark.django_db
def test_a_lifted_limit_is_cleared_and_unknown_is_as_good_as_cleared() -> None:
    charger = a_charger(online=True)
    plug = charger.connectors.get()
    limits.wish(plug, amps=Decimal(16))
    row = limits.wish(plug)
    assert told(row).action == "ClearChargingProfile"
    assert answer(row, CommandStatus.REJECTED).state == LimitState.CONFIRMED
    limits.tell_after_boot([charger.pk])
    assert Command.objects.filter(key__startswith=f"limit:{row.pk}:").count() == 2


@pytest.mark.django_db
def test_a_limit_that_has_run_out_is_not_told_again() -> None:
    charger = a_charger(online=True)
    row = limits.wish(charger.connectors.get(), amps=Decimal(16), until=NOW - timedelta(days=1))
    answer(row, CommandStatus.ACCEPTED)
    limits.tell_after_boot([charger.pk])
    assert Command.objects.filter(key__startswith=f"limit:{row.pk}:").count() == 1


@pytest.mark.django_db
def test_a_model_that_knows_no_zero_is_told_six_amperes_where_its_file_says_so() -> None:
    charger = a_charger(online=True, quirks={"zero_limit": "6A"})
    row = limits.wish(charger.connectors.get(), amps=Decimal(0))
    period = told(row).payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][
        0
    ]
    assert period["limit"] == 6
    dc = a_charger(online=True, connectors=0)
    plug = a_connector(dc, kind="CCS2", max_power_w=60_000)
    assert limits.limit_of(limits.wish(plug, watts=30_000)).phases == 3
