"""Bringing a charger to a higher security profile, step by step, never locking it out.

ChangeConfiguration(SecurityProfile) → Reset → the charger comes back with the new profile. Until it
has, the profile it had is good as well (``links``: only reaching the asked-for profile raises
``least_profile``), so whatever fails leaves the charger usable as before.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import Conflict, DomainError
from core.models import Fact
from stations.models import (
    CertificateState,
    Charger,
    Command,
    CommandStatus,
    InstalledRoot,
    ProfileUpgrade,
    RootUse,
    SecurityProfile,
    Session,
    SessionStatus,
    UpgradeStep,
)
from stations.models.security import UPGRADE_OPEN
from stations.services import commands
from stations.services.certificates import require_online
from users.services import editing

WORD = "upgrade"
PATIENCE = timedelta(minutes=10)
KEY = "SecurityProfile"


class NotReady(Conflict):
    """Something has to be done first; ``code`` says what."""


def set_profile(charger: Charger, profile: int, *, actor: audit.Actor) -> None:
    """What is asked of a charger from now on. Lower than before: it is let in with less again (after
    a factory reset). Higher: enforced from the first connection that has it."""
    if profile not in SecurityProfile.values:
        raise DomainError(_("Choose a profile."), code="bad_profile", field="security_profile")
    with transaction.atomic():
        row = Charger.objects.select_for_update(of=("self",)).get(pk=charger.pk)
        if _open(row).exists():
            raise Conflict(
                _("The charger is on its way to another profile. Wait for the outcome."),
                code="upgrade_running",
            )
        if profile == row.security_profile:
            return
        _require_tls_port(profile)
        old = row.security_profile
        Charger.objects.filter(pk=row.pk).update(
            security_profile=profile, least_profile=min(row.least_profile, profile)
        )
        _record(actor, "set_security_profile", charger, {"profile": old}, {"profile": profile})
    charger.security_profile, charger.least_profile = profile, min(row.least_profile, profile)


def begin(
    charger: Charger, target: int, *, actor: audit.Actor, trusts_us: bool = False
) -> ProfileUpgrade:
    """Start the way to ``target``. ``NotReady`` where something has to be done first.

    ``trusts_us``: an admin knows that the charger trusts our server's certificate already.
    """
    require_online(charger)
    with transaction.atomic():
        row = Charger.objects.select_for_update(of=("self",)).get(pk=charger.pk)
        if problem := missing(row, target, trusts_us=trusts_us):
            raise problem
        now = timezone.now()
        running = Conflict(
            _("The charger is on its way to another profile. Wait for the outcome."),
            code="upgrade_running",
        )
        with editing.refusing("upgrade_one_per_charger", running):
            upgrade = ProfileUpgrade.objects.create(
                charger=charger,
                target=target,
                before=row.security_profile,
                epoch=row.connection_epoch,
                asked_by=actor.name,
                started_at=now,
                deadline=now + PATIENCE,
            )
        Charger.objects.filter(pk=row.pk).update(security_profile=target)
        payload = {"key": KEY, "value": str(target)}
        commands.request(
            charger,
            "ChangeConfiguration",
            payload,
            by=actor.name,
            key=f"{WORD}:{upgrade.pk}:configure",
        )
        _tell(upgrade, "upgrade_due", due=upgrade.deadline)
        _record(actor, "upgrade_profile", charger, {"profile": upgrade.before}, {"profile": target})
    return upgrade


def missing(charger: Charger, target: int, *, trusts_us: bool = False) -> DomainError | None:
    """What stands in the way of this profile, as a refusal; None: it can begin."""
    if target not in (1, 2, 3):
        return DomainError(_("Choose a profile."), code="bad_profile", field="profile")
    if target <= charger.least_profile:
        return NotReady(_("The charger has this profile already."), code="has_profile")
    if Session.objects.filter(charger=charger, status=SessionStatus.ACTIVE).exists():
        # The restart that makes the profile hold would cut the charge off.
        return NotReady(
            _("A car is charging here. Change the profile when it has ended."), code="charging_now"
        )
    if not charger.password_hmac and target < SecurityProfile.CERTIFICATE:
        return NotReady(_("First give the charger a password."), code="needs_password")
    if target == SecurityProfile.BASIC:
        return None
    if not settings.OCPP_TLS:
        return NotReady(
            _("This server has no TLS port: set OCPP_TLS_PORT (docs/security-profiles.md)."),
            code="no_tls_port",
        )
    if not (trusts_us or charger.connection_tls or _has_root(charger)):
        return NotReady(
            _("First install this server’s root certificate on the charger."), code="needs_root"
        )
    if target == SecurityProfile.CERTIFICATE and not _has_certificate(charger):
        return NotReady(_("First let the charger get a certificate."), code="needs_certificate")
    return None


def on_outcome(command: Command) -> None:
    """Go on with the next step, or end."""
    _word, pk, step = (command.key or "").split(":")
    upgrade = _locked(int(pk))
    if upgrade is None:
        return
    if step == "configure":
        _configured(upgrade, command)
    elif upgrade.step == UpgradeStep.RESTARTING:
        # Whatever it said: some restart by themselves and never answer. The deadline decides.
        said = "" if command.status == CommandStatus.ACCEPTED else f"Reset: {command.status}"
        _step(upgrade, UpgradeStep.RECONNECTING, said)


def on_booted(charger_ids: Sequence[int]) -> None:
    """Chargers are back: with the profile they were told, or not."""
    rows = ProfileUpgrade.objects.filter(charger__in=charger_ids, ended_at__isnull=True)
    for pk in rows.order_by("pk").values_list("pk", flat=True):
        _came_back(pk)


def _came_back(pk: int) -> None:
    upgrade = _locked(pk)
    if upgrade is None or upgrade.charger.connection_epoch <= upgrade.epoch:
        return
    charger = upgrade.charger
    if charger.connection_profile >= upgrade.target:
        _end(upgrade, UpgradeStep.DONE)
    elif upgrade.step == UpgradeStep.RECONNECTING:
        _end(upgrade, UpgradeStep.FAILED, f"came_back:{charger.connection_profile}")


def on_upgrade_due(fact: Fact) -> None:
    """The time is over: done where it is connected so, else everything as before."""
    upgrade = _locked(fact.subject_id)
    if upgrade is None:
        return
    charger = upgrade.charger
    fresh = charger.connection_epoch > upgrade.epoch
    if fresh and charger.connection_profile >= upgrade.target:
        _end(upgrade, UpgradeStep.DONE)
    else:
        _end(upgrade, UpgradeStep.FAILED, "timeout")


def _configured(upgrade: ProfileUpgrade, command: Command) -> None:
    said = str((command.response or {}).get("status") or "")
    unsure = command.status == CommandStatus.TIMEOUT and command.sent_at is not None
    if command.status == CommandStatus.ACCEPTED or unsure:
        _step(upgrade, UpgradeStep.RESTARTING, "")
        commands.request(
            upgrade.charger,
            "Reset",
            {"type": "Hard"},  # as the certification has it (TC_083); it comes back by itself
            by=upgrade.asked_by,
            key=f"{WORD}:{upgrade.pk}:restart",
        )
    else:
        _end(upgrade, UpgradeStep.FAILED, f"answer:{said or command.status}")


def _end(upgrade: ProfileUpgrade, step: UpgradeStep, detail: str = "") -> None:
    if step == UpgradeStep.FAILED:
        row = Charger.all_objects.select_for_update(of=("self",)).get(pk=upgrade.charger_id)
        if row.security_profile == upgrade.target and row.least_profile <= upgrade.before:
            Charger.all_objects.filter(pk=row.pk).update(security_profile=upgrade.before)
    ProfileUpgrade.objects.filter(pk=upgrade.pk).update(
        step=step, detail=detail[:200], ended_at=timezone.now()
    )
    audit.record(
        audit.SYSTEM,
        "upgrade_ended",
        f"charger:{upgrade.charger_id}",
        company_id=upgrade.charger.station.company_id,
        new={"profile": upgrade.target, "step": str(step), "detail": detail},
    )
    _tell(upgrade, "upgrade_moved")


def _step(upgrade: ProfileUpgrade, step: UpgradeStep, detail: str) -> None:
    ProfileUpgrade.objects.filter(pk=upgrade.pk).update(step=step, detail=detail)
    upgrade.step = step
    _tell(upgrade, "upgrade_moved")


def _locked(pk: int) -> ProfileUpgrade | None:
    """The upgrade while it still runs."""
    rows = ProfileUpgrade.objects.select_for_update(of=("self",)).filter(pk=pk)
    return rows.filter(step__in=UPGRADE_OPEN).select_related("charger__station").first()


def _open(charger: Charger) -> QuerySet[ProfileUpgrade]:
    return ProfileUpgrade.objects.filter(charger=charger, ended_at__isnull=True)


def _has_root(charger: Charger) -> bool:
    return InstalledRoot.objects.filter(charger=charger, use=RootUse.CENTRAL_SYSTEM).exists()


def _has_certificate(charger: Charger) -> bool:
    good = charger.certificates.filter(
        state=CertificateState.INSTALLED, revoked_at__isnull=True, not_after__gt=timezone.now()
    )
    return good.exists()


def _require_tls_port(profile: int) -> None:
    if profile >= SecurityProfile.TLS and not settings.OCPP_TLS:
        raise NotReady(
            _("This server has no TLS port: set OCPP_TLS_PORT (docs/security-profiles.md)."),
            code="no_tls_port",
            field="security_profile",
        )


def _tell(upgrade: ProfileUpgrade, kind: str, due: datetime | None = None) -> None:
    charger = upgrade.charger
    outbox.publish(
        kind,
        upgrade.pk,
        company_id=charger.station.company_id,
        topic=f"charger:{charger.pk}" if due is None else "",
        due=due,
        charger=charger.pk,
        station=charger.station_id,
        status=upgrade.step,
    )


def _record(
    actor: audit.Actor, action: str, charger: Charger, old: dict[str, int], new: dict[str, int]
) -> None:
    company_id = charger.station.company_id
    audit.record(actor, action, f"charger:{charger.pk}", company_id=company_id, old=old, new=new)
