"""What a gateway said and nobody believed: open until a person has looked, or the money settled it."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Payment, PaymentDoubt
from billing.models.settlement import DoubtKind
from core import audit
from core.errors import Conflict


def resolve(doubt: PaymentDoubt, note: str, *, actor: audit.Actor) -> None:
    """A person has looked at it and says what came of it."""
    with transaction.atomic():
        waiting = PaymentDoubt.objects.filter(pk=doubt.pk, resolved_at__isnull=True)
        if not waiting.update(
            resolved_at=timezone.now(), resolved_by=actor.name[:120], note=note[:300]
        ):
            raise Conflict(_("Somebody has resolved this already."), code="already_resolved")
        audit.record(
            actor,
            "resolve_doubt",
            f"payment:{doubt.payment_id}",
            company_id=doubt.company_id,
            new={"kind": doubt.kind, "note": note},
        )


def settled(payment: Payment, kinds: Iterable[DoubtKind]) -> None:
    """What was doubted has come right by itself. In the caller's transaction."""
    PaymentDoubt.objects.filter(
        payment=payment, kind__in=list(kinds), resolved_at__isnull=True
    ).update(resolved_at=timezone.now(), resolved_by="system")
