"""The monthly bill of a customer (ใบแจ้งหนี้): what is owed until a day, copied, and until when to pay it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.bill import Bill
from billing.models.document import TaxDocument
from billing.models.stay import ReservationFee
from users.models import Company, Customer, TaxEntity


class PostpaidTerms(models.Model):
    """When a company's monthly bills are made and when they are due. Without a row: as the defaults."""

    company = models.OneToOneField(Company, on_delete=models.PROTECT, related_name="postpaid_terms")
    cycle_day = models.PositiveSmallIntegerField(default=1)
    due_days = models.PositiveSmallIntegerField(default=15)
    automatic = models.BooleanField(default=True)

    company_path = "company"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(cycle_day__range=(1, 28)), name="postpaid_cycle"),
            models.CheckConstraint(condition=Q(due_days__range=(0, 120)), name="postpaid_due"),
        ]

    def __str__(self) -> str:
        return f"postpaid terms of company {self.company_id}"


class StatementState(models.TextChoices):
    OPEN = "open", _("To be paid")
    OVERDUE = "overdue", _("Overdue")
    PAID = "paid", _("Paid")
    VOID = "void", _("Void")


class Statement(models.Model):
    """``document`` is the paper; ``copy`` its lines as issued: ``{"lines": [{"kind", "at", "session",
    "station", "wh", "total", "paid", "amount" …}]}``, satang. Neither is ever changed.

    What is still to be paid is what the bills on it still owe. ``key`` makes the same month of the
    same customer the same statement, however often the job runs.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="statements")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="statements")
    tax_entity = models.ForeignKey(TaxEntity, on_delete=models.PROTECT, related_name="statements")
    document = models.OneToOneField(TaxDocument, on_delete=models.PROTECT, related_name="statement")
    key = models.CharField(max_length=80, unique=True)
    number = models.CharField(max_length=40)
    period_from = models.DateField()
    period_to = models.DateField()  # the last day on it
    issued_at = models.DateTimeField(default=timezone.now)
    issued_by = models.CharField(max_length=120)
    due_on = models.DateField()
    total = models.BigIntegerField()
    vat = models.BigIntegerField(default=0)
    copy = models.JSONField()
    state = models.CharField(
        max_length=7, choices=StatementState.choices, default=StatementState.OPEN
    )
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=300, blank=True)
    reminded = models.CharField(max_length=7, blank=True)  # the last reminder: due, overdue

    company_path = "company"

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["company", "-id"], name="statement_company"),
            models.Index(
                fields=["customer", "due_on"],
                name="statement_unpaid",
                condition=Q(state__in=["open", "overdue"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tax_entity", "number"], name="statement_number_once"),
            models.CheckConstraint(condition=Q(total__gt=0), name="statement_above_zero"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "overdue"], closed_at__isnull=True)
                | Q(state__in=["paid", "void"], closed_at__isnull=False),
                name="statement_closed_once",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        return self.state in (StatementState.OPEN, StatementState.OVERDUE)


class StatementLine(models.Model):
    """A bill or a reservation's fee on a statement; on one that counts at a time."""

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    bill = models.ForeignKey(
        Bill, on_delete=models.PROTECT, null=True, related_name="statement_lines"
    )
    fee = models.ForeignKey(
        ReservationFee, on_delete=models.PROTECT, null=True, related_name="statement_lines"
    )
    amount = models.BigIntegerField()
    live = models.BooleanField(default=True)  # false once its statement is void

    company_path = "statement__company"

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["bill"], condition=Q(live=True), name="statement_bill_once"
            ),
            models.UniqueConstraint(
                fields=["fee"], condition=Q(live=True), name="statement_fee_once"
            ),
            models.CheckConstraint(
                condition=Q(bill__isnull=True, fee__isnull=False)
                | Q(bill__isnull=False, fee__isnull=True),
                name="statement_line_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} on statement {self.statement_id}"


class StatementPayment(models.Model):
    """Money for a statement, once per key: by an admin or by a payment of the customer's."""

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="payments")
    transfer = models.OneToOneField("billing.Transfer", on_delete=models.PROTECT)
    amount = models.BigIntegerField()
    method = models.CharField(max_length=16)
    note = models.CharField(max_length=300, blank=True)
    taken_by = models.CharField(max_length=120)
    taken_at = models.DateTimeField(default=timezone.now)

    company_path = "statement__company"

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="statement_payment_above_zero")
        ]

    def __str__(self) -> str:
        return f"{self.amount} for statement {self.statement_id}"
