"""What the holder of a document's link may do: open it, and once ask for a full one (features A11)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe

from billing.models import DocumentKind, TaxDocument
from billing.selectors.documents import newest
from billing.services import buyers
from billing.services import document_changes as changes
from core.audit import Actor
from core.errors import DomainError
from evbilling.backoffice.document_forms import BuyerForm
from evbilling.backoffice.invoices import as_pdf
from evbilling.backoffice.moments import today
from evbilling.customer import guard
from evbilling.customer.paper_links import document_by_token, token_of
from evbilling.middleware import client_address
from evbilling.templatetags.papers import title_of

View = Callable[[HttpRequest, TaxDocument], HttpResponse]
Routed = Callable[..., HttpResponse]


def by_link(view: View) -> Routed:
    """Give the view the document of a signed link; 404 for any other, and those are counted."""

    @wraps(view)
    def routed(request: HttpRequest, token: str) -> HttpResponse:
        try:
            document = document_by_token(token)
            if document is None:
                guard.limit_unknown(request)
                response = render(request, "customer/no_paper.html", {}, status=404)
            else:
                guard.limit_papers(request)
                response = view(request, document)
        except guard.TooOften as error:
            context = {"error": error, "home": request.path}
            response = render(request, "customer/closed.html", context, status=error.status)
        response["Cache-Control"] = "private, no-store"
        response["X-Robots-Tag"] = "noindex"
        return response

    return routed


@require_safe
@by_link
def pdf(request: HttpRequest, document: TaxDocument) -> HttpResponse:
    """The paper; of a replaced document the one in its place."""
    found = newest(document)
    return as_pdf(document if found.outside else found, request.GET.get("paper", ""))


@require_http_methods(["GET", "HEAD", "POST"])
@ensure_csrf_cookie
@by_link
def full(request: HttpRequest, document: TaxDocument) -> HttpResponse:
    """The form, or why there is none; after it the new document."""
    found = newest(document)
    open_now = changes.may_ask_full(found, today())
    known = buyers.remembered(found.customer)
    form = BuyerForm(
        request.POST if request.method == "POST" else None, initial=BuyerForm.initial_of(known)
    )
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            made = changes.ask_full(found, form.buyer(), _visitor(request))
            return redirect(f"{reverse('document-full', args=[token_of(made)])}?done=1")
        except DomainError as error:
            field = error.field if error.field in form.fields else None
            form.add_error(field, str(error))
            status = error.status
    elif request.method == "POST":
        status = 422
    return render(request, "customer/full.html", _context(found, form, open_now), status=status)


def _context(document: TaxDocument, form: BuyerForm, open_now: bool) -> dict[str, Any]:
    token = token_of(document)
    return {
        "document": document,
        "title": title_of(document),
        "taxed": document.kind != DocumentKind.RECEIPT,
        "form": form,
        "company": form["who"].value() != "person",
        "open_now": open_now,
        "pdf": "" if document.outside else reverse("document", args=[token]),
        "station": document.session.station if document.session else None,
        "home": reverse("document-full", args=[token]),
    }


def _visitor(request: HttpRequest) -> Actor:
    """Nobody signs in for this: the link is the right."""
    return Actor("visitor", "", "ผู้ใช้บริการ", client_address(request))
