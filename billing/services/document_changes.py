"""What may be done to a document: another one in its place, void, credit note. It is never edited.

Order ป.86/2542 of the Revenue Department: the old one is marked cancelled and kept, the new one has
a new number, the same date and a note that names the old one. Credit note: Revenue Code s.86/10.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import documents
from billing.documents import Sums
from billing.models import (
    Account,
    AccountKind,
    DocumentKind,
    DocumentState,
    Payment,
    RefundReason,
    TaxDocument,
)
from billing.money import vat_within
from billing.services import buyers, issuing, ledger, refunds, wallets
from billing.services.buyers import Buyer
from core import audit
from core.errors import Conflict, DomainError

# Why a document takes another's place, and why its value falls: ETDA's code, its words on the paper
# (which is Thai whatever the admin reads), and those on our page.
PURPOSES = {
    "full": ("99", "ออกใบกำกับภาษีเต็มรูปให้ผู้ซื้อ", _("The customer asked for a full one")),
    "name": ("01", "ชื่อผิด", _("The name was wrong")),
    "address": ("02", "ที่อยู่ผิด", _("The address was wrong")),
    "other": ("99", "เหตุอื่น", _("Another reason")),
}
CREDIT_REASONS = {
    "CDNS01": (
        "ลดราคาค่าบริการ (บริการผิดข้อกำหนดที่ตกลงกัน)",
        _("Price cut: the service was not as agreed"),
    ),
    "CDNS02": ("ค่าบริการขาดจำนวน", _("Less was delivered than billed")),
    "CDNS03": (
        "คำนวณราคาค่าบริการผิดพลาดสูงกว่าที่เป็นจริง",
        _("The price was worked out too high"),
    ),
    "CDNS04": ("บอกเลิกสัญญาบริการ", _("The service was called off")),
    "CDNS99": ("เหตุอื่น", _("Another reason")),
}
REPLACED = "เป็นการยกเลิกและออก{what}ฉบับใหม่แทนฉบับเดิมเลขที่ {number} ลงวันที่ {day}"
WORDS = {DocumentKind.RECEIPT: "ใบเสร็จรับเงิน"}
TAX_INVOICE = "ใบกำกับภาษี"


class NotOpen(Conflict):
    code = "document_closed"
    message = _("This document is not valid any more; look at the one in its place.")


class HasCreditNote(Conflict):
    code = "document_credited"
    message = _("A credit note refers to this document. Make that one void first.")


class MonthOver(Conflict):
    code = "document_month_over"
    message = _(
        "The tax month of this document is over and has been reported. Ask the station’s office."
    )


class NoReason(DomainError):
    code = "reason_needed"
    message = _("Say why: it stays with the document.")


class BadCredit(DomainError):
    code = "bad_credit"


@dataclass(frozen=True, slots=True)
class Credit:
    """``correct_total``: satang with VAT that should have been billed. ``buyer`` where none is known."""

    correct_total: int
    reason_code: str
    reason: str
    buyer: Buyer | None = None


def may_ask_full(document: TaxDocument, today: date) -> bool:
    """Whether its holder may have a full one made of it: within the tax month."""
    same_month = (document.tax_point.year, document.tax_point.month) == (today.year, today.month)
    return document.is_live and not document.buyer and document.of_a_sale and same_month


def ask_full(document: TaxDocument, buyer: Buyer, actor: audit.Actor) -> TaxDocument:
    """The customer's own request, once and within the tax month; later the office decides."""
    if document.is_live and document.buyer:
        raise NotOpen(_("A full one was issued already."))
    if document.is_live and not may_ask_full(document, issuing.local_day(timezone.now())):
        raise MonthOver
    return replace_with(document, buyer, purpose="full", reason="", actor=actor)


def replace_with(
    document: TaxDocument, buyer: Buyer | None, *, purpose: str, reason: str, actor: audit.Actor
) -> TaxDocument:
    """Another document in its place, to ``buyer`` (None: to nobody, as it was).

    An abbreviated one becomes full with a buyer; a receipt stays a receipt. A void one may be issued
    again this way.
    """
    copy = buyers.checked(buyer) if buyer is not None else document.buyer
    with transaction.atomic():
        old = _locked(document)
        if not old.of_a_sale or hasattr(old, "replacement"):
            raise NotOpen
        _no_credits(old)
        kind = _kind(old, copy)
        if old.is_live:
            why = reason or PURPOSES[purpose][1]
            issuing.close(old, DocumentState.REPLACED, by=actor.name or actor.kind, reason=why)
        made = issuing.write(_again(old, kind, copy, actor, purpose, reason, buyer))
        if buyer is not None and old.customer is not None:
            old.customer.buyer = copy
            old.customer.save(update_fields=["buyer"])
        issuing.tell(old)
        _remember(actor, "replace_document", made, {"replaces": old.number, "reason": reason})
    return made


def enter_outside(
    document: TaxDocument, number: str, actor: audit.Actor, buyer: Buyer | None = None
) -> TaxDocument:
    """The full invoice was issued on paper or elsewhere: its number takes the document's place here."""
    number = " ".join(number.split())
    if not 1 <= len(number) <= 40:
        raise DomainError(_("Give the number as it stands on the paper."), field="number")
    copy = buyers.checked(buyer) if buyer is not None else document.buyer
    with transaction.atomic():
        old = _locked(document)
        if not old.is_live or not old.of_a_sale or old.kind == DocumentKind.RECEIPT:
            raise NotOpen
        _no_credits(old)
        taken = TaxDocument.objects.filter(tax_entity=old.tax_entity, number=number)
        if taken.exists():
            raise Conflict(_("A document with this number exists already."), field="number")
        issuing.close(old, DocumentState.REPLACED, by=actor.name, reason=f"{TAX_INVOICE} {number}")
        new = _again(old, DocumentKind.FULL, copy, actor, "full", "", buyer)
        made = issuing.keep(
            replace(new, more=new.more | {"outside": True}), series=None, number=number
        )
        issuing.tell(old)
        _remember(actor, "enter_outside_document", made, {"replaces": old.number})
    return made


def void(document: TaxDocument, reason: str, actor: audit.Actor) -> TaxDocument:
    """Cancelled, with nothing in its place. It keeps its number and stays in the report."""
    reason = " ".join(reason.split())
    if not reason:
        raise NoReason(field="reason")
    with transaction.atomic():
        old = _locked(document)
        if not old.is_live:
            raise NotOpen
        if old.kind == DocumentKind.CREDIT_NOTE:
            raise Conflict(
                _("The money of this credit note was given back already: it cannot be made void.")
            )
        _no_credits(old)
        issuing.close(old, DocumentState.VOID, by=actor.name, reason=reason)
        issuing.tell(old)
        _remember(actor, "void_document", old, {"reason": reason})
    return old


def credit(document: TaxDocument, wish: Credit, actor: audit.Actor) -> TaxDocument:
    """A credit note over the difference; the customer gets that money (wallet, or a refund).

    ``BadCredit`` where the correct value is not below what was billed.
    """
    reason = " ".join(wish.reason.split())
    if wish.reason_code not in CREDIT_REASONS or (wish.reason_code == "CDNS99" and not reason):
        raise NoReason(field="reason")
    reason = reason or CREDIT_REASONS[wish.reason_code][0]
    with transaction.atomic():
        old = _locked(document)
        if not old.is_live or old.kind not in (DocumentKind.ABBREVIATED, DocumentKind.FULL):
            raise NotOpen
        if not old.buyer and wish.buyer is None:
            raise BadCredit(_("A credit note names the buyer."), field="name")
        copy = buyers.checked(wish.buyer) if wish.buyer is not None else old.buyer
        before, after, sums = difference(old, wish.correct_total)
        made = issuing.write(
            issuing.NewDocument(
                entity=old.tax_entity,
                kind=DocumentKind.CREDIT_NOTE,
                tax_point=issuing.local_day(timezone.now()),
                sums=sums,
                rate=old.vat_rate,
                buyer=copy,
                customer=old.customer,
                by=actor.name,
                more={
                    "corrects": old,
                    "original_value": before,
                    "correct_value": after,
                    "session_id": old.session_id,
                    "payment": old.payment,
                    "purpose_code": wish.reason_code,
                    "purpose": reason[:300],
                    "about": old.about,
                },
            )
        )
        _give_back(made, old)
        _remember(actor, "issue_credit_note", made, {"corrects": old.number, "reason": reason})
    return made


def difference(old: TaxDocument, correct_total: int) -> tuple[int, int, Sums]:
    """(value before, value that is right, sums of the difference), without VAT the first two.

    Earlier credit notes have lowered what is there to lower.
    """
    earlier = list(old.corrections.filter(state=DocumentState.LIVE))
    total = old.total - sum(note.total for note in earlier)
    before = old.base - sum(note.base for note in earlier)
    if not 0 <= correct_total < total:
        raise BadCredit(
            _("The correct amount must be below %(total)s baht, and not below zero."),
            field="correct_total",
            total=f"{Decimal(total).scaleb(-2):,.2f}",
        )
    after = correct_total - vat_within(correct_total, old.vat_rate)
    base, amount = before - after, total - correct_total
    line = {
        "name": f"ลดค่าบริการตามใบกำกับภาษีเลขที่ {old.number}",
        "name_en": f"Reduction of tax invoice {old.number}",
        "quantity": "1",
        "unit": documents.ONCE[1],
        "unit_code": documents.ONCE[2],
        "unit_price": f"{Decimal(amount).scaleb(-2):f}",
        "amount": amount,
        "base": base,
        "vat": amount - base,
    }
    return before, after, Sums(amount, base, amount - base, [line])


def _again(
    old: TaxDocument,
    kind: DocumentKind,
    buyer: dict[str, Any],
    actor: audit.Actor,
    purpose: str,
    reason: str,
    typed: Buyer | None,
) -> issuing.NewDocument:
    """The same sale under the same date, with a note that names the old document."""
    code = ("RCTC" if kind == DocumentKind.RECEIPT else "TIVC") + PURPOSES[purpose][0]
    return issuing.NewDocument(
        entity=old.tax_entity,
        kind=kind,
        tax_point=old.tax_point,
        sums=Sums(old.total, old.base, old.vat, old.lines),
        rate=old.vat_rate,
        buyer=buyer,
        customer=old.customer,
        sessions=list(old.covers.values_list("session_id", flat=True)),
        by=actor.name or actor.kind,
        more={
            "replaces": old,
            "purpose_code": code,
            "purpose": reason[:300],
            "note": REPLACED.format(
                what=WORDS.get(kind, TAX_INVOICE), number=old.number, day=_thai(old.tax_point)
            ),
            "session_id": old.session_id,
            "payment": old.payment,
            "source": old.source,
            "paid_with": old.paid_with,
            "about": old.about,
            "plate": buyers.plate_of(typed) if typed is not None else old.plate,
        },
    )


def _kind(old: TaxDocument, buyer: dict[str, Any]) -> DocumentKind:
    if old.kind == DocumentKind.RECEIPT:
        return DocumentKind.RECEIPT
    return DocumentKind.FULL if buyer else DocumentKind.ABBREVIATED


def _locked(document: TaxDocument) -> TaxDocument:
    rows = TaxDocument.objects.select_for_update(of=("self",)).select_related(
        "tax_entity", "customer", "payment"
    )
    return rows.get(pk=document.pk)


def _no_credits(document: TaxDocument) -> None:
    if document.corrections.filter(state=DocumentState.LIVE).exists():
        raise HasCreditNote


def _give_back(note: TaxDocument, old: TaxDocument) -> None:
    """Income and VAT fall by the difference; it is owed to whoever paid, at once."""
    company, guest = note.company, old.payment if old.customer is None else None
    income = ledger.account(company, AccountKind.INCOME)
    vat = ledger.account(company, AccountKind.VAT_OUTPUT, tax_entity=note.tax_entity)
    owed = _owed_to(old, guest)
    ledger.transfer(
        company,
        _key(note),
        "credit_note",
        [
            ledger.debit(income, note.base),
            ledger.debit(vat, note.vat),
            ledger.credit(owed, note.total),
        ],
        reason=note.number,
        actor=note.issued_by,
        session_id=note.session_id,
        customer=old.customer,
    )
    if guest is not None:
        refunds.give_back(guest, note.total, RefundReason.ADMIN, _key(note))


def _owed_to(old: TaxDocument, guest: Payment | None) -> Account:
    """The account that the money goes back through: a wallet, or where the payment came in."""
    if old.customer is not None:
        return wallets.wallet_of(old.customer)
    if guest is None:
        raise BadCredit(_("Nobody is known to give the money back to."))
    if guest.hold:
        return ledger.account(
            old.company,
            AccountKind.CARD_DUE,
            tax_entity=guest.tax_entity,
            gateway=guest.gateway,
        )
    return ledger.account(old.company, AccountKind.GUEST_DEPOSIT)


def _key(note: TaxDocument) -> str:
    return f"credit_note:{note.pk}"


def _thai(day: date) -> str:
    return f"{day.day:02d}/{day.month:02d}/{day.year + documents.BUDDHIST_ERA}"


def _remember(actor: audit.Actor, action: str, document: TaxDocument, what: dict[str, Any]) -> None:
    audit.record(
        actor,
        action,
        f"document:{document.pk}",
        company_id=document.company_id,
        new={"number": document.number, "total": document.total, **what},
    )
