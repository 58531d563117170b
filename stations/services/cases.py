"""Things that do not add up, kept with their evidence until a person has decided."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import Conflict, DomainError
from stations.models import Case, CaseDecision, CaseKind, Charger, Session


def open_case(
    kind: CaseKind, charger: Charger, *, key: str, session: Session | None = None, **evidence: Any
) -> Case:
    """Open a case once per ``key`` (a message that is sent again opens no second one)."""
    case, created = Case.objects.get_or_create(
        key=f"{kind}:{charger.pk}:{key}"[:200],
        defaults={"charger": charger, "session": session, "kind": kind, "evidence": evidence},
    )
    if created:
        outbox.publish(
            "case_opened",
            case.pk,
            company_id=charger.station.company_id,
            topic=f"charger:{charger.pk}",
            station=charger.station_id,
            charger=charger.pk,
            case=kind,
        )
    return case


def resolve(
    case: Case, *, note: str, actor: audit.Actor, company_id: int, decision: str = ""
) -> None:
    """A person has looked at it and says what came of it; of disputed energy also whether it is
    kept out of the bill or accepted, to be settled by hand. The bill itself is never changed here."""
    if decision and decision not in CaseDecision.values:
        raise DomainError(_("Choose one of the decisions."), code="bad_decision", field="decision")
    with transaction.atomic():
        changed = Case.objects.filter(pk=case.pk, resolved_at__isnull=True).update(
            resolved_at=timezone.now(), resolved_by=actor.name, note=note, decision=decision
        )
        if not changed:
            raise Conflict(_("Somebody has resolved this case already."), code="already_resolved")
        new = {"note": note} | ({"decision": decision} if decision else {})
        audit.record(actor, "resolve_case", f"case:{case.pk}", company_id=company_id, new=new)
