"""Documents on the pages of customers and members: what there is and where its paper is."""

from dataclasses import dataclass

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.models import DocumentKind, DocumentState, TaxDocument
from billing.papers.words import number_of
from billing.selectors import documents
from billing.services.document_changes import may_ask_full
from evbilling.backoffice.moments import today
from evbilling.customer.paper_links import token_of
from stations.models import Session
from users.models import Customer
from users.tax_ids import HEAD_OFFICE

register = template.Library()
MOST = 100


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as a customer sees it. ``pdf`` and ``full`` are links, '' where there is none."""

    document: TaxDocument
    title: str
    branch: str
    seller_number: str
    pdf: str
    full: str

    @property
    def taxed(self) -> bool:
        return self.document.kind != DocumentKind.RECEIPT


@register.simple_tag
def documents_of(session: Session) -> list[Paper]:
    """The valid documents about a charge, the invoice before its credit notes."""
    found = documents.of_session(session.pk).filter(state=DocumentState.LIVE).order_by("id")
    return [paper_of(document) for document in found]


@register.simple_tag
def documents_of_customer(customer: Customer) -> list[Paper]:
    """A member's documents, the newest first."""
    found = TaxDocument.objects.filter(customer=customer, state=DocumentState.LIVE)
    return [paper_of(document) for document in found.order_by("-tax_point", "-id")[:MOST]]


def paper_of(document: TaxDocument) -> Paper:
    token = token_of(document)
    return Paper(
        document,
        title_of(document),
        branch_word(document.seller["branch_code"]),
        number_of(document.seller),
        "" if document.outside else reverse("document", args=[token]),
        reverse("document-full", args=[token]) if may_ask_full(document, today()) else "",
    )


def branch_word(code: str) -> str:
    """The place of business, as a page says it (Notification 199 of the Director-General)."""
    if code == HEAD_OFFICE:
        return _("Head office")
    return _("Branch %(code)s") % {"code": code}


def title_of(document: TaxDocument) -> str:
    return {
        DocumentKind.ABBREVIATED: _("Abbreviated tax invoice"),
        DocumentKind.FULL: _("Full tax invoice"),
        DocumentKind.CREDIT_NOTE: _("Credit note"),
        DocumentKind.RECEIPT: _("Receipt"),
    }.get(DocumentKind(document.kind), _("Billing note"))
