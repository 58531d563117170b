"""Tax documents: the list by cycle, period, month or year, one document, its paper (features B10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import DocumentKind, DocumentState, TaxDocument
from billing.papers import listing
from billing.papers import words as paper_words
from billing.selectors.documents import DocumentFilter, Money
from billing.services import documents
from evbilling.backoffice import periods, totals
from evbilling.backoffice.chips import Chip, Choice, chip, url
from evbilling.backoffice.gate import AdminRequest, needs, one, rows
from evbilling.backoffice.moments import today
from evbilling.backoffice.periods import Days, Wanted
from evbilling.states import State
from evbilling.templatetags.ui import day
from stations.models import Station
from stations.selectors import keyset
from users.access import Action, may
from users.messages import email
from users.models import TaxEntity

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 20_000
STATES: dict[str, State] = {
    DocumentState.LIVE: State("ok", "check", gettext_lazy("Valid"), gettext_lazy("Valid")),
    DocumentState.REPLACED: State(
        "out", "refresh", gettext_lazy("Replaced"), gettext_lazy("Replaced")
    ),
    DocumentState.VOID: State("bad", "ban", gettext_lazy("Void"), gettext_lazy("Void")),
}
FILTERS = ("kind", "state", "number", "who", "entity")


@dataclass(frozen=True, slots=True)
class Row:
    """A document as the list shows it."""

    document: TaxDocument

    @property
    def state(self) -> State:
        return STATES[self.document.state]

    @property
    def who(self) -> str:
        found = self.document.buyer_name
        return found or (self.document.customer.name if self.document.customer else "")

    @property
    def sign(self) -> int:
        """What a credit note says is taken off."""
        return -1 if self.document.kind == DocumentKind.CREDIT_NOTE else 1

    @property
    def base(self) -> int:
        return self.sign * self.document.base

    @property
    def vat(self) -> int:
        return self.sign * self.document.vat

    @property
    def total(self) -> int:
        return self.sign * self.document.total


@needs(Action.VIEW_DOCUMENT)
def index(request: AdminRequest) -> HttpResponse:
    wanted, shown = _days(request)
    found = _filtered(request, shown)
    page = keyset.page(found, "issued_at", keyset.parse(request.GET.get("at", "")))
    context = {
        "page": page,
        "rows": [Row(document) for document in page.rows],
        "sums": _sums(found),
        "spans": _spans(request, wanted),
        "moments": _moments(request, wanted),
        "wanted": wanted,
        "shown": shown,
        "span_words": f"{day(shown.first)} – {day(shown.last)}",
        "chips": _chips(request),
        "filtered": any(request.GET.get(name) for name in FILTERS),
        "kept": _kept(request, "number", "who"),
        "kept_days": _kept(request, "from", "to", "span", "back"),
        "export_url": url(request),
    }
    return render(request, "backoffice/invoices.html", context)


@needs(Action.VIEW_DOCUMENT)
def export(request: AdminRequest) -> HttpResponse:
    """The list that is shown, as a workbook."""
    _, shown = _days(request)
    found = _filtered(request, shown).order_by("tax_point", "number")[:MOST_ROWS]
    response = HttpResponse(listing.workbook(list(found)), content_type=XLSX)
    name = f"invoices-{shown.first}-{shown.last}.xlsx"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@needs(Action.VIEW_DOCUMENT)
def detail(request: AdminRequest, pk: int) -> HttpResponse:
    return render(request, "backoffice/invoice.html", shown_document(request, of(request, pk)))


@needs(Action.VIEW_DOCUMENT)
def paper(request: AdminRequest, pk: int) -> HttpResponse:
    """The document as PDF: A4, a copy of it, or for the 80 mm roll."""
    return as_pdf(
        of(request, pk), request.GET.get("paper", ""), copy=request.GET.get("copy") == "1"
    )


def of(request: AdminRequest, pk: int) -> TaxDocument:
    queryset = TaxDocument.objects.select_related(
        "tax_entity", "customer", "session__station", "session__charger", "replaces", "corrects"
    )
    return one(request, queryset, pk=pk)


def as_pdf(document: TaxDocument, size: str, *, copy: bool = False) -> HttpResponse:
    content = documents.pdf(document, "80mm" if size == "80mm" else "a4", copy=copy)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{file_name(document)}"'
    response["X-Robots-Tag"] = "noindex"
    return response


def file_name(document: TaxDocument) -> str:
    plain = "".join(
        c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in document.number
    )
    return f"{plain}.pdf"


def shown_document(request: AdminRequest, document: TaxDocument) -> dict[str, Any]:
    """Everything of one document's page."""
    made = TaxDocument.objects.filter(replaces=document).first()
    admin, corrections = request.admin, list(document.corrections.order_by("id"))
    live, sale = document.is_live, document.of_a_sale
    credited = any(note.is_live for note in corrections)
    over = not _same_month(document.tax_point, today())
    may_issue = may(admin, Action.VOID_DOCUMENT if over else Action.ISSUE_DOCUMENT)
    free = sale and not credited and made is None
    taxed = document.kind in (DocumentKind.ABBREVIATED, DocumentKind.FULL)
    return {
        "document": document,
        "row": Row(document),
        "titles": paper_words.TITLES[document.kind],
        "charge": paper_words.charge(document),
        "seller_branch": paper_words.branch(document.seller["branch_code"])[0],
        "seller_number": paper_words.number_of(document.seller),
        "buyer_number": paper_words.number_of(document.buyer),
        "buyer_branch": paper_words.branch(document.buyer["branch_code"])[0]
        if document.buyer.get("branch_code")
        else "",
        "paid_with": paper_words.PAID_WITH.get(document.paid_with),
        "percent": paper_words.percent(document.vat_rate),
        "seller_address": document.address_of(document.seller),
        "buyer_address": document.address_of(document.buyer),
        "thai_day": paper_words.day(document.tax_point),
        "replacement": made,
        "corrections": corrections,
        "month_over": over,
        "mail": email.is_on() and not document.outside and may(admin, Action.ISSUE_DOCUMENT),
        "mail_to": document.buyer.get("email", ""),
        "mail_sent": request.GET.get("done") == "sent",
        "may_full": free and may_issue,
        "may_outside": free and live and taxed and not document.outside and may_issue,
        "may_void": live
        and not credited
        and document.kind != DocumentKind.CREDIT_NOTE
        and may(admin, Action.VOID_DOCUMENT),
        "may_credit": live and taxed and may(admin, Action.VOID_DOCUMENT),
    }


def _same_month(one_day: date, other: date) -> bool:
    return (one_day.year, one_day.month) == (other.year, other.month)


def _filtered(request: AdminRequest, shown: Days) -> QuerySet[TaxDocument]:
    wanted = DocumentFilter(
        kind=request.GET.get("kind", ""),
        state=request.GET.get("state", ""),
        number=request.GET.get("number", "").strip()[:40],
        who=request.GET.get("who", "").strip()[:60],
        entity_id=_number(request.GET.get("entity", "")),
        first=shown.first,
        last=shown.last,
    )
    mine = rows(request, TaxDocument.objects.select_related("customer", "tax_entity"))
    return wanted.narrow(mine)


def _days(request: AdminRequest) -> tuple[Wanted, Days]:
    """The filter of the source documents; this month where the URL says nothing."""
    given: Mapping[str, str] = {
        "totals": request.GET.get("span", "month"),
        **{key: request.GET.get(key, "") for key in ("back", "from", "to")},
    }
    wanted = periods.parse(given, today())
    begins = periods.cycle_days(
        rows(request, Station.objects.all()).values_list("billing_cycle_day", flat=True)
    )
    return wanted, periods.days_of(wanted, today(), begins[0])


def _sums(found: QuerySet[TaxDocument]) -> Money:
    """Of the whole list, not only of the page."""
    counted = found.filter(state=DocumentState.LIVE).exclude(kind=DocumentKind.BILLING_NOTE)
    added, taken = ~Q(kind=DocumentKind.CREDIT_NOTE), Q(kind=DocumentKind.CREDIT_NOTE)
    sums = counted.order_by().aggregate(
        **{f"{name}_in": Sum(name, default=0, filter=added) for name in ("base", "vat")},
        **{f"{name}_off": Sum(name, default=0, filter=taken) for name in ("base", "vat")},
    )
    return Money(
        found.order_by().count(),
        sums["base_in"] - sums["base_off"],
        sums["vat_in"] - sums["vat_off"],
    )


def _spans(request: HttpRequest, wanted: Wanted) -> list[Choice]:
    names = {
        "cycle": _("Cycle"),
        "period": _("Period"),
        "month": _("Month"),
        "year": _("Year"),
    }
    return [
        Choice(
            name, url(request, span=kind, back="", **{"from": "", "to": ""}), wanted.kind == kind
        )
        for kind, name in names.items()
    ]


def _moments(request: HttpRequest, wanted: Wanted) -> list[Choice]:
    return [
        Choice(name, url(request, back=str(back) if back else ""), back == wanted.back)
        for back, name in totals.moments(wanted, timezone.now())
    ]


def _chips(request: AdminRequest) -> list[Chip]:
    chips = [
        chip(request, "kind", _("Kind"), {k: str(w) for k, w in DocumentKind.choices}),
        chip(request, "state", _("Status"), {k: str(s.word) for k, s in STATES.items()}),
    ]
    entities = list(rows(request, TaxEntity.objects.order_by("name", "branch_code"))[:100])
    if len(entities) > 1:
        chips.insert(0, chip(request, "entity", _("Issuer"), {str(e.pk): str(e) for e in entities}))
    return chips


def _kept(request: HttpRequest, *without: str) -> list[tuple[str, str]]:
    return [(k, str(v)) for k, v in request.GET.items() if v and k not in (*without, "at", "part")]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
