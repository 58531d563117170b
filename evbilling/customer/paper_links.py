"""Signed links to documents: whoever has one may read that document, nobody finds another's."""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from billing.models import TaxDocument

_signer = signing.Signer(salt="customer.document", sep=".")


def token_of(document: TaxDocument) -> str:
    return _signer.sign(str(document.pk))


def link(document: TaxDocument) -> str:
    """The whole address of a document's PDF, for messages."""
    return f"{settings.PUBLIC_URL}{reverse('document', args=[token_of(document)])}"


def document_by_token(token: str) -> TaxDocument | None:
    try:
        pk = int(_signer.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    rows = TaxDocument.objects.select_related("session__station", "tax_entity", "customer")
    return rows.filter(pk=pk).first()
