"""Housekeeping jobs. Each is a sweep: harmless when run twice or late."""

import logging

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from celery import shared_task
from django.conf import settings
from django.core.cache import cache

from billing.services import payments, proving, refunds, statements
from core.models import Fact
from evbilling import health, retention, watching
from stations.services import (
    certificates,
    configuration,
    frame_months,
    local_lists,
    security_events,
    transfer_door,
    visits,
)
from users.messages import quota, sending
from users.services import codes, line_events, line_links, members

log = logging.getLogger(__name__)
MESSAGES_TURN, MESSAGES_TURN_S = "messages turn", 60


@shared_task
def make_frame_partitions() -> None:
    """Keep the frame log's partitions some months ahead."""
    frame_months.keep_ahead()


@shared_task
def drop_old_frames() -> None:
    """Drop whole months of frames that are older than FRAME_LOG_DAYS."""
    dropped = frame_months.drop_before(retention.limit("frames"))
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
    old = Fact.objects.filter(at__lt=retention.limit("facts"))
    old.exclude(deliveries__due__isnull=False).delete()


@shared_task
def look_at_card_lists() -> None:
    """Cards expire and money is spent without anybody changing a card."""
    local_lists.look_again()


@shared_task
def drop_old_sign_ins() -> None:
    for model in (AccessAttempt, AccessLog, AccessFailureLog):
        model.objects.filter(attempt_time__lt=retention.limit("sign_ins")).delete()


@shared_task
def send_code(pk: str) -> None:
    """Send the message of one code now."""
    codes.send(pk)


@shared_task
def send_due_codes() -> None:
    """Send what no ``send_code`` has sent: the queue may have been away."""
    codes.send_due()


@shared_task
def forget_members() -> None:
    """One-time codes, signed-out phones and visits after their time."""
    gone = {
        "codes": codes.forget_before(retention.limit("codes")),
        "phones": members.forget_phones_before(retention.limit("phones")),
        "visits": visits.forget_before(retention.limit("visits")),
    }
    if any(gone.values()):
        log.info("old traces of phones removed", extra={"rows": gone})


@shared_task
def renew_certificates() -> None:
    """Have chargers ask for a new certificate 30 days before theirs ends."""
    if asked := certificates.renew_expiring():
        log.info("chargers asked to renew their certificate", extra={"chargers": asked})


@shared_task
def send_messages() -> None:
    """See to what LINE told us, then send what is due. One at a time: a slow LINE holds up only itself."""
    if not cache.add(MESSAGES_TURN, 1, MESSAGES_TURN_S):
        return
    try:
        line_events.handle_due()
        sending.send_due()
    finally:
        cache.delete(MESSAGES_TURN)


@shared_task
def tell_of_running() -> None:
    """Nearly full, or the charger has a fault: for those who asked to be told."""
    watching.tell_of_running()


@shared_task
def read_line_quota() -> None:
    if settings.LINE_CHANNEL_ACCESS_TOKEN:
        quota.read()


@shared_task
def forget_line() -> None:
    """Guests' LINE accounts, used nonces and old events."""
    line_links.forget_old()
    line_events.forget_old()


@shared_task
def drop_old_security_events() -> None:
    if dropped := security_events.drop_before(retention.days("security_events")):
        log.info("old security events dropped", extra={"events": dropped})


@shared_task
def read_configurations() -> None:
    """Read chargers' settings again, each once a day, a few at a time."""
    if asked := configuration.read_due():
        log.info("configurations asked for", extra={"chargers": asked})


@shared_task
def make_statements() -> None:
    """Monthly bills of postpaid customers, and reminders of those that are due."""
    if made := statements.issue_due():
        log.info("monthly bills issued", extra={"statements": made})
    statements.remind_due()
