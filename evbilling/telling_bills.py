"""Telling customers about their monthly bills."""

from typing import Any

from django.urls import reverse

from billing.models import Statement
from billing.money import to_baht
from billing.selectors import statements
from core.models import Fact
from evbilling.statement_links import sign
from users import messages


def on_statement_issued(fact: Fact) -> None:
    """There is a new monthly bill."""
    _tell(fact.subject_id, "statement_issued", "statement_issued")


def on_statement_reminder(fact: Fact) -> None:
    """It is due soon, or is not paid though it was due."""
    which = fact.data["reminder"]
    _tell(fact.subject_id, f"statement_{which}", f"statement_{which}")


def _tell(pk: int, kind: str, key: str) -> None:
    row = Statement.objects.select_related("customer").get(pk=pk)
    owed = statements.outstanding_of(row)
    if row.is_open and owed:
        messages.tell(row.customer, kind, f"{key}:{row.pk}", payload_of(row, owed))


def payload_of(row: Statement, owed: int) -> dict[str, Any]:
    """What every message about a monthly bill carries; the link opens its paper."""
    return {
        "statement": row.pk,
        "number": row.number,
        "month": f"{row.period_to:%Y-%m}",
        "amount": f"{to_baht(owed)}",
        "due_on": row.due_on.isoformat(),
        "link": reverse("statement-link", args=[sign(row)]),
    }
