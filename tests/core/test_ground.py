"""The small things everything stands on: leases, Thai order, many rows at once, errors."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone, translation

from core import leases, outbox
from core.bulk import update_rows
from core.errors import DomainError
from core.thai import sort_key
from tests.factories import a_charger
from users.models import Company


@pytest.mark.django_db
def test_one_holder_at_a_time_and_the_epoch_grows_at_a_take_over() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = leases.take("bus", "a")
        assert first is not None
        assert leases.take("bus", "b") is None
        clock.shift(timedelta(seconds=10))
        renewed = leases.take("bus", "a")
        assert renewed is not None
        assert renewed.epoch == first.epoch
        clock.shift(leases.TERM + timedelta(seconds=1))
        second = leases.take("bus", "b")
        assert second is not None
        assert second.epoch == first.epoch + 1
        assert leases.is_current("bus", second.epoch)
        assert not leases.is_current("bus", first.epoch)


@pytest.mark.django_db
def test_a_lease_given_back_is_free_at_once() -> None:
    held = leases.take("bus", "a")
    assert held is not None
    leases.release(held)
    assert leases.take("bus", "b") is not None


@pytest.mark.django_db
def test_a_holder_gives_up_before_its_lease_runs_out() -> None:
    held = leases.take("bus", "a")
    assert held is not None
    assert held.taken_at + held.term > held.give_up_at > held.taken_at


@pytest.mark.parametrize(
    "words",
    [
        [
            "กา",
            "เก",
            "ไก่",
            "ขา",
            "เข้า",
            "คน",
            "แดง",
            "ต้น",
            "นก",
            "เบียร์",
            "ปลา",
            "ผึ้ง",
            "แม่",
            "โรงแรม",
            "เหล้า",
            "อาหาร",
        ],
        ["Allan", "bob", "Spencer", "ก", "ฮ"],
        ["ขาน", "ข่าน", "ข้าน"],
    ],
)
def test_thai_words_come_in_the_order_of_a_dictionary(words: list[str]) -> None:
    assert sorted(set(words), key=sort_key) == words


@pytest.mark.django_db
def test_many_rows_change_by_two_statements(django_assert_num_queries: object) -> None:
    rows = [a_charger().pk for _ in range(3)]
    columns = (("id", "bigint"), ("place", "text"))
    with django_assert_num_queries(2):  # type: ignore[operator]
        update_rows("stations_charger", columns, [(pk, f"bay {pk}") for pk in rows])
        update_rows("stations_charger", columns, [])


@pytest.mark.django_db
def test_a_company_sorts_by_its_thai_name_where_it_has_one() -> None:
    for name, thai in (("A", "เขียว"), ("B", "กลุ่ม"), ("C", "ไทย")):
        Company.objects.create(name=name, name_th=thai, slug=name.lower())
    assert [c.name for c in Company.objects.order_by("sort_key")] == ["B", "A", "C"]


def test_a_fact_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="inside the transaction"):
        outbox.publish("session_ended", 7)


def test_an_error_says_its_sentence_in_the_language_of_who_reads_it() -> None:
    error = DomainError("Choose between %(least)s and %(most)s kWh.", field="wh", least=1, most=60)
    with translation.override("en"):
        assert str(error) == "Choose between 1 and 60 kWh."
        assert error.fields == {"wh": ["Choose between 1 and 60 kWh."]}
