"""Money that comes in: the row first, then the gateway is asked, and only a look is believed.

Asking happens outside of any transaction and one process at a time per payment (``alone``); what
was heard is applied in one transaction under the row's lock (``applying``). A webhook only makes
the look due. An answer that was lost is looked for by our key before anything is sent again.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from billing.models import (
    GatewayAccount,
    Payment,
    PaymentPurpose,
    PaymentState,
    WebhookEvent,
)
from billing.models.settlement import DoubtKind
from billing.payments.base import (
    Charge,
    ChargeStatus,
    Gateway,
    GatewayAway,
    GatewayError,
    Method,
    Notice,
    Order,
)
from billing.services import applying, gateways
from billing.services.alone import alone
from stations.models.charger import CODE_ALPHABET
from users.models import Company, Customer, TaxEntity

SENT_WITHIN = timedelta(seconds=20)  # a row nobody has sent by then is sent by the sweep
CLAIM_LASTS = timedelta(seconds=60)
LOOK_BACK = timedelta(minutes=5)  # clocks differ


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What is to be paid. ``amount`` in satang; ``prefix`` begins the reference people see.

    ``hold``: reserve on the card instead of taking; ``back_to``: our path the payer returns to.
    """

    company: Company
    purpose: PaymentPurpose
    method: Method
    gateway: str
    amount: int
    expires_at: datetime
    tax_entity: TaxEntity | None = None
    account: GatewayAccount | None = None
    customer: Customer | None = None
    source: str = ""
    hold: bool = False
    visitor: str = ""
    back_to: str = ""
    actor: str = ""
    note: str = ""
    prefix: str = ""


def open_payment(new: NewPayment) -> Payment:
    """The row and nothing else, in the caller's transaction. ``send`` it after commit."""
    now = timezone.now()
    made = Payment(
        company=new.company,
        tax_entity=new.tax_entity,
        account=new.account,
        customer=new.customer,
        gateway=new.gateway,
        method=new.method.value,
        source=new.source,
        purpose=new.purpose,
        amount=new.amount,
        hold=new.hold,
        visitor=new.visitor,
        back_to=new.back_to,
        actor=new.actor[:120],
        note=new.note[:300],
        created_at=now,
        expires_at=new.expires_at,
        look_at=new.expires_at if new.method == Method.CARD else now + SENT_WITHIN,
    )
    while True:
        made.reference = new_reference(new.prefix)
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError:
            if not Payment.objects.filter(reference=made.reference).exists():
                raise
            continue
        return made


def new_reference(prefix: str) -> str:
    """``SJ01-7KQ4MX``: what people read to each other, without letters that look alike."""
    start = "".join(c for c in prefix.upper() if c.isascii() and c.isalnum())[:10]
    tail = "".join(secrets.choice(CODE_ALPHABET) for _ in range(6))
    return f"{start}-{tail}" if start else tail


def send(payment: Payment, *, card_token: str = "") -> Payment:
    """Ask the gateway for the charge; call after commit, outside of any transaction.

    Refused → failed with the gateway's code. No answer → stays new and is looked for again.
    """
    with alone("payment", payment.pk) as mine:
        first = Payment.objects.filter(pk=payment.pk, looks=0, state=PaymentState.NEW)
        if mine and first.update(looks=1):
            _create(Payment.objects.get(pk=payment.pk), card_token)
    return Payment.objects.get(pk=payment.pk)


def look(payment_id: int) -> Payment:
    """Ask the gateway how the payment stands and apply it. Harmless when repeated or concurrent."""
    with alone("payment", payment_id) as mine:
        if mine:
            Payment.objects.filter(pk=payment_id).update(looks=F("looks") + 1)
            payment = Payment.objects.get(pk=payment_id)
            try:
                _look(payment, gateways.client(payment))
            except GatewayAway:
                applying.postpone(payment)
            except GatewayError as error:  # it knows nothing of this charge
                applying.doubt(payment, DoubtKind.KEY, code=error.code, message=error.message)
                applying.postpone(payment)
    return Payment.objects.get(pk=payment_id)


def take_notice(gateway: str, notice: Notice) -> Payment | None:
    """Keep a webhook once and make a look due now; commits. The payment, or None for a stranger's.

    The caller then enqueues ``evbilling.tasks.look_at_payment`` with its id.
    """
    payment = _meant(gateway, notice)
    with transaction.atomic():
        _event, fresh = WebhookEvent.objects.get_or_create(
            gateway=gateway,
            event_id=notice.event_id[:120],
            defaults={
                "kind": notice.kind[:60],
                "payment": payment,
                "ref": notice.ref[:120],
                "trusted": notice.trusted,
                "body": dict(notice.body),
            },
        )
        if payment is not None and fresh:
            now = timezone.now()
            waits = Q(look_at__isnull=True) | Q(look_at__gt=now)
            Payment.objects.filter(waits, pk=payment.pk).update(look_at=now)
    return payment


def cancel(payment: Payment) -> None:
    """Nobody is to pay this any more: it is expired at the gateway by the next look. In a transaction."""
    now = timezone.now()
    Payment.objects.filter(
        pk=payment.pk, state__in=[PaymentState.NEW, PaymentState.OPEN], expires_at__gt=now
    ).update(expires_at=now, look_at=now)


def capture(payment: Payment, satang: int) -> None:
    """Have ``satang`` of a hold taken (0: release it). In a transaction; done by the next look."""
    Payment.objects.filter(
        pk=payment.pk, state=PaymentState.AUTHORISED, to_capture__isnull=True
    ).update(to_capture=satang, look_at=timezone.now())


def look_due(most: int = 50) -> list[int]:
    """Claim payments whose look is due (skip locked): their ids, to be looked at now."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE billing_payment SET look_at = %s WHERE id IN (
                SELECT id FROM billing_payment WHERE look_at <= %s
                 ORDER BY look_at LIMIT %s FOR UPDATE SKIP LOCKED)
            RETURNING id
            """,
            [now + CLAIM_LASTS, now, most],
        )
        return sorted(row[0] for row in cursor.fetchall())


def expire_due(most: int = 50) -> int:
    """Make the look of open payments due whose time is over; how many."""
    now = timezone.now()
    over = Payment.objects.filter(
        state__in=[PaymentState.NEW, PaymentState.OPEN],
        expires_at__lte=now,
        look_at__gt=now + CLAIM_LASTS,
    ).values_list("pk", flat=True)
    return Payment.objects.filter(pk__in=list(over[:most])).update(look_at=now)


def _meant(gateway: str, notice: Notice) -> Payment | None:
    rows = Payment.objects.filter(gateway=gateway)
    if notice.ref and (found := rows.filter(gateway_ref=notice.ref).first()):
        return found
    return rows.filter(key=key).first() if (key := applying.as_key(notice.key)) else None


def _look(payment: Payment, client: Gateway) -> None:
    if not payment.gateway_ref:
        found = client.find(str(payment.key), payment.created_at - LOOK_BACK)
        if found is None:
            _missing(payment)
            return
        if not applying.made(payment, found):
            return
        payment.gateway_ref = found.ref
    charge = client.look(payment.gateway_ref)
    if applying.believable(payment, charge):
        charge = _act(client, payment, charge)
    applying.apply(payment.pk, charge)


def _missing(payment: Payment) -> None:
    """The gateway has no charge of ours: make it, unless it is too late or needs the card again."""
    if not payment.is_open or payment.expired(timezone.now()):
        applying.nothing_there(payment.pk)
    elif payment.method == Method.CARD:
        applying.postpone(payment)
    else:
        _create(payment, "")


def _create(payment: Payment, card_token: str) -> None:
    try:
        client = gateways.client(payment)
        charge = client.create(_order(payment, card_token))
    except GatewayError as error:
        applying.refused(payment.pk, error.code, error.message)
        return
    except GatewayAway:
        applying.postpone(payment)
        return
    if applying.made(payment, charge) and charge.status is not ChargeStatus.PENDING:
        try:
            applying.apply(payment.pk, client.look(charge.ref))
        except (GatewayAway, GatewayError):
            applying.postpone(payment)


def _order(payment: Payment, card_token: str) -> Order:
    back = f"{settings.PUBLIC_URL}{payment.back_to}" if payment.back_to else settings.PUBLIC_URL
    return Order(
        key=str(payment.key),
        method=Method(payment.method),
        amount=payment.amount,
        reference=payment.reference,
        description=payment.reference,
        return_uri=back,
        webhook_uri=f"{settings.PUBLIC_URL}/webhooks/{payment.gateway}/",
        source=payment.source,
        card_token=card_token,
        hold=payment.hold,
        expires_at=payment.expires_at,
    )


def _act(client: Gateway, payment: Payment, charge: Charge) -> Charge:
    """Do what is wished of the charge as it stands, and look again: only that is believed."""
    try:
        if charge.status is ChargeStatus.AUTHORISED and payment.to_capture is not None:
            if payment.to_capture:
                client.capture(charge.ref, payment.to_capture)
            else:
                client.release(charge.ref)
        elif charge.status is ChargeStatus.PENDING and payment.expired(timezone.now()):
            client.expire(charge.ref)
        else:
            return charge
    except GatewayError as error:
        if charge.status is ChargeStatus.AUTHORISED:
            applying.doubt(payment, DoubtKind.CAPTURE, code=error.code, message=error.message)
        return charge
    return client.look(charge.ref)
