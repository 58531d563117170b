"""Housekeeping jobs. Each is a sweep: harmless when run twice or late."""

import logging
from datetime import timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from billing.services import ledger
from core.models import Fact
from evbilling import health

log = logging.getLogger(__name__)
MONTHS_AHEAD = 3
FACT_DAYS = 180
SIGN_IN_DAYS = 90


@shared_task
def make_frame_partitions() -> None:
    """Keep the frame log's partitions three months ahead."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT stations_frame_partitions(%s)", [MONTHS_AHEAD])


@shared_task
def drop_old_frames() -> None:
    """Drop whole months of frames that are older than FRAME_LOG_DAYS."""
    oldest = timezone.now() - timedelta(days=settings.FRAME_LOG_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'stations_frame'::regclass"
        )
        for (name,) in cursor.fetchall():
            month = name.rsplit("_", 1)[-1]
            # A partition goes when the month after it lies wholly before the limit.
            if month.isdigit() and month < (oldest - timedelta(days=1)).strftime("%Y%m"):
                cursor.execute(f"DROP TABLE {name}")
                log.info("frame partition dropped", extra={"partition": name})
        cursor.execute("DELETE FROM stations_frame_default WHERE at < %s", [oldest])


@shared_task
def prove_ledger() -> None:
    """Prove the ledger; what does not add up is an error in the log and a number on /metrics."""
    wrong = {name: count for name, count in ledger.prove().items() if count}
    cache.set(health.LEDGER_WRONG, sum(wrong.values()), timeout=None)
    if wrong:
        log.error("the ledger does not prove out", extra={"wrong": wrong})


@shared_task
def drop_old_facts() -> None:
    """Facts are a timeline, not an archive: sessions, bills and the ledger stay."""
    limit = timezone.now() - timedelta(days=FACT_DAYS)
    Fact.objects.filter(at__lt=limit).exclude(deliveries__due__isnull=False).delete()


@shared_task
def drop_old_sign_ins() -> None:
    limit = timezone.now() - timedelta(days=SIGN_IN_DAYS)
    for model in (AccessAttempt, AccessLog, AccessFailureLog):
        model.objects.filter(attempt_time__lt=limit).delete()
