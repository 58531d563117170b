"""Runs of the acceptance form without a charger: as far as somebody has come."""

from typing import Any

from django.utils import timezone

from core.audit import Actor
from meaoscp import form
from meaoscp.models import AcceptanceRun, StepState
from meaoscp.services import acceptance_runs
from meaoscp.services.acceptance_runs import Wish
from stations.models import Charger
from tests.factories import a_card, a_customer, go_online
from users.models import BillingMode

WHO = Actor("admin", name="Pranee")
REMARKS = {
    form.Kind.STARTED: "connectorId 1, idTag TAG00006, timestamp 2026-11-20T15:03:38.940Z, "
    "meterStart 8, transactionId 1003",
    form.Kind.METER: "Offered 22080 W, Active 11000 W, Current 15.9/16/16.1 A, "
    "Voltage 230.4/228.5/228.1 V, Energy 15 Wh, SOC – (AC)",
}


def a_wish(charger: Charger, **fields: Any) -> Wish:
    member = a_customer(
        charger.station.company, billing_mode=BillingMode.POSTPAID, credit_limit=100_000_00
    )
    values: dict[str, Any] = {
        "card": a_card(member),
        "connectors": [1],
        "project": "ตลาดสุขใจ ที่จอดรถผู้มาเยือน",
        "brand_model": "ABB - Terra AC",
        "tested_by": "ปิ่น ฟ้าใส",
    }
    return Wish(**values | fields)


def an_acceptance_run(charger: Charger, **fields: Any) -> AcceptanceRun:
    """A run that has just been started at a charger that is online."""
    go_online(charger)
    return acceptance_runs.start(charger, a_wish(charger, **fields), actor=WHO)


def pass_until(run: AcceptanceRun, number: str = "") -> None:
    """As if everything before step ``number`` had gone well."""
    now = timezone.now()
    for step in run.steps.order_by("position"):
        if step.number == number:
            return
        step.state, step.tries = StepState.PASSED, 1
        step.began_at = step.ended_at = step.evidence_at = now
        step.remark = REMARKS.get(form.STEPS[step.number].kind, "connectorId 1")
        step.save()


def a_failed_run(charger: Charger, number: str = "8.4") -> AcceptanceRun:
    """A run that waits for a decision after a start without its reservation."""
    run = an_acceptance_run(charger)
    pass_until(run, number)
    run.steps.filter(number=number).update(
        state=StepState.FAILED,
        tries=1,
        ended_at=timezone.now(),
        reason="fields_missing",
        reason_values={"missing": "reservationId"},
    )
    AcceptanceRun.objects.filter(pk=run.pk).update(state="paused")
    run.refresh_from_db()
    return run
