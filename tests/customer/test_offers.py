"""Whose prices are shown, and what changes them next."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.selectors import quotes
from tests.factories import a_station, a_tariff

pytestmark = pytest.mark.django_db


def test_a_stranger_sees_members_prices_because_members_charge_here() -> None:
    station = a_station()
    now = timezone.now()
    offer = quotes.public_offer(station, now)
    assert offer is not None
    assert (offer.level, offer.own) == ("member", False)
    a_tariff(station, "member", on_peak="7", off_peak="5")
    offer = quotes.public_offer(station, now)
    assert offer is not None
    assert offer.own


def test_a_station_for_vips_only_shows_their_prices() -> None:
    station = a_station(priced=False)
    assert quotes.public_offer(station, timezone.now()) is None
    a_tariff(station, "vip")
    offer = quotes.public_offer(station, timezone.now())
    assert offer is not None
    assert (offer.level, offer.own) == ("vip", True)


def test_a_new_price_list_is_the_next_change_but_not_for_a_charge_that_runs() -> None:
    station = a_station(priced=False)
    now = timezone.now()
    a_tariff(station, on_peak="7", off_peak="7")
    coming = now + timedelta(days=3)
    a_tariff(station, on_peak="9", off_peak="9", valid_from=coming)
    offer = quotes.offer(station, "guest", now)
    assert offer is not None
    assert offer.change is not None
    assert (offer.change.at, offer.change.per_kwh) == (coming, Decimal("9"))
    running = quotes.offer(station, "guest", coming + timedelta(hours=1), since=now)
    assert running is not None
    assert (running.now.per_kwh, running.change) == (Decimal("7"), None)
