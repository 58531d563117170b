"""What is done in the background so that nothing grows for ever and nothing goes wrong unseen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessLog
from django.db import connection
from django.utils import timezone

from billing.services import ledger
from core.models import Delivery, Fact
from evbilling import health, retention, tasks
from evbilling.celery import PERIODIC
from stations.services import frame_months

pytestmark = pytest.mark.django_db


def test_frames_have_a_table_for_each_month_to_come_and_old_months_go_whole(settings: Any) -> None:
    settings.FRAME_LOG_DAYS = 30
    before = frame_months.names()
    month = f"stations_frame_{timezone.now():%Y%m}"
    assert month in before
    tasks.make_frame_partitions()
    assert frame_months.names() == before

    with time_machine.travel(datetime(2031, 5, 20, tzinfo=UTC), tick=False):
        tasks.drop_old_frames()
    assert month not in frame_months.names()
    assert "stations_frame_default" in frame_months.names()


def test_frames_that_came_before_their_month_was_made_move_into_it() -> None:
    month = f"stations_frame_{timezone.now():%Y%m}"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE "{month}"')
        cursor.execute(
            "INSERT INTO stations_frame (at, charger_id, direction, kind, action, message_id, payload)"
            " VALUES (now(), 1, 'in', 'call', 'Heartbeat', '1', '{}')"
        )
        frame_months.keep_ahead()
        cursor.execute("SELECT tableoid::regclass::text, id FROM stations_frame")
        assert [(table, number > 0) for table, number in cursor.fetchall()] == [(month, True)]


def test_the_month_that_is_not_wholly_too_old_stays(settings: Any) -> None:
    settings.FRAME_LOG_DAYS = 30
    now = timezone.now()
    with time_machine.travel(now + timedelta(days=29), tick=False):
        tasks.drop_old_frames()
    assert f"stations_frame_{now:%Y%m}" in frame_months.names()


def test_a_ledger_that_does_not_prove_out_is_said_in_the_log_and_in_the_numbers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.prove_ledger()
    assert b"evbilling_ledger_wrong 0.0" in health.metrics()
    assert not caplog.records
    monkeypatch.setattr(ledger, "prove", lambda: {"balances_off": 2, "held_off": 0})
    tasks.prove_ledger()
    assert b"evbilling_ledger_wrong 2.0" in health.metrics()
    assert "does not prove out" in caplog.text


def test_old_facts_go_but_never_one_that_still_has_to_be_delivered() -> None:
    long_ago = timezone.now() - timedelta(days=retention.days("facts") + 1)
    done, waiting = (
        Fact.objects.create(kind="session_ended", subject_id=n, at=long_ago) for n in (1, 2)
    )
    fresh = Fact.objects.create(kind="session_ended", subject_id=3)
    Delivery.objects.create(fact=done, handler="x", due=None, done_at=long_ago)
    Delivery.objects.create(fact=waiting, handler="x", due=long_ago)
    tasks.drop_old_facts()
    assert set(Fact.objects.all()) == {waiting, fresh}


def test_records_of_sign_ins_are_kept_for_ninety_days() -> None:
    for days in (1, 91):
        row = AccessLog.objects.create(username="u", path_info="/")
        AccessLog.objects.filter(pk=row.pk).update(
            attempt_time=timezone.now() - timedelta(days=days)
        )
    tasks.drop_old_sign_ins()
    assert AccessLog.objects.count() == 1


def test_everything_in_the_timetable_exists() -> None:
    for _title, task, every in PERIODIC:
        assert callable(getattr(tasks, task.rpartition(".")[2]))
        assert every > 0
