"""A member on the phone: one-time codes, signed-in phones, what they were told and asked for."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.models.company import Company
from users.models.customer import Customer


class CodePurpose(models.TextChoices):
    SIGN_IN = "sign_in"
    OLD_NUMBER = "old_number"  # a change of number: it is the old one's holder who asks
    NEW_NUMBER = "new_number"


class CodeState(models.TextChoices):
    """How far the message has come."""

    DUE = "due"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SILENT = "silent"  # nobody's number, and nobody may register: no message, the same page


class OneTimeCode(models.Model):
    """A code of 6 digits for one number on one phone. The digits stand nowhere.

    They are the keyed HMAC of the row's random id (``users.services.codes``): whoever reads the
    table, a backup or the log learns nothing. ``flow`` is the digest of the cookie of the phone
    that asked: only that phone can use the code.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    flow = models.CharField(max_length=64)
    company = models.ForeignKey(Company, on_delete=models.PROTECT, null=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True)
    purpose = models.CharField(max_length=10, choices=CodePurpose.choices)
    phone = models.CharField(max_length=16)  # E.164
    reference = models.CharField(max_length=4)  # on the page and in the message
    address = models.GenericIPAddressField(null=True)
    language = models.CharField(max_length=2, default="th")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # another was asked for, or the tries are used up
    state = models.CharField(max_length=8, choices=CodeState.choices, default=CodeState.DUE)
    state_at = models.DateTimeField(default=timezone.now)
    failure = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["phone", "-created_at"], name="code_phone"),
            models.Index(fields=["address", "-created_at"], name="code_address"),
            models.Index(fields=["-created_at"], name="code_created"),
            models.Index(fields=["flow", "-created_at"], name="code_flow"),
            models.Index(
                fields=["state_at"], name="code_unsent", condition=Q(state__in=["due", "sending"])
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(phone__regex=r"^\+[1-9]\d{7,14}$"), name="code_phone_e164"
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=CodePurpose.values) & Q(state__in=CodeState.values),
                name="code_words_known",
            ),
            models.CheckConstraint(condition=Q(tries__lte=5), name="code_five_tries"),
        ]

    def __str__(self) -> str:
        return f"code {self.reference} {self.state}"


class MemberSession(models.Model):
    """A phone that is signed in as one customer. ``digest``: SHA-256 of the cookie, 256 random bits.

    One cookie may stand for the same person's memberships of several companies: a row for each.
    """

    digest = models.CharField(max_length=64)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="phones")
    device = models.CharField(max_length=80, blank=True)
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    company_path: ClassVar[str] = "customer__company"

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(fields=["digest", "customer"], name="member_session_once")
        ]

    def __str__(self) -> str:
        return f"{self.device} of {self.customer_id}"


class NoticeAcceptance(models.Model):
    """That a member was told what we keep about them and why (PDPA s.23), word for word."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="notices")
    version = models.CharField(max_length=20)
    language = models.CharField(max_length=2)
    text = models.TextField()
    accepted_at = models.DateTimeField(default=timezone.now)

    company_path: ClassVar[str] = "customer__company"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "version"], name="notice_accepted_once")
        ]

    def __str__(self) -> str:
        return f"notice {self.version} to {self.customer_id}"


class Favourite(models.Model):
    """A plug that a member wants to find again, by the code of its QR."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="favourites")
    code = models.CharField(max_length=12)
    created_at = models.DateTimeField(default=timezone.now)

    company_path: ClassVar[str] = "customer__company"

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["customer", "code"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.code} of {self.customer_id}"


class DataRequestKind(models.TextChoices):
    COPY = "copy", _("Copy of the data")
    ERASURE = "erasure", _("Erasure")


class DataRequest(models.Model):
    """A member's wish about their data (PDPA s.30, s.33). ``due_at``: when the law wants an answer."""

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="data_requests")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="data_requests")
    kind = models.CharField(max_length=8, choices=DataRequestKind.choices)
    asked_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=120, blank=True)

    company_path: ClassVar[str] = "company"

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "kind"],
                name="data_request_one_open",
                condition=Q(done_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(kind__in=DataRequestKind.values), name="data_request_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.customer_id}"
