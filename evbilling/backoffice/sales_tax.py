"""The monthly sales-tax report of one issuer: on the page, as a workbook, on paper."""

from datetime import date
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from billing.papers import sales_tax as papers
from billing.selectors import documents
from billing.selectors.documents import Report
from core.errors import NotAllowed
from evbilling.backoffice.gate import AdminRequest, needs, rows
from evbilling.backoffice.invoices import XLSX
from evbilling.backoffice.moments import today
from evbilling.templatetags.ui import month
from users.access import Action
from users.models import TaxEntity

MONTHS_BACK = 24
MOST_ROWS = 500  # on the page; the files hold them all


@needs(Action.VIEW_DOCUMENT)
def page(request: AdminRequest) -> HttpResponse:
    entities = _entities(request)
    entity, first = _chosen(request, entities)
    report = documents.sales_tax(entity, first.year, first.month) if entity else None
    context: dict[str, Any] = {
        "entities": entities,
        "entity": entity,
        "month": first,
        "months": [(m.isoformat()[:7], month(m)) for m in _months()],
        "chosen_month": first.isoformat()[:7],
        "report": report,
        "rows": report.rows[:MOST_ROWS] if report else [],
        "more": max(len(report.rows) - MOST_ROWS, 0) if report else 0,
        "running": first == today().replace(day=1),
    }
    return render(request, "backoffice/sales_tax.html", context)


@needs(Action.VIEW_DOCUMENT)
def file(request: AdminRequest, kind: str) -> HttpResponse:
    """``report.xlsx`` and ``report.pdf``."""
    entity, first = _chosen(request, _entities(request))
    if entity is None or kind not in ("xlsx", "pdf"):
        raise Http404
    report = documents.sales_tax(entity, first.year, first.month)
    content, content_type = _made(report, kind)
    response = HttpResponse(content, content_type=content_type)
    name = f"sales-tax-{entity.tax_id}-{entity.branch_code}-{first:%Y-%m}.{kind}"
    way = "attachment" if kind == "xlsx" else "inline"
    response["Content-Disposition"] = f'{way}; filename="{name}"'
    return response


def _made(report: Report, kind: str) -> tuple[bytes, str]:
    if kind == "xlsx":
        return papers.workbook(report), XLSX
    return papers.printed(report), "application/pdf"


def _entities(request: AdminRequest) -> list[TaxEntity]:
    """A report is of an issuer as a whole: who sees only some stations does not get it."""
    if not request.admin.all_stations:
        raise NotAllowed(
            _("Your account sees only some stations; this report is about all of them.")
        )
    return list(rows(request, TaxEntity.objects.order_by("name", "branch_code")))


def _chosen(request: AdminRequest, entities: list[TaxEntity]) -> tuple[TaxEntity | None, date]:
    asked = request.GET.get("entity", "")
    entity = next((e for e in entities if str(e.pk) == asked), None)
    if asked and entity is None:
        raise Http404
    if entity is None and entities:
        entity = next((e for e in entities if e.vat_registered_on(today())), entities[0])
    text = request.GET.get("month", "")
    first = next((m for m in _months() if m.isoformat()[:7] == text), today().replace(day=1))
    return entity, first


def _months() -> list[date]:
    """This month and those before it."""
    number = today().year * 12 + today().month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(number, number - MONTHS_BACK, -1)]
