"""Charging profiles: which one holds, and when that changes."""

import math
from typing import Any

import pytest

from simulators.profiles import Limit, Profile, Profiles, tighter

pytestmark = pytest.mark.pure

DAY = 86_400.0


def profile(
    number: int = 1,
    connector: int = 1,
    purpose: str = "TxDefaultProfile",
    level: int = 0,
    limits: list[tuple[float, float]] | None = None,
    schedule: dict[str, Any] | None = None,
    **fields: Any,
) -> Profile:
    payload = {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": start, "limit": limit} for start, limit in limits or [(0, 16.0)]
            ],
            **(schedule or {}),
        },
        **fields,
    }
    return Profile.parse(connector, payload, now=0.0)


def installed(*profiles: Profile) -> Profiles:
    store = Profiles()
    for one in profiles:
        store.install(one)
    return store


def amps(limit: Limit | None) -> float | None:
    return None if limit is None else limit.value


def test_a_transactions_profile_comes_before_the_default_and_that_before_the_stations() -> None:
    store = installed(
        profile(1, 0, limits=[(0, 10.0)]),
        profile(2, 1, limits=[(0, 12.0)]),
        profile(3, 1, "TxProfile", limits=[(0, 20.0)]),
    )
    assert amps(store.connector_limit(1, 100, 0.0, 5)) == 20.0
    assert amps(store.connector_limit(2, 100, 0.0, 5)) == 10.0
    store.clear(purpose="TxProfile")
    assert amps(store.connector_limit(1, 100, 0.0, 5)) == 12.0


def test_the_higher_stack_level_wins_while_it_has_something_to_say() -> None:
    store = installed(
        profile(1, level=0, limits=[(0, 10.0)]),
        profile(2, level=3, limits=[(0, 6.0)], schedule={"duration": 60}),
    )
    assert amps(store.connector_limit(1, 59, 0.0, None)) == 6.0
    assert amps(store.connector_limit(1, 60, 0.0, None)) == 10.0


def test_a_profile_of_another_transaction_does_not_count() -> None:
    store = installed(profile(1, 1, "TxProfile", transactionId=7))
    assert store.connector_limit(1, 10, 0.0, 8) is None
    assert amps(store.connector_limit(1, 10, 0.0, 7)) == 16.0


def test_a_daily_schedule_comes_back_every_day() -> None:
    daily = profile(
        limits=[(0, 32.0), (9 * 3600, 8.0), (22 * 3600, 32.0)],
        schedule={"startSchedule": "1970-01-01T00:00:00Z"},
        chargingProfileKind="Recurring",
        recurrencyKind="Daily",
    )
    store = installed(daily)
    at = [5 * DAY + hour * 3600 for hour in (8, 9, 21.99, 22)]
    assert [amps(store.connector_limit(1, t, None, None)) for t in at] == [32.0, 8.0, 8.0, 32.0]
    assert store.next_edge(5 * DAY + 8 * 3600, []) == 5 * DAY + 9 * 3600


def test_validity_bounds_a_profile() -> None:
    store = installed(profile(validFrom="1970-01-01T00:01:00Z", validTo="1970-01-01T00:02:00Z"))
    assert [store.connector_limit(1, t, 0.0, None) is None for t in (59, 60, 119, 120)] == [
        True,
        False,
        False,
        True,
    ]
    assert store.next_edge(0, [0.0]) == 60


def test_no_profile_means_no_limit_and_no_edge() -> None:
    store = Profiles()
    assert store.connector_limit(1, 0, 0.0, 1) is None
    assert store.station_limit(0) is None
    assert store.next_edge(0, [0.0]) == math.inf


def test_the_same_place_in_the_stack_is_replaced() -> None:
    store = installed(profile(1, limits=[(0, 10.0)]), profile(2, limits=[(0, 8.0)]))
    assert [p.id for p in store.installed] == [2]


def test_watts_and_amperes_compare_at_the_supplys_phases() -> None:
    assert tighter(Limit(4_000, "W"), Limit(6, "A"), phases=3) == Limit(4_000, "W")
    assert tighter(Limit(4_000, "W"), Limit(6, "A", phases=1), phases=3) == Limit(6, "A", 1)
    assert tighter(None, Limit(6, "A"), phases=3) == Limit(6, "A")


def test_a_schedule_without_period_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a period"):
        profile(schedule={"chargingSchedulePeriod": []})
