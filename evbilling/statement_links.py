"""A customer's own monthly bill as PDF, behind a signed link: whoever has the link sees this bill only."""

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse

from billing.models import Statement
from billing.services import statement_documents as papers

_signer = signing.Signer(salt="customer.statement", sep=".")


def sign(row: Statement) -> str:
    return _signer.sign(str(row.pk))


def paper(request: HttpRequest, token: str) -> HttpResponse:
    """The PDF; 404 for a token that is not ours."""
    try:
        pk = int(_signer.unsign(token))
    except (signing.BadSignature, ValueError):
        raise Http404 from None
    found = Statement.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return pdf_of(found)


def pdf_of(row: Statement) -> HttpResponse:
    response = HttpResponse(papers.pdf(row), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{row.number}.pdf"'
    response["Cache-Control"] = "private, no-store"
    return response
