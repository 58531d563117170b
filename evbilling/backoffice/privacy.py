"""What is kept, how long and why; and what members have asked for about their data."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from core import audit
from evbilling import retention
from evbilling.backoffice.gate import AdminRequest, actor, needs, rows
from users.access import Action, may
from users.models import DataRequest

MOST = 200


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    """The retention table; for owners the open requests."""
    answers = may(request.admin, Action.EDIT_COMPANY)
    asked = rows(request, DataRequest.objects.select_related("customer"))
    found = {
        "table": retention.TABLE,
        "requests": list(asked.filter(done_at__isnull=True)[:MOST]) if answers else [],
        "answers": answers,
        "now": timezone.now(),
    }
    return render(request, "backoffice/privacy.html", found)


@require_POST
@needs(Action.EDIT_COMPANY)
def done(request: AdminRequest, pk: int) -> HttpResponse:
    """A request has been answered."""
    row = get_object_or_404(rows(request, DataRequest.objects.all()), pk=pk)
    who = actor(request)
    open_one = DataRequest.objects.filter(pk=row.pk, done_at__isnull=True)
    if open_one.update(done_at=timezone.now(), done_by=who.name):
        audit.record(
            who,
            f"answer_{row.kind}",
            f"customer:{row.customer_id}",
            company_id=row.company_id,
        )
    return redirect("privacy")
