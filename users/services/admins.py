"""Admins: who may run the company's stations, and at which level."""

from collections.abc import Sequence
from typing import Any, TypedDict, cast

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError, NotAllowed
from users.models import Admin, ApiToken, Company, Level
from users.services import editing

# From the least to the most.
RANK = (Level.VIEWER, Level.OPERATOR, Level.MANAGER, Level.OWNER, Level.PLATFORM)


class AdminFields(TypedDict, total=False):
    """What may be set. ``stations`` (rows of stations) counts where ``all_stations`` is false."""

    name: str
    level: str
    password: str
    language: str
    enabled: bool
    all_stations: bool
    stations: Sequence[Any]


class UsernameTaken(Conflict):
    code = "username_taken"
    message = _("This name is taken, perhaps by somebody in the trash.")


class LastOwner(Conflict):
    code = "last_owner"
    message = _("A company keeps at least one owner who can sign in. Make another one first.")


class OwnAccount(Conflict):
    code = "own_account"
    message = _("You cannot disable or delete yourself. Ask another owner.")


class PlatformLevel(Conflict):
    code = "platform_level"
    message = _("Platform staff have no company. Make a new admin instead.")


class WeakPassword(DomainError):
    code = "weak_password"

    def __init__(self, why: Sequence[str]) -> None:
        super().__init__(" ".join(why).replace("%", "%%"), field="password")


class TooHigh(NotAllowed):
    code = "level_too_high"
    message = _("You can give only rights that you have yourself.")


def create(
    company: Company | None,
    username: str,
    fields: AdminFields,
    *,
    actor: audit.Actor,
    by: Admin | None = None,
) -> Admin:
    """A new admin; platform staff have no company. ``by``: who gives the rights, None for a shell.

    ``UsernameTaken``, ``WeakPassword``, ``TooHigh``.
    """
    admin = Admin(company=company, username=username, level=fields.get("level", Level.VIEWER))
    if admin.level == Level.PLATFORM:
        admin.company = None
    _check_rights(by, admin, fields)
    with transaction.atomic():
        changes = _apply(admin, fields)
        with editing.refusing("admin_username_once", UsernameTaken(field="username")):
            admin.save()
        _limit(admin, fields, changes)
        _record(actor, "create_admin", admin, new={"username": username, **changes.new})
    return admin


def update(
    admin: Admin, fields: AdminFields, *, actor: audit.Actor, by: Admin | None = None
) -> Admin:
    """Change some fields. ``LastOwner``, ``WeakPassword``, ``TooHigh``, ``OwnAccount``."""
    _check_rights(by, admin, fields)
    level, enabled = fields.get("level", admin.level), fields.get("enabled", admin.enabled)
    if level != admin.level and Level.PLATFORM in (level, admin.level):
        raise PlatformLevel(field="level")
    if by is not None and by.pk == admin.pk and not enabled:
        raise OwnAccount(field="enabled")
    with transaction.atomic():
        if level != Level.OWNER or not enabled:
            _keep_an_owner(admin)
        changes = _apply(admin, fields)
        _limit(admin, fields, changes)
        if changes:
            editing.save(admin, changes)
            _record(actor, "edit_admin", admin, old=changes.old, new=changes.new)
    return admin


def update_own(admin: Admin, fields: AdminFields, *, actor: audit.Actor) -> Admin:
    """What everybody may change of themselves: name, language, password. ``WeakPassword``."""
    mine = {k: v for k, v in fields.items() if k in ("name", "language", "password")}
    return update(admin, cast(AdminFields, mine), actor=actor)


def disable(admin: Admin, *, actor: audit.Actor, by: Admin | None = None) -> Admin:
    """Nobody signs in with this name any more, and its tokens stop working."""
    return update(admin, {"enabled": False}, actor=actor, by=by)


def delete(admin: Admin, *, actor: audit.Actor, by: Admin | None = None) -> None:
    """Into the trash, tokens revoked. ``LastOwner``; nobody deletes themselves."""
    _check_rights(by, admin, {})
    if by is not None and by.pk == admin.pk:
        raise OwnAccount
    with transaction.atomic():
        _keep_an_owner(admin)
        editing.to_trash(admin, actor)
        ApiToken.objects.filter(admin=admin, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        )
        _record(actor, "delete_admin", admin)


def restore(admin: Admin, *, actor: audit.Actor, by: Admin | None = None) -> None:
    """Out of the trash; its tokens stay revoked."""
    _check_rights(by, admin, {})
    with transaction.atomic():
        editing.from_trash(admin)
        _record(actor, "restore_admin", admin)


def rank(level: str) -> int:
    """How much a level may do, for comparing."""
    return RANK.index(Level(level))


def _check_rights(by: Admin | None, admin: Admin, fields: AdminFields) -> None:
    """Nobody gives, or takes from, more than they have: level and stations alike."""
    if by is None:
        return
    if max(rank(admin.level), rank(fields.get("level", admin.level))) > rank(by.level):
        raise TooHigh(field="level")
    if by.all_stations:
        return
    mine = set(by.limited_stations.values_list("pk", flat=True))
    if fields.get("all_stations", admin.all_stations) or not _stations(admin, fields) <= mine:
        raise TooHigh(field="stations")


def _stations(admin: Admin, fields: AdminFields) -> set[int]:
    """The stations an admin is limited to once ``fields`` are set."""
    if "stations" in fields:
        return {station.pk for station in fields["stations"]}
    return set(admin.limited_stations.values_list("pk", flat=True)) if admin.pk else set()


def _apply(admin: Admin, fields: AdminFields) -> editing.Changes:
    plain: dict[str, Any] = {k: v for k, v in fields.items() if k not in ("password", "stations")}
    changes = editing.apply(admin, plain)
    if (password := fields.get("password")) is not None:
        check_password(password, admin)
        admin.set_password(password)
        changes.old["password"], changes.new["password"] = "***", "***"
    return changes


def check_password(password: str, admin: Admin) -> None:
    """``WeakPassword`` with every reason at once."""
    try:
        validate_password(password, admin)
    except ValidationError as error:
        raise WeakPassword(error.messages) from None


def _limit(admin: Admin, fields: AdminFields, changes: editing.Changes) -> None:
    """Set the stations an admin is limited to and add that to ``changes``."""
    if "stations" not in fields:
        return
    if any(station.company_id != admin.company_id for station in fields["stations"]):
        raise DomainError(
            _("A station of another company."), code="foreign_station", field="stations"
        )
    before = sorted(admin.limited_stations.values_list("pk", flat=True))
    wanted = sorted(_stations(admin, fields))
    if before != wanted:
        admin.limited_stations.set(wanted)
        changes.old["stations"], changes.new["stations"] = before, wanted


def _keep_an_owner(admin: Admin) -> None:
    """Call inside the transaction that takes an owner away; two at once come one after the other."""
    if admin.level != Level.OWNER or admin.company_id is None:
        return
    Company.objects.select_for_update().get(pk=admin.company_id)
    others = Admin.objects.filter(company_id=admin.company_id, level=Level.OWNER, enabled=True)
    if admin.enabled and not others.exclude(pk=admin.pk).exists():
        raise LastOwner


def _record(
    actor: audit.Actor,
    action: str,
    admin: Admin,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    audit.record(actor, action, f"admin:{admin.pk}", company_id=admin.company_id, old=old, new=new)
