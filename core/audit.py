"""The record of who did what, and of what was refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.models import AuditEntry


@dataclass(frozen=True)
class Actor:
    """Who acts: an admin, a customer, a visitor of a page, or the system itself."""

    kind: str
    id: str = ""
    name: str = ""
    address: str | None = None


SYSTEM = Actor("system", name="system")


def record(
    actor: Actor,
    action: str,
    subject: str = "",
    *,
    company_id: int | None = None,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    refused: bool = False,
) -> AuditEntry:
    """Write one line. Inside a transaction it stands or falls with the change itself."""
    return AuditEntry.objects.create(
        company_id=company_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        address=actor.address,
        action=action,
        subject=subject,
        old=dict(old) if old is not None else None,
        new=dict(new) if new is not None else None,
        refused=refused,
    )
