"""Documents by e-mail: a due row with what to attach; the sweep sends it (``users.messages.email``)."""

from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import TaxDocument
from billing.papers.words import TITLES
from evbilling.templatetags.ui import baht, day
from users.messages import email
from users.models import Message

ATTACHED = "billing.services.documents.attached"


def send(document: TaxDocument, address: str) -> Message:
    """Once per address, document and day, in a transaction. ``EmailOff``, ``BadAddress``, ``TooMany``."""
    title = TITLES[document.kind][0]
    subject = f"{title} {document.number}"
    text = _(
        "%(seller)s sends you %(number)s of %(day)s over %(amount)s. The document is attached as a PDF."
    ) % {
        "seller": document.seller["name"],
        "number": document.number,
        "day": day(document.tax_point),
        "amount": baht(document.total),
    }
    name = "".join(
        c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in document.number
    )
    key = f"document:{document.pk}:{address.lower()}:{timezone.now():%Y%m%d}"
    return email.send_document(
        address,
        subject,
        text,
        f"{name}.pdf",
        (ATTACHED, document.pk),
        key[:120],
        company=document.company,
        customer=document.customer,
    )
