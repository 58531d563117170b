"""Setting up where one charger's copies go. The forwarding process does the rest."""

from typing import Any, TypedDict

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import DomainError, NotFound
from core.seal import seal
from stations.models import Charger, Forward, ForwardMode, ForwardState, Protocol
from stations.services import forward_targets
from users.services import editing

CHANNEL = "forwards"
LONGEST_PASSWORD = 128


class ForwardFields(TypedDict, total=False):
    """What may be set. ``password`` is sealed; '' takes it away, leaving it out keeps it."""

    url: str
    identity: str
    password: str
    ca_pem: str
    mode: str
    enabled: bool


class NoForward(NotFound):
    code = "no_forward"
    message = _("This charger's messages are not forwarded anywhere.")


def set_up(
    charger: Charger, fields: ForwardFields, *, actor: audit.Actor, may_inside: bool
) -> Forward:
    """Begin to forward, or change how. ``may_inside``: the actor may choose a private address.

    What came before is none of that side's business; nor are the numbers of one side another's.
    """
    if charger.protocol != Protocol.OCPP16:
        raise DomainError(_("Only OCPP chargers can be forwarded."), code="not_supported")
    wanted = _cleaned(charger, fields)
    with transaction.atomic():
        row = Forward.objects.select_for_update().filter(charger=charger).first()
        made = row is None
        if row is None:
            if "url" not in wanted:
                raise forward_targets.BadUrl
            row = Forward(charger=charger, identity=charger.charge_point_id)
        was_on, before = row.enabled and not made, (row.url, row.identity)
        changes = editing.apply(row, wanted)
        password = _seal_password(row, fields)
        if not (changes or password or made):
            return row
        if made or before[0] != row.url:
            row.private = forward_targets.leads_inside(row.url, may_inside=may_inside)
        row.changed_at = timezone.now()
        if made or before != (row.url, row.identity) or (row.enabled and not was_on):
            _from_now_on(row, before != (row.url, row.identity))
        if not row.enabled:
            row.state = ForwardState.OFF
        row.save()
        _tell(row, actor, "forward_charger", old=changes.old, new={**changes.new, **password})
    return row


def remove(charger: Charger, *, actor: audit.Actor) -> None:
    """Forward nothing more, and forget the password and that side's numbers."""
    with transaction.atomic():
        row = Forward.objects.select_for_update().filter(charger=charger).first()
        if row is None:
            raise NoForward
        _tell(row, actor, "forward_charger", old={"url": row.url}, new={"url": None})
        row.delete()


def ask(charger: Charger, *, actor: audit.Actor) -> Forward:
    """Dial now, whatever the pause after a failure says; a forward that is off is tried once."""
    with transaction.atomic():
        row = Forward.objects.select_for_update().filter(charger=charger).first()
        if row is None:
            raise NoForward
        row.asked_at = timezone.now()
        row.save(update_fields=["asked_at"])
        _tell(row, actor, "try_forward", new={"url": row.url})
    return row


def _cleaned(charger: Charger, fields: ForwardFields) -> dict[str, Any]:
    wanted: dict[str, Any] = {k: v for k, v in fields.items() if k != "password"}
    if "url" in fields:
        wanted["url"] = forward_targets.clean_url(fields["url"])
    if "ca_pem" in fields:
        wanted["ca_pem"] = forward_targets.clean_ca(fields["ca_pem"])
    if "identity" in fields:
        identity = fields["identity"].strip() or charger.charge_point_id
        if len(identity) > 48 or not identity.isprintable() or set(identity) & set(" /?#:"):
            raise DomainError(
                _("A name has at most 48 letters and digits, without spaces."),
                code="bad_identity",
                field="identity",
            )
        wanted["identity"] = identity
    if fields.get("mode", ForwardMode.READ_ONLY) not in ForwardMode.values:
        raise DomainError(_("Choose one of the two."), code="bad_mode", field="mode")
    return wanted


def _seal_password(row: Forward, fields: ForwardFields) -> dict[str, str]:
    """What the audit may know of it: that it changed."""
    if "password" not in fields:
        return {}
    password = fields["password"]
    if len(password) > LONGEST_PASSWORD or not password.isprintable():
        raise DomainError(
            _("A password has at most 128 characters, without line breaks."),
            code="bad_password",
            field="password",
        )
    row.password_sealed = seal(password) if password else ""
    return {"password": "***" if password else ""}


def _from_now_on(row: Forward, other_side: bool) -> None:
    row.since = row.cursor_at = timezone.now()
    row.state = ForwardState.WAITING
    if other_side and row.pk:
        row.sessions.all().delete()
        row.wishes, row.boot_answer, row.last_error = {}, None, ""
        row.connected_at, row.tried_at = None, None
        row.sent = row.answered = row.dropped = 0


def _tell(
    row: Forward,
    actor: audit.Actor,
    action: str,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    company_id = row.charger.station.company_id
    audit.record(
        actor, action, f"charger:{row.charger_id}", company_id=company_id, old=old, new=new
    )
    outbox.notify(CHANNEL, {"charger": row.charger_id})
