"""Monthly bills: issued on the cycle day or by an admin, paid, overdue, void.

A statement lists what a customer owes one legal entity and is on no other statement. Money for it
pays the customer's oldest bills first, as every payment does; it is paid when its bills are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import (
    Account,
    AccountKind,
    Bill,
    Payment,
    PaymentPurpose,
    PostpaidTerms,
    ReservationFee,
    Statement,
    StatementLine,
    StatementPayment,
    StatementState,
)
from billing.money import to_baht
from billing.payments.base import Method
from billing.selectors import statements as selectors
from billing.services import ledger, statement_documents, wallets
from billing.services.gateways import Offered
from core import audit, outbox
from core.errors import Conflict, DomainError
from users.models import BillingMode, Company, Customer, TaxEntity

LOCAL = ZoneInfo(settings.LOCAL_ZONE)
REMIND = timedelta(days=3)
BATCH = 200
PAY_WITHIN = timedelta(minutes=15)
MOST_DUE_DAYS = 120
BY_HAND = {Method.CASH: AccountKind.CASH, Method.TRANSFER: AccountKind.BANK}


class NothingOwed(Conflict):
    code = "nothing_owed"
    message = _("This customer owes nothing that is not on a monthly bill already.")


class NoIssuer(Conflict):
    code = "no_tax_entity"
    message = _("No legal entity can issue this bill: choose one on the station’s page first.")


class BadDueDay(DomainError):
    code = "bad_due_day"
    message = _("Choose a due day from today on, within 120 days.")


class NotOpen(Conflict):
    code = "statement_closed"
    message = _("This bill is paid or void already.")


class TooMuch(DomainError):
    code = "too_much"
    message = _("%(owed)s baht are still to be paid on this bill, not more.")


@dataclass(frozen=True, slots=True)
class Terms:
    """When monthly bills are made and how many days there are to pay them."""

    cycle_day: int = 1
    due_days: int = 15
    automatic: bool = True


@dataclass(frozen=True, slots=True)
class _Owed:
    """What goes on a statement."""

    bills: Sequence[Bill]
    fees: Sequence[ReservationFee]

    @property
    def total(self) -> int:
        return sum(b.outstanding for b in self.bills) + sum(f.outstanding for f in self.fees)

    @property
    def first_at(self) -> datetime:
        return min([*(b.billed_at for b in self.bills), *(f.billed_at for f in self.fees)])


def terms_of(company: Company) -> Terms:
    row = PostpaidTerms.objects.filter(company=company).first()
    return Terms(row.cycle_day, row.due_days, row.automatic) if row else Terms()


def set_terms(company: Company, terms: Terms, *, actor: audit.Actor) -> None:
    """Count for bills made from now on."""
    if not 1 <= terms.cycle_day <= 28:
        raise DomainError(_("Choose a day from 1 to 28."), code="bad_day", field="cycle_day")
    if not 0 <= terms.due_days <= MOST_DUE_DAYS:
        sentence = _("Choose from 0 to 120 days.")
        raise DomainError(sentence, code="bad_days", field="due_days")
    values = {
        "cycle_day": terms.cycle_day,
        "due_days": terms.due_days,
        "automatic": terms.automatic,
    }
    with transaction.atomic():
        PostpaidTerms.objects.update_or_create(company=company, defaults=values)
        audit.record(
            actor,
            "set_postpaid_terms",
            f"company:{company.pk}",
            company_id=company.pk,
            new=values,
        )


def issue(
    customer: Customer,
    *,
    actor: audit.Actor,
    until: date | None = None,
    due_on: date | None = None,
    key: str = "",
) -> list[Statement]:
    """Bill all that the customer owes and is on no statement: one for each legal entity.

    ``until``: the last day on it (today). ``key`` makes a repeated request the same statements.
    ``NothingOwed``, ``NoIssuer``, ``BadDueDay``.
    """
    today = local_day(timezone.now())
    due = due_on or today + timedelta(days=terms_of(customer.company).due_days)
    if not today <= due <= today + timedelta(days=MOST_DUE_DAYS):
        raise BadDueDay(field="due_on")
    with transaction.atomic():
        Customer.all_objects.select_for_update().get(pk=customer.pk)  # two admins at once
        if key and (again := _of_key(customer, key)):
            return again
        entities = TaxEntity.objects.filter(pk__in=selectors.entities_owed(customer))
        made = []
        for entity in entities.order_by("pk"):
            one = _issue_for(customer, entity, until or today, due, key, actor)
            made += [one] if one else []
        if not made:
            owes = selectors.unstated_bills(customer).exists()
            raise NoIssuer if owes and not entities.exists() else NothingOwed
    return made


def issue_due(now: datetime | None = None) -> int:
    """The periodic job: on and after each company's cycle day, the month before. Safe to repeat."""
    today = local_day(now or timezone.now())
    count = 0
    postpaid = Customer.objects.filter(billing_mode=BillingMode.POSTPAID).select_related("company")
    owing = postpaid.filter(bills__outstanding__gt=0).distinct().order_by("pk")
    for customer in owing.iterator(BATCH):
        terms = terms_of(customer.company)
        if not terms.automatic:
            continue
        until = cycle_end(today, terms.cycle_day)
        key = f"cycle:{until.isoformat()}"
        if _of_key(customer, key):
            continue
        try:
            count += len(issue(customer, actor=audit.SYSTEM, until=until, key=key))
        except (NothingOwed, NoIssuer):
            continue
    return count


def remind_due(now: datetime | None = None) -> int:
    """The periodic job: overdue from the day after; told three days before and after. Safe to repeat."""
    today = local_day(now or timezone.now())
    unpaid = Statement.objects.filter(state__in=selectors.UNPAID, due_on__lte=today + REMIND)
    count = 0
    for pk in list(unpaid.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            row = Statement.objects.select_for_update().get(pk=pk)
            if not row.is_open or _settled(row):
                continue
            if row.due_on < today and row.state == StatementState.OPEN:
                row.state = StatementState.OVERDUE
                row.save(update_fields=["state"])
                _publish(row, "statement_changed")
                count += 1
            if (which := _reminder(row, today)) and which != row.reminded:
                row.reminded = which
                row.save(update_fields=["reminded"])
                _publish(row, "statement_reminder", reminder=which)
    return count


def begin_payment(
    statement: Statement,
    way: Offered,
    *,
    source: str = "",
    visitor: str = "",
    back_to: str = "",
) -> Payment:
    """A member pays what is still owed on it, through a gateway; commits. Then ``payments.send``.

    ``way`` is one of ``gateways.offered(statement.tax_entity, owed)``.
    """
    from billing.services import payments

    with transaction.atomic():
        row = _locked(statement)
        owed = selectors.outstanding_of(row)
        if not row.is_open or not owed:
            raise NotOpen
        return payments.open_payment(
            payments.NewPayment(
                company=row.company,
                purpose=PaymentPurpose.STATEMENT,
                method=way.method,
                gateway=way.gateway,
                amount=owed,
                expires_at=timezone.now() + min(way.capability.expires, PAY_WITHIN),
                tax_entity=row.tax_entity,
                account=way.account,
                customer=row.customer,
                source=source,
                visitor=visitor,
                back_to=back_to,
                note=f"statement:{row.pk}",
                prefix="BILL",
            )
        )


def take_payment(
    statement: Statement,
    satang: int,
    *,
    method: Method,
    key: str,
    actor: audit.Actor,
    note: str = "",
) -> StatementPayment:
    """Money that an admin took, cash or a transfer: at most what is still owed on it."""
    if satang <= 0:
        raise wallets.BadAmount(field="amount")
    if method not in BY_HAND:
        raise DomainError(_("Choose cash or bank transfer."), code="bad_method", field="method")
    with transaction.atomic():
        row = _locked(statement)
        if (again := _payment_of_key(row, _key(row, key))) is not None:
            return again
        if not row.is_open:
            raise NotOpen
        owed = selectors.outstanding_of(row)
        if satang > owed:
            raise TooMuch(field="amount", owed=f"{to_baht(owed):,.2f}")
        source = ledger.account(row.company, BY_HAND[method])
        return _take(row, satang, source, _key(row, key), str(method), actor, note)


def on_paid(payment: Payment, source: Account) -> None:
    """A member's payment for a statement has come: it pays what is owed, the rest goes to the wallet.

    ``source``: where the gateway's money stands. Call in the transaction that makes it paid; a
    statement that was paid or made void meanwhile changes nothing: the money is the customer's.
    """
    statement = statement_of(payment)
    if statement is None or payment.customer is None:
        raise ValueError(f"payment {payment.pk} is for no statement")
    actor = audit.Actor("customer", str(payment.customer_id), payment.customer.name)
    row = _locked(statement)
    _take(row, payment.captured, source, f"pay:{payment.pk}", payment.method, actor, "", payment)


def statement_of(payment: Payment) -> Statement | None:
    """The statement a payment was begun for: it stands in its note (``statement:12``)."""
    if payment.purpose != PaymentPurpose.STATEMENT:
        return None
    _word, _colon, pk = payment.note.partition(":")
    found = Statement.objects.filter(pk=int(pk) if pk.isdigit() else 0)
    return found.filter(customer=payment.customer).first()


def void(statement: Statement, *, reason: str, actor: audit.Actor) -> Statement:
    """Take it back: what it listed is owed as before and can go on another. Its number stays used."""
    if not reason.strip():
        raise DomainError(_("Say why it is made void."), code="required", field="reason")
    with transaction.atomic():
        row = _locked(statement)
        if not row.is_open:
            raise NotOpen
        StatementLine.objects.filter(statement=row).update(live=False)
        _close(row, StatementState.VOID, actor.name, reason.strip()[:300])
        statement_documents.void_note(row, by=actor.name, reason=reason.strip())
        audit.record(
            actor,
            "void_statement",
            f"statement:{row.pk}",
            company_id=row.company_id,
            new={"number": row.number, "reason": reason.strip()},
        )
    return row


def on_bill_paid(fact: Any) -> None:
    """A bill or a fee on statements is paid: perhaps the statement is, too."""
    name = "bill_id" if fact.kind == "bill_paid" else "fee_id"
    lines = StatementLine.objects.filter(**{name: fact.subject_id}, live=True)
    for pk in list(lines.values_list("statement_id", flat=True)):
        row = Statement.objects.select_for_update().get(pk=pk)
        if row.is_open:
            _settled(row)


def local_day(at: datetime) -> date:
    return at.astimezone(LOCAL).date()


def cycle_end(today: date, cycle_day: int) -> date:
    """The last day of the period that ended last: with cycle day 5, the 4th."""
    begins = today.replace(day=cycle_day)
    if begins > today:
        begins = (begins.replace(day=1) - timedelta(days=1)).replace(day=cycle_day)
    return begins - timedelta(days=1)


def _issue_for(
    customer: Customer,
    entity: TaxEntity,
    until: date,
    due: date,
    key: str,
    actor: audit.Actor,
) -> Statement | None:
    owed = _owed(customer, entity, until)
    if not owed.total:
        return None
    now = timezone.now()
    lines = [
        *map(statement_documents.line_of_bill, owed.bills),
        *map(statement_documents.line_of_fee, owed.fees),
    ]
    document = statement_documents.issue_note(
        customer, entity, lines, day=local_day(now), due_on=due, by=actor.name
    )
    made = Statement.objects.create(
        company=customer.company,
        customer=customer,
        tax_entity=entity,
        document=document,
        key=f"{customer.pk}:{entity.pk}:{key or document.number}"[:80],
        number=document.number,
        period_from=min(local_day(owed.first_at), until),
        period_to=until,
        issued_at=now,
        issued_by=actor.name[:120],
        due_on=due,
        total=owed.total,
        vat=document.vat,
        copy={"lines": lines},
    )
    StatementLine.objects.bulk_create(
        [
            *(StatementLine(statement=made, bill=b, amount=b.outstanding) for b in owed.bills),
            *(StatementLine(statement=made, fee=f, amount=f.outstanding) for f in owed.fees),
        ]
    )
    audit.record(
        actor,
        "issue_statement",
        f"customer:{customer.pk}",
        company_id=customer.company_id,
        new={"number": made.number, "total": made.total, "due_on": due.isoformat()},
    )
    _publish(made, "statement_issued")
    return made


def _owed(customer: Customer, entity: TaxEntity, until: date) -> _Owed:
    """Up to the end of the day ``until``. Locked, oldest first: no payment changes them meanwhile."""
    before = datetime.combine(until + timedelta(days=1), time(), LOCAL)
    bills = selectors.unstated_bills(customer).filter(tax_entity=entity, billed_at__lt=before)
    fees = selectors.unstated_fees(customer).filter(tax_entity=entity, billed_at__lt=before)
    return _Owed(
        list(bills.select_for_update(of=("self",)).select_related("session__station")),
        list(fees.select_for_update(of=("self",)).select_related("reservation__charger__station")),
    )


def _take(
    row: Statement,
    satang: int,
    source: Account,
    key: str,
    method: str,
    actor: audit.Actor,
    note: str,
    payment: Payment | None = None,
) -> StatementPayment:
    customer = row.customer
    made = wallets.take_in(
        customer,
        satang,
        source,
        key=key,
        kind="statement",
        reason=row.number if not note else f"{row.number}: {note}",
        actor=actor,
        payment_id=payment.pk if payment else None,
    )
    known = StatementPayment.objects.filter(transfer=made).first()
    if known is not None:
        return known
    taken = StatementPayment.objects.create(
        statement=row,
        transfer=made,
        amount=satang,
        method=method,
        note=note[:300],
        taken_by=actor.name[:120],
    )
    if row.is_open:
        _settled(row)
    _publish(row, "statement_changed")
    return taken


def _settled(row: Statement) -> bool:
    """Whether nothing is owed on it any more; then it is paid."""
    if selectors.outstanding_of(row):
        return False
    _close(row, StatementState.PAID, "", "")
    return True


def _close(row: Statement, state: StatementState, by: str, note: str) -> None:
    row.state, row.closed_at, row.closed_by, row.note = state, timezone.now(), by[:120], note
    row.save(update_fields=["state", "closed_at", "closed_by", "note"])
    _publish(row, "statement_changed")


def _publish(row: Statement, kind: str, **more: Any) -> None:
    outbox.publish(
        kind, row.pk, company_id=row.company_id, customer=row.customer_id, state=row.state, **more
    )


def _reminder(row: Statement, today: date) -> str:
    """Three days before it is due, unless it was issued only then; three days after, again."""
    if today >= row.due_on + REMIND:
        return "overdue"
    early = local_day(row.issued_at) < row.due_on - REMIND
    return "due" if early and today <= row.due_on else ""


def _of_key(customer: Customer, key: str) -> list[Statement]:
    """What an earlier identical request issued."""
    found = Statement.objects.filter(customer=customer, key__startswith=f"{customer.pk}:")
    return list(found.filter(key__endswith=f":{key}").order_by("pk"))


def _locked(statement: Statement) -> Statement:
    rows = Statement.objects.select_for_update(of=("self",))
    return rows.select_related("customer__company", "company", "tax_entity", "document").get(
        pk=statement.pk
    )


def _key(row: Statement, key: str) -> str:
    return f"statement:{row.pk}:{key}"


def _payment_of_key(row: Statement, key: str) -> StatementPayment | None:
    return StatementPayment.objects.filter(statement=row, transfer__key=key).first()
