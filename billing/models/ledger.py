"""Double entry in satang. Immutable rows; the rules stand in the database as triggers and checks.

See ``billing/migrations/0002_ledger_rules.py``: every transfer sums to zero at commit, nothing is
updated or deleted, accounts of two companies never meet in one transfer, balances follow the
entries, a hold is taken and given back exactly once, and a prepaid wallet never goes below zero,
holds included.
"""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from users.models import Company, Customer, TaxEntity


class AccountKind(models.TextChoices):
    """Chart of accounts. The sign says on which side a balance grows."""

    WALLET = "wallet"  # liability to a customer
    RECEIVABLE = "receivable"  # what a customer owes
    GUEST_DEPOSIT = "guest_deposit"  # liability: paid for charges that are not billed yet
    REFUND_PAYABLE = "refund_payable"  # liability: owed back, until it is paid
    GATEWAY_CLEARING = "gateway_clearing"  # asset: taken by a gateway, not yet in the bank
    CARD_DUE = "card_due"  # asset: billed, to be captured; ``held`` is what cards hold for us
    BANK = "bank"  # asset: what gateways have paid out, and transfers
    CASH = "cash"  # asset: money taken in or paid out by an admin
    INCOME = "income"  # revenue of charging, net of VAT
    PARKING_INCOME = "parking_income"  # net of VAT, as the two below
    PENALTY_INCOME = "penalty_income"
    RESERVATION_INCOME = "reservation_income"
    VAT_OUTPUT = "vat_output"  # liability to the Revenue Department
    INPUT_VAT = "input_vat"  # asset: VAT on gateway fees
    GATEWAY_FEE = "gateway_fee"  # expense
    BAD_DEBT = "bad_debt"  # expense

    @property
    def sign(self) -> int:
        """+1 where debits raise the balance, -1 where credits do."""
        return 1 if self in _DEBIT_SIDE else -1


_OF_A_CUSTOMER = [AccountKind.WALLET, AccountKind.RECEIVABLE]
_NEVER_BELOW_ZERO = [AccountKind.WALLET, AccountKind.GUEST_DEPOSIT, AccountKind.REFUND_PAYABLE]
_DEBIT_SIDE = frozenset(
    {
        AccountKind.RECEIVABLE,
        AccountKind.GATEWAY_CLEARING,
        AccountKind.CARD_DUE,
        AccountKind.BANK,
        AccountKind.CASH,
        AccountKind.INPUT_VAT,
        AccountKind.GATEWAY_FEE,
        AccountKind.BAD_DEBT,
    }
)


class Account(models.Model):
    """A balance in its natural sign, kept by triggers. ``held`` is reserved by open holds.

    ``gateway`` names the gateway of clearing and card accounts. Deposits, what is owed back and
    wallets are people's money: their balance covers what is held of them, always.
    """

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="accounts")
    kind = models.CharField(max_length=20, choices=AccountKind.choices)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="accounts"
    )
    tax_entity = models.ForeignKey(
        TaxEntity, on_delete=models.PROTECT, null=True, related_name="accounts"
    )
    gateway = models.CharField(max_length=8, blank=True)
    sign = models.SmallIntegerField()
    balance = models.BigIntegerField(default=0, editable=False)
    held = models.BigIntegerField(default=0, editable=False)

    company_path = "company"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["company", "kind", "customer", "tax_entity", "gateway"],
                nulls_distinct=False,
                name="account_once",
            ),
            models.CheckConstraint(condition=Q(held__gte=0), name="account_held_not_negative"),
            models.CheckConstraint(
                condition=~Q(kind__in=_NEVER_BELOW_ZERO) | Q(balance__gte=F("held")),
                name="wallet_never_below_zero",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=_OF_A_CUSTOMER, customer__isnull=False)
                | (~Q(kind__in=_OF_A_CUSTOMER) & Q(customer__isnull=True)),
                name="account_customer_fits_kind",
            ),
            models.CheckConstraint(condition=Q(sign__in=[1, -1]), name="account_sign"),
            models.CheckConstraint(
                condition=Q(kind__in=AccountKind.values), name="account_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.customer_id or self.company_id}"


class Transfer(models.Model):
    """One movement of money with its reason. ``key`` makes a repeated request the same transfer."""

    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="transfers")
    key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=120, blank=True)
    session_id = models.BigIntegerField(null=True, db_index=True)
    payment_id = models.BigIntegerField(null=True, db_index=True)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, related_name="transfers"
    )

    company_path = "company"

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["company", "-id"], name="transfer_company"),
            models.Index(fields=["customer", "-id"], name="transfer_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Entry(models.Model):
    """One side of a transfer. ``amount`` in satang: debit positive, credit negative, never zero."""

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries")
    amount = models.BigIntegerField()

    company_path = "transfer__company"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="entry_not_zero"),
            models.UniqueConstraint(fields=["transfer", "account"], name="entry_account_once"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} on {self.account_id}"


class HoldState(models.TextChoices):
    OPEN = "open"
    POSTED = "posted"
    RELEASED = "released"


class Hold(models.Model):
    """Money set aside for a charge: posted (at most what was held) or released, once.

    On a wallet it lowers what is free; on a postpaid customer's receivable it uses up credit.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds")
    key = models.CharField(max_length=120, unique=True)
    amount = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=HoldState.choices, default=HoldState.OPEN)
    posted = models.BigIntegerField(default=0)
    placed_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="hold_not_negative"),
            models.CheckConstraint(
                condition=Q(posted__gte=0) & Q(posted__lte=F("amount")),
                name="hold_posts_at_most_what_was_held",
            ),
            models.CheckConstraint(
                condition=Q(state="open", resolved_at__isnull=True)
                | Q(state__in=["posted", "released"], resolved_at__isnull=False),
                name="hold_resolved_once",
            ),
        ]

    def __str__(self) -> str:
        return f"hold {self.key}: {self.amount} {self.state}"
