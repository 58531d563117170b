"""What every change to a row has in common: old and new for the audit, and names that are taken."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from core import audit
from core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Changes:
    """The fields that differ, as plain JSON: before and after."""

    old: dict[str, Any]
    new: dict[str, Any]

    def __bool__(self) -> bool:
        return bool(self.new)


def apply(row: models.Model, values: Mapping[str, Any]) -> Changes:
    """Set ``values`` on ``row`` without saving it; say what that changes."""
    changes = Changes({}, {})
    for name, value in values.items():
        before = getattr(row, name)
        if before != value:
            changes.old[name], changes.new[name] = plain(before), plain(value)
            setattr(row, name, value)
    return changes


def save(row: models.Model, changes: Changes) -> None:
    """Write what changed and nothing else: others may be writing the rest of the row."""
    columns = {field.name for field in row._meta.concrete_fields}
    derived = {"sort_key"} & columns
    row.save(update_fields=[*(columns & changes.new.keys()), *derived])


def plain(value: Any) -> Any:
    """A field's value as JSON can hold it."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, datetime | date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


@contextmanager
def refusing(constraint: str, refusal: DomainError) -> Iterator[None]:
    """Turn the database's refusal by ``constraint`` into ``refusal``; what was written is undone."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if constraint_of(error) != constraint:
            raise
        raise refusal from None


def constraint_of(error: IntegrityError) -> str:
    """The name of the constraint that refused, or ''."""
    told = getattr(error.__cause__, "diag", None)
    return getattr(told, "constraint_name", None) or ""


def to_trash(row: models.Model, actor: audit.Actor) -> None:
    """Put a row with ``deleted_at`` and ``deleted_by`` in the trash."""
    type(row)._default_manager.filter(pk=row.pk).update(
        deleted_at=timezone.now(), deleted_by=actor.name
    )


def from_trash(row: models.Model) -> None:
    """Take it out again. The caller guards against a name that is taken meanwhile."""
    model: Any = type(row)
    model.all_objects.filter(pk=row.pk).update(deleted_at=None, deleted_by="")
