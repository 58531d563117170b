"""Facts: written with the change, delivered exactly once in effect."""

from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.db import OperationalError, transaction
from django.utils import timezone

from core import audit, outbox
from core.models import AuditEntry, Delivery, Fact

pytestmark = pytest.mark.django_db
HERE = "tests.core.test_outbox"
fails = False


def leave_a_mark(fact: Fact) -> None:
    """A handler whose effect can be counted."""
    audit.record(audit.SYSTEM, "mark", f"fact:{fact.subject_id}")
    if fails:
        raise RuntimeError("half way")


def another(fact: Fact) -> None:
    audit.record(audit.SYSTEM, "another", f"fact:{fact.subject_id}")


@pytest.fixture(autouse=True)
def wiring() -> Iterator[None]:
    before = dict(outbox._handlers)
    outbox.wire({"thing": [f"{HERE}.leave_a_mark", f"{HERE}.another"], "nudge": []})
    yield
    outbox.wire(before)


@pytest.fixture
def broken() -> Iterator[None]:
    with mock.patch(f"{HERE}.fails", True):
        yield


def drain() -> None:
    while outbox.deliver_one():
        pass


def marks(action: str = "mark") -> int:
    return AuditEntry.objects.filter(action=action).count()


def test_a_fact_wakes_each_of_its_handlers_once() -> None:
    outbox.publish("thing", 7, company_id=1)
    drain()
    drain()
    assert (marks(), marks("another")) == (1, 1)
    assert not Delivery.objects.filter(due__isnull=False).exists()


def test_a_fact_of_a_rolled_back_change_never_was() -> None:
    class Changed(Exception):
        pass

    def change() -> None:
        with transaction.atomic():
            outbox.publish("thing", 7)
            raise Changed

    with pytest.raises(Changed):
        change()
    assert not Fact.objects.exists()


def test_a_kind_that_nobody_wired_is_said_at_once() -> None:
    with pytest.raises(KeyError):
        outbox.publish("typo", 7)


@pytest.mark.usefixtures("broken")
def test_a_handler_that_fails_leaves_no_half_effect_and_is_tried_later() -> None:
    outbox.publish("thing", 7)
    drain()
    assert (marks(), marks("another")) == (0, 1)
    waiting = Delivery.objects.get(due__isnull=False)
    assert (waiting.attempts, waiting.error) == (1, "RuntimeError: half way")
    assert waiting.due is not None
    assert waiting.due > timezone.now()


def test_after_eight_failures_it_waits_for_a_person_who_can_try_again() -> None:
    with (
        mock.patch(f"{HERE}.fails", True),
        time_machine.travel(timezone.now(), tick=False) as clock,
    ):
        outbox.publish("thing", 7)
        for _ in range(12):
            drain()
            clock.shift(timedelta(minutes=10))
        waiting = Delivery.objects.get(due__isnull=False)
        assert waiting.attempts == Delivery.ALARM_AFTER
        assert waiting.alarming
        assert outbox.next_due() is None
    outbox.retry(waiting)
    drain()
    assert marks() == 1


def test_a_promise_is_kept_when_its_time_has_come_and_not_before() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        outbox.publish("thing", 7, due=timezone.now() + timedelta(minutes=5))
        drain()
        assert marks() == 0
        clock.shift(timedelta(minutes=5, seconds=1))
        drain()
        assert marks() == 1


def test_a_database_that_goes_away_is_nobodys_failure() -> None:
    outbox.publish("thing", 7)
    with (
        mock.patch(f"{HERE}.leave_a_mark", side_effect=OperationalError("gone")),
        pytest.raises(OperationalError),
    ):
        outbox.deliver_one()
    assert Delivery.objects.filter(attempts=0, due__isnull=False).count() == 2


def test_many_facts_are_written_by_a_handful_of_statements(
    django_assert_max_num_queries: object,
) -> None:
    news = [outbox.News("thing", n, 1, f"charger:{n}", {"station": 1}) for n in range(100)]
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        outbox.publish_many(news)
    assert Delivery.objects.count() == 200


def test_facts_without_handlers_only_nudge() -> None:
    outbox.publish("nudge", 7)
    assert Fact.objects.count() == 1
    assert not Delivery.objects.exists()
