"""What running charges cost so far, many at once: the same as one by one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from billing.selectors import running
from billing.selectors.costs import cost_so_far
from stations.models import Session, SessionLive
from tests.factories import (
    a_charger,
    a_company,
    a_customer,
    a_session,
    a_station,
    a_tariff,
)

pytestmark = pytest.mark.django_db
# Friday 20 November 2026, 22:30 in Bangkok: half an hour after On-Peak has ended.
AFTER_THE_BORDER = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def costs() -> dict[int, int]:
    found = Session.objects.select_related("station", "live").order_by("pk")
    return running.costs(running.with_tariff(found))


def one_by_one() -> dict[int, int]:
    found = {s.pk: cost_so_far(s) for s in Session.objects.select_related("station")}
    return {pk: cost.satang for pk, cost in found.items() if cost is not None}


def a_charge(station: Any, **fields: Any) -> Session:
    customer = a_customer(station.company, level=fields.pop("level", "member"))
    connector = a_charger(station).connectors.get()
    return a_session(connector, customer=customer, **fields)


def test_it_is_the_price_of_one_charge_over_every_kind_of_price_list() -> None:
    with time_machine.travel(AFTER_THE_BORDER, tick=False):
        company = a_company()
        tou = a_station(company)
        a_tariff(tou, "vip", on_peak="5.50", off_peak="4.25")
        by_time = a_station(company, priced=False)
        a_tariff(by_time, more=[{"part": "time", "period": "any", "price": "0.50"},
                                {"part": "start", "period": "any", "price": "10"}])  # fmt: skip
        now = AFTER_THE_BORDER
        for station, level in ((tou, "member"), (tou, "vip"), (by_time, "member")):
            a_charge(station, level=level, wh=9_871, started_at=now - timedelta(minutes=95))
            a_charge(station, level=level, wh=1_234, started_at=now - timedelta(minutes=11))
        assert costs() == one_by_one()
        assert len(set(costs().values())) == 6


def test_it_is_the_list_that_was_in_force_when_the_charge_began() -> None:
    with time_machine.travel(AFTER_THE_BORDER, tick=False):
        station = a_station(a_company())
        began = AFTER_THE_BORDER - timedelta(minutes=20)
        a_charge(station, wh=5_000, started_at=began)
        a_tariff(station, on_peak="99", off_peak="99", valid_from=began + timedelta(minutes=1))
        a_charge(station, wh=5_000, started_at=began + timedelta(minutes=2))
        assert list(costs().values()) == [3_000, 49_500]
        assert costs() == one_by_one()


def test_a_register_that_was_reset_is_read_in_full() -> None:
    with time_machine.travel(AFTER_THE_BORDER, tick=False):
        charge = a_charge(
            a_station(a_company()), wh=6_000, started_at=AFTER_THE_BORDER - timedelta(minutes=60)
        )
        SessionLive.objects.filter(pk=charge.pk).update(register_wh=17)
        assert costs() == one_by_one()


def test_what_goes_beyond_what_was_bought_costs_nothing() -> None:
    with time_machine.travel(AFTER_THE_BORDER, tick=False):
        station = a_station(a_company())
        a_charge(
            station,
            wh=10_050,
            chosen_wh=10_000,
            allowance_wh=10_000,
            started_at=AFTER_THE_BORDER - timedelta(minutes=20),
        )
        assert list(costs().values()) == [6_000]


def test_without_a_price_list_there_is_no_cost() -> None:
    charge = a_charge(a_station(a_company(), priced=False), wh=5_000)
    assert charge.pk not in costs()


def test_many_charges_take_three_queries(django_assert_num_queries: Any) -> None:
    with time_machine.travel(AFTER_THE_BORDER, tick=False):
        station = a_station(a_company())
        for _ in range(5):
            a_charge(station, wh=9_000, started_at=AFTER_THE_BORDER - timedelta(minutes=60))
        with django_assert_num_queries(4):  # the charges themselves, and three
            assert len(costs()) == 5
