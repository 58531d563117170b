"""Whose time counts: the charger's within a guard, else ours."""

from datetime import UTC, datetime, timedelta

import pytest

from stations.clock import Clock, believe, parse

NOW = datetime(2026, 11, 20, 14, 0, 0, tzinfo=UTC)
CONNECTED = NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T14:00:00Z", NOW),
        ("2026-11-20T21:00:00+07:00", NOW),
        ("2026-11-20T14:00:00.123456789Z", NOW.replace(microsecond=123456)),
        ("2026-11-20t14:00:00z", NOW),
        (" 2026-11-20T14:00:00.5Z ", NOW.replace(microsecond=500000)),
    ],
)
def test_the_ways_chargers_write_a_time(text: str, expected: datetime) -> None:
    assert parse(text) == (expected, True)


def test_a_time_without_zone_is_taken_as_utc_and_marked() -> None:
    claim = believe("2026-11-20T14:00:01", NOW, CONNECTED)
    assert (claim.at, claim.clock) == (NOW + timedelta(seconds=1), Clock.NO_ZONE)


@pytest.mark.parametrize(
    "text",
    [
        "1970-01-01T00:00:12Z",
        "2099-01-01T00:00:00Z",
        "2026-11-20T21:00:00Z",  # local time labelled Z: seven hours ahead
        "2026-10-01T00:00:00Z",  # seven weeks back
        "yesterday",
        "",
        None,
    ],
)
def test_an_impossible_time_gets_our_receipt_time(text: str | None) -> None:
    claim = believe(text, NOW, CONNECTED)
    assert (claim.at, claim.clock) == (NOW, Clock.RECEIPT)


def test_a_message_from_before_this_connection_is_believed() -> None:
    hours_back = "2026-11-20T09:30:00Z"
    assert believe(hours_back, NOW, CONNECTED).at == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def test_a_message_that_claims_to_be_late_though_we_were_connected_is_not() -> None:
    half_an_hour_back = "2026-11-20T13:30:00Z"
    assert believe(half_an_hour_back, NOW, CONNECTED).clock is Clock.RECEIPT


def test_what_the_charger_said_is_kept_beside_what_we_believe() -> None:
    claim = believe("1970-01-01T00:00:12Z", NOW, CONNECTED)
    assert claim.device_at == datetime(1970, 1, 1, 0, 0, 12, tzinfo=UTC)
