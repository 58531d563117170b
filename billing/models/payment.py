"""Money that comes in and goes back: the row first, then the gateway is asked.

A payment's state follows what a fresh look at the gateway says (``billing.services.payments``);
rows with ``look_at`` are looked at when it is due. Amounts in satang, times in UTC.
"""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.payments.base import Method
from users.models import Company, Customer, TaxEntity

METHODS = [
    (Method.PROMPTPAY.value, _("PromptPay")),
    (Method.CARD.value, _("Card")),
    (Method.MOBILE_BANKING.value, _("Mobile banking")),
    (Method.CASH.value, _("Cash")),
    (Method.TRANSFER.value, _("Bank transfer")),
]


class GatewayName(models.TextChoices):
    OMISE = "omise", "Omise"
    SCB = "scb", "SCB"
    MANUAL = "manual", _("By an admin")


class GatewayAccount(models.Model):
    """One legal entity's own account at a gateway. ``sealed`` holds its secrets (``core.seal``).

    ``settings`` is plain JSON that is no secret: public key, biller id, capabilities that differ.
    Without a row the operator's own account from the environment is used, where there is one.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="gateway_accounts")
    tax_entity = models.ForeignKey(
        TaxEntity, on_delete=models.PROTECT, related_name="gateway_accounts"
    )
    gateway = models.CharField(max_length=8, choices=GatewayName.choices)
    settings = models.JSONField(default=dict)
    sealed = models.TextField(blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    company_path = "company"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tax_entity", "gateway"], name="gateway_account_once"),
            models.CheckConstraint(
                condition=Q(gateway__in=GatewayName.values), name="gateway_account_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} of {self.tax_entity_id}"


class PaymentState(models.TextChoices):
    NEW = "new", _("Being prepared")  # the gateway has not answered yet
    OPEN = "open", _("Waiting for the money")
    AUTHORISED = "authorised", _("Held on the card")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Failed")
    EXPIRED = "expired", _("Not paid in time")
    RELEASED = "released", _("Hold released")


class PaymentPurpose(models.TextChoices):
    CHARGE = "charge", _("A charge")
    TOP_UP = "top_up", _("Top-up")
    STATEMENT = "statement", _("Monthly bill")


class Payment(models.Model):
    """One wish to pay. ``key`` is given to the gateway and found again there; ``reference`` is for people.

    ``amount`` is what was asked; ``captured`` what was taken; ``refunded`` what went back through
    the gateway; ``to_capture`` what is to be taken of a hold (null: not known yet).
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="payments")
    tax_entity = models.ForeignKey(TaxEntity, on_delete=models.PROTECT, null=True)
    account = models.ForeignKey(GatewayAccount, on_delete=models.PROTECT, null=True)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="payments"
    )
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=20, unique=True)
    gateway = models.CharField(max_length=8, choices=GatewayName.choices)
    method = models.CharField(max_length=16, choices=METHODS)
    source = models.CharField(max_length=40, blank=True)
    purpose = models.CharField(max_length=10, choices=PaymentPurpose.choices)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3, default="THB")
    state = models.CharField(max_length=10, choices=PaymentState.choices, default=PaymentState.NEW)
    hold = models.BooleanField(default=False)
    to_capture = models.BigIntegerField(null=True)
    gateway_ref = models.CharField(max_length=120, blank=True)
    authorised = models.BigIntegerField(default=0)
    captured = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    fee = models.BigIntegerField(default=0)
    fee_vat = models.BigIntegerField(default=0)
    qr_payload = models.TextField(blank=True)
    qr_image = models.BinaryField(default=bytes)
    qr_image_type = models.CharField(max_length=40, blank=True)
    authorize_uri = models.TextField(blank=True)
    visitor = models.CharField(max_length=43, blank=True)  # the phone that pays
    back_to = models.CharField(max_length=200, blank=True)  # our path that the payer returns to
    actor = models.CharField(max_length=120, blank=True)  # the admin who took cash
    note = models.CharField(max_length=300, blank=True)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)  # money in, or held
    closed_at = models.DateTimeField(null=True)
    look_at = models.DateTimeField(null=True)
    looks = models.PositiveIntegerField(default=0)

    company_path = "company"
    station_path = "purchase__station"  # a top-up is at no station

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["company", "-id"], name="payment_company"),
            models.Index(fields=["customer", "-id"], name="payment_customer"),
            models.Index(
                fields=["look_at"], name="payment_look", condition=Q(look_at__isnull=False)
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "gateway_ref"],
                condition=~Q(gateway_ref=""),
                name="payment_gateway_ref_once",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_above_zero"),
            models.CheckConstraint(
                condition=Q(captured__gte=0) & Q(captured__lte=F("amount")),
                name="payment_captures_at_most_its_amount",
            ),
            models.CheckConstraint(
                condition=Q(refunded__gte=0) & Q(refunded__lte=F("captured")),
                name="payment_refunds_at_most_what_it_took",
            ),
            models.CheckConstraint(condition=Q(currency="THB"), name="payment_in_baht"),
            models.CheckConstraint(
                condition=Q(state__in=PaymentState.values), name="payment_state_known"
            ),
            models.CheckConstraint(
                condition=Q(gateway__in=GatewayName.values), name="payment_gateway_known"
            ),
        ]

    def __str__(self) -> str:
        return f"payment {self.reference}: {self.amount} {self.state}"

    @property
    def is_open(self) -> bool:
        """Money may still come."""
        return self.state in (PaymentState.NEW, PaymentState.OPEN)

    @property
    def has_money(self) -> bool:
        return self.state in (PaymentState.AUTHORISED, PaymentState.PAID)

    def expired(self, now: datetime) -> bool:
        return self.is_open and self.expires_at <= now


class RefundRoute(models.TextChoices):
    """The ways back, in the order in which they are tried."""

    GATEWAY = "gateway", _("Back the way it came")
    WALLET = "wallet", _("Into the wallet")
    LINK = "link", _("To a PromptPay number the customer gives")
    QUEUE = "queue", _("By an admin")


class RefundState(models.TextChoices):
    DUE = "due", _("About to be paid back")
    SENT = "sent", _("On its way")
    WAITING = "waiting", _("Waiting for the customer")
    QUEUED = "queued", _("Waiting for an admin")
    DONE = "done", _("Paid back")


class RefundReason(models.TextChoices):
    UNUSED = "unused", _("Not all was used")
    NOT_STARTED = "not_started", _("The charge did not start")
    NOT_PLUGGED = "not_plugged", _("Nobody plugged in")
    TAKEN = "taken", _("Somebody else was first")
    LATE = "late", _("The money came too late")
    TWICE = "twice", _("Paid twice")
    ADMIN = "admin", _("Decided by an admin")


class Refund(models.Model):
    """Money that is owed back. A liability from the moment it is known until it is paid.

    ``due``: when it is acted on next. ``promptpay`` is the number the customer gave, sealed.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="refunds")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True)
    key = models.CharField(max_length=120, unique=True)
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=12, choices=RefundReason.choices)
    route = models.CharField(max_length=8, choices=RefundRoute.choices)
    state = models.CharField(max_length=8, choices=RefundState.choices, default=RefundState.DUE)
    gateway_ref = models.CharField(max_length=120, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField(null=True)
    token = models.CharField(max_length=43, unique=True)
    promptpay = models.TextField(blank=True)
    link_until = models.DateTimeField(null=True)
    reminders = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=300, blank=True)

    company_path = "company"
    station_path = "payment__purchase__station"

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["due"], name="refund_due", condition=Q(due__isnull=False)),
            models.Index(fields=["company", "-id"], name="refund_open", condition=~Q(state="done")),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_above_zero"),
            models.CheckConstraint(
                condition=Q(state="done", done_at__isnull=False)
                | (~Q(state="done") & Q(done_at__isnull=True)),
                name="refund_done_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=RefundState.values) & Q(route__in=RefundRoute.values),
                name="refund_words_known",
            ),
        ]

    def __str__(self) -> str:
        return f"refund {self.key}: {self.amount} {self.state}"


class WebhookEvent(models.Model):
    """A notice as it came, once per gateway and event: it says where to look, never what to believe."""

    gateway = models.CharField(max_length=8, choices=GatewayName.choices)
    event_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=60, blank=True)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, related_name="notices"
    )
    ref = models.CharField(max_length=120, blank=True)
    trusted = models.BooleanField(default=False)
    body = models.JSONField(default=dict)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "event_id"], name="webhook_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.event_id}"
