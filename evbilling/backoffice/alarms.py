"""Deliveries that keep failing: what is not happening because of them, why, and trying again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing.models import PaymentDoubt
from core import audit, outbox
from core.models import Delivery
from evbilling.backoffice import alarms_line
from evbilling.backoffice.gate import AdminRequest, actor, needs
from users.access import Action

MOST = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """One delivery: what it would do, for what, and what stands in its way."""

    row: Delivery
    task: str
    url: str
    error: str
    rest: str


@needs(Action.RETRY_DELIVERY)
def index(request: AdminRequest) -> HttpResponse:
    found = list(
        _visible(request)
        .filter(due__isnull=False, attempts__gt=0)
        .select_related("fact")
        .order_by("-attempts", "due")[:MOST]
    )
    context = {
        "alarms": [_shown(row) for row in found if row.alarming],
        "waiting": [_shown(row) for row in found if not row.alarming],
        "late": _late(request),
        "doubts": _doubts(request),
        "quota": alarms_line.shown(),
        "retried": request.GET.get("retried", ""),
        "most": Delivery.ALARM_AFTER,
    }
    part = "#rows" if request.GET.get("part") == "rows" else ""
    return render(request, f"backoffice/alarms.html{part}", context)


@require_POST
@needs(Action.RETRY_DELIVERY)
def retry(request: AdminRequest, pk: int) -> HttpResponse:
    """Try again now, with all its chances back."""
    row = get_object_or_404(_visible(request), pk=pk, due__isnull=False)
    outbox.retry(row)
    audit.record(
        actor(request),
        "retry_delivery",
        f"delivery:{row.pk}",
        company_id=request.company.pk,
        new={"handler": row.handler},
    )
    return redirect(f"{reverse('alarms')}?retried={row.pk}")


def _visible(request: AdminRequest) -> QuerySet[Delivery]:
    """Deliveries of the company's facts; of an admin with some stations only theirs."""
    found = Delivery.objects.filter(fact__company_id=request.company.pk)
    if not request.admin.all_stations:
        mine = list(request.admin.limited_stations.values_list("pk", flat=True))
        found = found.filter(fact__data__station__in=mine)
    return found


def _doubts(request: AdminRequest) -> list[PaymentDoubt]:
    """What gateways said of the company's payments and nobody believed."""
    found = PaymentDoubt.objects.filter(company=request.company, resolved_at__isnull=True)
    return list(found.select_related("payment")[:MOST])


def _late(request: AdminRequest) -> datetime | None:
    """Since when the oldest delivery waits that should long have run: nobody is delivering."""
    limit = timezone.now() - timedelta(seconds=30)
    waiting = _visible(request).filter(Q(due__lt=limit), attempts=0)
    return waiting.order_by("due").values_list("due", flat=True).first()


def _shown(row: Delivery) -> Shown:
    error, _newline, rest = row.error.partition("\n")
    return Shown(row, task_word(row.handler), _url(row), error[:300], rest[:2000])


def task_word(handler: str) -> str:
    """What a handler does, as its victim would say it."""
    return {
        "billing.services.bills.on_session_ended": _("Making the bill of a charge"),
        "billing.services.allowance.on_session_started": _("Working out how far the money reaches"),
        "billing.services.allowance.on_allowance_due": _("Renewing what a charge may draw"),
        "billing.services.allowance.on_authorisation_lapsed": _("Giving held money back"),
        "billing.services.allowance.on_wallet_changed": _("Letting running charges use new money"),
        "stations.services.authorisations.on_lapsed": _("Noting a start that nothing followed"),
        "stations.services.outcomes.on_command_finished": _("Taking in a charger’s answer"),
        "stations.services.arrivals.on_chargers_booted": _("Seeing to chargers that have booted"),
        "stations.services.campaigns.on_transfer_changed": _("Going on with a campaign"),
        "stations.services.local_lists.on_people_changed": _("Keeping the chargers’ card lists"),
        "stations.services.commissioning.on_due": _("Setting a charger up"),
        "stations.services.certificates.on_certificate_due": _("Signing a charger’s certificate"),
        "stations.services.upgrades.on_upgrade_due": _("Ending a change of security profile"),
        "billing.services.purchases.on_purchase_due": _("Giving back what started nothing"),
        "billing.services.purchases.on_session_started": _("Keeping a plug for who has paid"),
        "billing.services.refunds.on_reminder_due": _("Reminding of money to be given back"),
        "evbilling.selling.on_payment_changed": _("Starting a charge that was paid for"),
        "evbilling.selling.on_plugged_in": _("Starting a charge that was paid for"),
        "evbilling.selling.on_start_due": _("Starting a charge that was paid for"),
        "evbilling.telling.on_session_billed": _("Telling the customer about the bill"),
        "evbilling.telling_refunds.on_refund_changed": _("Telling the customer about money back"),
        "evbilling.telling.on_line_guest_ready": _("Telling a guest by LINE"),
        "evbilling.telling.on_grace_ending": _("Telling the customer to move the car"),
        "evbilling.telling_bills.on_statement_issued": _("Telling the customer of a monthly bill"),
        "evbilling.telling_bills.on_statement_reminder": _("Reminding of a monthly bill"),
        "billing.services.documents.on_session_billed": _("Issuing a charge’s tax document"),
        "billing.services.documents.on_bill_paid": _("Issuing a charge’s tax document"),
        "billing.services.statement_documents.on_bill_paid": _(
            "Issuing a monthly bill’s tax document"
        ),
        "billing.services.statement_documents.on_fee_paid": _(
            "Issuing a monthly bill’s tax document"
        ),
        "billing.services.statements.on_bill_paid": _("Noting a payment of a monthly bill"),
        "billing.services.reservation_fees.on_reservation_changed": _("Charging for a reservation"),
        "billing.services.stays.on_connector_changed": _("Following a car that stays"),
        "billing.services.stays.on_session_started": _("Following a car that stays"),
        "billing.services.stays.on_grace_due": _("Following a car that stays"),
        "billing.services.stays.on_stay_due": _("Following a car that stays"),
    }.get(handler, handler)


def _url(row: Delivery) -> str:
    """The charge it is about, where it is about one."""
    is_charge = row.fact.kind.startswith("session_")
    return reverse("session", args=[row.fact.subject_id]) if is_charge else ""
