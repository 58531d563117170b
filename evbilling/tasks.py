"""Housekeeping jobs. Each is a sweep: harmless when run twice or late."""

import logging
from datetime import timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from billing.services import payments, proving, refunds
from core.models import Fact
from evbilling import health
from stations.services import (
    certificates,
    configuration,
    frame_months,
    local_lists,
    security_events,
    transfer_door,
)

log = logging.getLogger(__name__)
FACT_DAYS = 180
SIGN_IN_DAYS = 90


@shared_task
def make_frame_partitions() -> None:
    """Keep the frame log's partitions some months ahead."""
    frame_months.keep_ahead()


@shared_task
def drop_old_frames() -> None:
    """Drop whole months of frames that are older than FRAME_LOG_DAYS."""
    dropped = frame_months.drop_before(timezone.now() - timedelta(days=settings.FRAME_LOG_DAYS))
    if dropped:
        log.info("old frames dropped", extra={"partitions": dropped})


@shared_task
def remove_old_files() -> None:
    """Delete what chargers have sent after UPLOAD_KEEP_DAYS, and what is left of lost uploads."""
    transfer_door.close_lost()
    if removed := transfer_door.remove_old():
        log.info("old uploads removed", extra={"files": removed})


@shared_task
def prove_ledger() -> None:
    """Prove the ledger; what does not add up is an error in the log and a number on /metrics."""
    proof = proving.prove()
    cache.set(health.LEDGER_WRONG, sum(proof.wrong.values()), timeout=None)
    if not proof.sound:
        log.error("the ledger does not prove out", extra={"wrong": proof.wrong})


@shared_task
def look_at_payment(payment_id: int) -> None:
    """Ask the gateway how one payment stands: a webhook came, or its time has."""
    payments.look(payment_id)


@shared_task
def pay_refund(refund_id: int) -> None:
    """Have the gateway pay one refund, or see whether it has."""
    refunds.run(refund_id)


@shared_task
def look_at_payments() -> None:
    """Hand out every look, capture, release and refund that is due; each is claimed once."""
    payments.expire_due()
    for payment_id in payments.look_due():
        look_at_payment.delay(payment_id)
    for refund_id in refunds.run_due():
        pay_refund.delay(refund_id)


@shared_task
def drop_old_facts() -> None:
    """Facts are a timeline, not an archive: sessions, bills and the ledger stay."""
    limit = timezone.now() - timedelta(days=FACT_DAYS)
    Fact.objects.filter(at__lt=limit).exclude(deliveries__due__isnull=False).delete()


@shared_task
def look_at_card_lists() -> None:
    """Cards expire and money is spent without anybody changing a card."""
    local_lists.look_again()


@shared_task
def drop_old_sign_ins() -> None:
    limit = timezone.now() - timedelta(days=SIGN_IN_DAYS)
    for model in (AccessAttempt, AccessLog, AccessFailureLog):
        model.objects.filter(attempt_time__lt=limit).delete()


@shared_task
def renew_certificates() -> None:
    """Have chargers ask for a new certificate 30 days before theirs ends."""
    if asked := certificates.renew_expiring():
        log.info("chargers asked to renew their certificate", extra={"chargers": asked})


@shared_task
def drop_old_security_events() -> None:
    if dropped := security_events.drop_before(settings.SECURITY_EVENT_DAYS):
        log.info("old security events dropped", extra={"events": dropped})


def read_configurations() -> None:
    """Read chargers' settings again, each once a day, a few at a time."""
    if asked := configuration.read_due():
        log.info("configurations asked for", extra={"chargers": asked})
