"""Monthly bills: the list, who owes what is on none, one bill, its payments (features B5, C3)."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from billing.models import Bill, Statement, StatementLine, StatementState
from billing.money import to_satang
from billing.payments.base import Method
from billing.selectors import statements as selectors
from billing.services import statements as service
from core.errors import DomainError
from evbilling.backoffice.chips import chip
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.backoffice.moments import parse_day, today
from evbilling.statement_links import pdf_of
from evbilling.states import State
from evbilling.templatetags.ui import is_thai
from stations.selectors import keyset
from users.access import Action, may
from users.models import Customer

MOST_OWING = 200
STATES: dict[str, State] = {
    StatementState.OPEN: State(
        "wait", "clock", gettext_lazy("To be paid"), gettext_lazy("To be paid")
    ),
    StatementState.OVERDUE: State(
        "bad", "alert-circle", gettext_lazy("Overdue"), gettext_lazy("Overdue")
    ),
    StatementState.PAID: State("ok", "check", gettext_lazy("Paid"), gettext_lazy("Paid")),
    StatementState.VOID: State("out", "ban", gettext_lazy("Void"), gettext_lazy("Void")),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A statement as the list shows it."""

    statement: Statement
    outstanding: int

    @property
    def state(self) -> State:
        late = self.statement.state == StatementState.OPEN and self.statement.due_on < today()
        return STATES[StatementState.OVERDUE if late else self.statement.state]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill as it was issued, with what is open of it now."""

    data: dict[str, Any]
    at: Any
    outstanding: int

    @property
    def station(self) -> str:
        return str(self.data["station_th"] if is_thai() else self.data["station"])


@dataclass(frozen=True, slots=True)
class Owing:
    """A customer with bills that are on no statement, in satang."""

    customer: Customer
    satang: int
    bills: int


@needs(Action.VIEW_DOCUMENT)
def index(request: AdminRequest) -> HttpResponse:
    return render(request, "backoffice/statements.html", _index(request))


@require_POST
@needs(Action.ISSUE_STATEMENT)
def issue(request: AdminRequest) -> HttpResponse:
    """Bill a customer now, whatever the day."""
    _whole_company(request)
    post, errors = request.POST, {}
    customer = (
        rows(request, Customer.objects.all()).filter(pk=_number(post.get("customer"))).first()
    )
    due = parse_day(post.get("due_on", ""))
    if customer is None:
        errors["customer"] = _("Choose a customer.")
    if due is None:
        errors["due_on"] = _("Choose a day.")
    if customer is not None and due is not None:
        try:
            key = f"form:{post.get('key', '')[:36]}"
            made = service.issue(customer, actor=actor(request), due_on=due, key=key)
            return redirect("statement", made[0].pk)
        except DomainError as error:
            errors[error.field or "customer"] = str(error)
    context = _index(request, errors=errors, typed=post.dict())
    return render(request, "backoffice/statements.html", context, status=422)


@require_POST
@needs(Action.ISSUE_STATEMENT)
def terms(request: AdminRequest) -> HttpResponse:
    """When bills are made by themselves, and the days there are to pay them."""
    _whole_company(request)
    post = request.POST
    try:
        found = service.Terms(
            _number(post.get("cycle_day"), 0),
            _number(post.get("due_days"), -1),
            post.get("automatic") == "on",
        )
        service.set_terms(request.company, found, actor=actor(request))
    except DomainError as error:
        context = _index(request, errors={error.field: str(error)}, typed=post.dict())
        return render(request, "backoffice/statements.html", context, status=422)
    return redirect("statements")


@needs(Action.VIEW_DOCUMENT)
def detail(request: AdminRequest, pk: int) -> HttpResponse:
    return render(request, "backoffice/statement.html", _detail(request, _of(request, pk)))


@needs(Action.VIEW_DOCUMENT)
def paper(request: AdminRequest, pk: int) -> HttpResponse:
    """The bill as PDF."""
    return pdf_of(_of(request, pk))


@require_POST
@needs(Action.TAKE_PAYMENT)
def pay(request: AdminRequest, pk: int) -> HttpResponse:
    """Cash or a transfer that an admin has seen."""
    row, post = _of(request, pk), request.POST
    try:
        method = post.get("method", "")
        service.take_payment(
            row,
            _satang(post.get("amount", "")),
            method=Method(method) if method in (Method.CASH, Method.TRANSFER) else Method.CARD,
            key=post.get("key", "")[:36] or uuid.uuid4().hex,
            actor=actor(request),
            note=post.get("note", "").strip()[:200],
        )
    except DomainError as error:
        return _again(request, row, error)
    return redirect("statement", row.pk)


@require_POST
@needs(Action.ISSUE_STATEMENT)
def void(request: AdminRequest, pk: int) -> HttpResponse:
    row = _of(request, pk)
    try:
        service.void(row, reason=request.POST.get("reason", ""), actor=actor(request))
    except DomainError as error:
        return _again(request, row, error)
    return redirect("statement", row.pk)


def _index(
    request: AdminRequest,
    *,
    errors: dict[str, str] | None = None,
    typed: dict[str, Any] | None = None,
) -> dict[str, Any]:
    mine = rows(request, Statement.objects.select_related("customer", "tax_entity"))
    if not request.admin.all_stations:
        mine = mine.none()
    words = {key: str(state.word) for key, state in STATES.items()}
    found, state = mine, request.GET.get("state", "")
    if state in words:
        found = _in_state(found, state)
    wanted = request.GET.get("customer", "")
    if wanted.isdigit():
        found = found.filter(customer_id=int(wanted))
    page = keyset.page(
        selectors.with_outstanding(found), "issued_at", keyset.parse(request.GET.get("at", ""))
    )
    agreed = service.terms_of(request.company)
    return {
        "page": page,
        "rows": [Row(row, int(getattr(row, "outstanding", 0))) for row in page.rows],
        "chips": [chip(request, "state", _("Status"), words)],
        "filtered": state in words or wanted.isdigit(),
        "owing": _owing(request),
        "terms": agreed,
        "usual_due": today() + timedelta(days=agreed.due_days),
        "key": uuid.uuid4(),
        "errors": errors or {},
        "typed": typed or {},
        "may_issue": may(request.admin, Action.ISSUE_STATEMENT) and request.admin.all_stations,
    }


def _in_state(found: QuerySet[Statement], state: str) -> QuerySet[Statement]:
    """Overdue from the day after it was due, also before the job has said so."""
    late = {"state__in": selectors.UNPAID, "due_on__lt": today()}
    if state == StatementState.OVERDUE:
        return found.filter(**late)
    found = found.filter(state=state)
    return found.exclude(**late) if state == StatementState.OPEN else found


def _owing(request: AdminRequest) -> list[Owing]:
    """Customers who owe something that is on no bill, those who owe most first."""
    if not request.admin.all_stations:
        return []
    stated = StatementLine.objects.filter(live=True, bill__isnull=False).values("bill_id")
    owed = rows(request, Bill.objects.filter(outstanding__gt=0, customer__isnull=False))
    sums = (
        owed.exclude(pk__in=stated)
        .order_by()
        .values("customer")
        .annotate(satang=Sum("outstanding"), n=Count("pk"))
        .order_by("-satang")[:MOST_OWING]
    )
    customers = Customer.objects.in_bulk([row["customer"] for row in sums])
    return [
        Owing(customers[row["customer"]], row["satang"], row["n"])
        for row in sums
        if row["customer"] in customers
    ]


def _detail(request: AdminRequest, row: Statement) -> dict[str, Any]:
    owed = selectors.outstanding_of(row)
    now = [
        line.bill.outstanding if line.bill else line.fee.outstanding if line.fee else 0
        for line in row.lines.select_related("bill", "fee")
    ]
    return {
        "row": Row(row, owed),
        "statement": row,
        "lines": [
            Line(data, parse_datetime(data["at"]), left if row.state != StatementState.VOID else 0)
            for data, left in zip(row.copy["lines"], now, strict=True)
        ],
        "payments": list(row.payments.order_by("pk")),
        "key": uuid.uuid4(),
        "may_pay": may(request.admin, Action.TAKE_PAYMENT) and row.is_open and owed > 0,
        "may_void": may(request.admin, Action.ISSUE_STATEMENT) and row.is_open,
        "errors": {},
        "typed": {},
        "now": timezone.now(),
    }


def _again(request: AdminRequest, row: Statement, error: DomainError) -> HttpResponse:
    """The page with what is wrong; of a bill that is closed by now, its fresh state."""
    context = _detail(request, _of(request, row.pk))
    context |= {
        "errors": {error.field or "other": str(error)},
        "typed": request.POST.dict(),
    }
    return render(request, "backoffice/statement.html", context, status=422)


def _of(request: AdminRequest, pk: int) -> Statement:
    found = one(
        request,
        Statement.objects.select_related("customer", "tax_entity", "document"),
        pk=pk,
    )
    _whole_company(request)
    return found


def _whole_company(request: AdminRequest) -> None:
    """A bill is over all stations: admins of some of them do not see it."""
    if not request.admin.all_stations:
        raise Http404


def _number(text: str | None, otherwise: int = 0) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _satang(text: str) -> int:
    """What was typed in baht; 0, which the service refuses, for what is no amount."""
    try:
        return to_satang(text.strip().replace(",", ""))
    except ValueError:
        return 0
