"""What the Security tab of a charger shows."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import DomainError
from evbilling.backoffice import charger_page
from evbilling.backoffice.gate import AdminRequest
from evbilling.states import State
from stations.models import (
    CertificateState,
    Charger,
    ChargerCertificate,
    Command,
    CommandStatus,
    ProfileUpgrade,
    RootUse,
    SecurityEvent,
    SecurityProfile,
    UpgradeStep,
)
from stations.models.command import OPEN
from stations.selectors import chargers as charger_selectors
from stations.selectors import security as selectors
from stations.selectors.chargers import online_of
from stations.services import upgrades
from users.access import Action, may

ENDS: dict[str, Promise] = {
    "timeout": gettext_lazy("It did not come back in time. Everything is as it was before."),
    "answer:Rejected": gettext_lazy("The charger refused the new profile. Nothing has changed."),
    "answer:NotSupported": gettext_lazy(
        "The charger does not know security profiles. Nothing has changed."
    ),
    "answer:offline": gettext_lazy("The charger went offline first. Nothing has changed."),
}


@dataclass(frozen=True, slots=True)
class Paper:
    """A certificate of the charger, or its request."""

    row: ChargerCertificate
    state: State
    in_use: bool
    soon: bool

    @property
    def may_revoke(self) -> bool:
        return self.row.fingerprint is not None and self.row.revoked_at is None

    @property
    def waits(self) -> bool:
        return self.row.state == CertificateState.REQUESTED and not self.row.decided_by


@dataclass(frozen=True, slots=True)
class Step:
    """Something that has to be so before the next profile; ``action`` is the button that makes it so."""

    done: bool
    text: str
    action: str = ""
    button: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """An action of the page that was refused, with what was typed."""

    action: str
    error: str
    field: str = ""
    typed: str = ""


def context_of(
    request: AdminRequest, charger: Charger, tried: Tried | None = None
) -> dict[str, Any]:
    """Everything of the tab."""
    found = selectors.standing(charger)
    target = _next_profile(charger)
    problem = upgrades.missing(charger, target) if target else None
    return charger_page.frame(request, charger, "security") | {
        "may_secure": may(request.admin, Action.SECURE_CHARGER),
        "asked": SecurityProfile(charger.security_profile),
        "profiles": SecurityProfile.choices,
        "now_label": _connected(charger),
        "papers": [paper_of(row, charger) for row in found.certificates],
        "roots": found.roots,
        "uses": RootUse.choices,
        "upgrade": found.upgrade,
        "upgrade_state": upgrade_state(found.upgrade) if found.upgrade else None,
        "upgrade_text": upgrade_text(found.upgrade) if found.upgrade else "",
        "upgrading": found.upgrade is not None and found.upgrade.ended_at is None,
        "target": target,
        "steps": _steps(charger, target, found) if target else [],
        "problem": problem,
        "password_state": _password_state(charger, found.password_order),
        "password_waits": found.password_order is not None and found.password_order.status in OPEN,
        "events": [(row, event_state(row)) for row in found.events],
        "tls_url": charger_page.ocpp_tls_url(charger),
        "has_tls": settings.OCPP_TLS,
        "wrong_password": charger_selectors.wrong_passwords(charger),
        "tried": tried,
        "done": done_text(request.GET.get("done", "")),
    }


def paper_of(row: ChargerCertificate, charger: Charger) -> Paper:
    online_with = charger.connection_certificate_id == row.pk
    return Paper(row, _paper_state(row), online_with, selectors.expires_soon(row))


def _paper_state(row: ChargerCertificate) -> State:
    if row.revoked_at is not None:
        return State("bad", "ban", _("Revoked"), _("Revoked"))
    css, icon = {
        CertificateState.REQUESTED: ("wait", "clock"),
        CertificateState.SENT: ("wait", "loader-2"),
        CertificateState.INSTALLED: ("ok", "shield-check"),
        CertificateState.FAILED: ("bad", "alert-triangle"),
        CertificateState.REJECTED: ("bad", "x"),
    }[CertificateState(row.state)]
    word = row.get_state_display()
    if row.state == CertificateState.REQUESTED and row.decided_by:
        word = _("Being signed")
    return State(css, icon, word, word)


def upgrade_state(upgrade: ProfileUpgrade) -> State:
    css, icon = {
        UpgradeStep.DONE: ("ok", "check"),
        UpgradeStep.FAILED: ("bad", "alert-triangle"),
    }.get(UpgradeStep(upgrade.step), ("wait", "loader-2"))
    word = upgrade.get_step_display()
    return State(css, icon, word, word)


def upgrade_text(upgrade: ProfileUpgrade) -> str:
    """What came of it, or what is going on."""
    if upgrade.step == UpgradeStep.FAILED:
        kind, _colon, profile = upgrade.detail.partition(":")
        if kind == "came_back":
            return _("It came back with profile %(n)s and works as before.") % {"n": profile}
        return str(ENDS.get(upgrade.detail, _("It did not work. Nothing has changed.")))
    if upgrade.step == UpgradeStep.DONE:
        return _("It has connected with profile %(n)s; nothing lower is let in any more.") % {
            "n": upgrade.target
        }
    return _("Until it is back with the new profile, the old one is good as well.")


def event_state(event: SecurityEvent) -> State:
    css, icon = ("wait", "alert-triangle") if event.critical else ("out", "info-circle")
    return State(css, icon, event.type, event.type)


def _connected(charger: Charger) -> str:
    if not online_of(charger):
        return _("not connected")
    return str(SecurityProfile(charger.connection_profile).label)


def _next_profile(charger: Charger) -> int:
    """The next profile up; 0 where there is none."""
    now = max(charger.least_profile, charger.connection_profile)
    return now + 1 if now < SecurityProfile.CERTIFICATE else 0


def _steps(charger: Charger, target: int, found: selectors.Standing) -> list[Step]:
    steps = [Step(bool(charger.password_hmac), _("It has a password."))]
    if target < SecurityProfile.TLS:
        return steps
    steps.append(Step(bool(settings.OCPP_TLS), _("This server listens for TLS (OCPP_TLS_PORT).")))
    trusts = bool(charger.connection_tls) or any(
        root.row.use == RootUse.CENTRAL_SYSTEM for root in found.roots
    )
    text = _("It knows a root certificate to check this server by.")
    steps.append(Step(trusts, text, "install-own-root", _("Install ours")))
    if target == SecurityProfile.CERTIFICATE:
        has = any(
            row.state == CertificateState.INSTALLED and row.revoked_at is None
            for row in found.certificates
        )
        text = _("It has a certificate of its own.")
        steps.append(Step(has, text, "ask-certificate", _("Have it ask for one")))
    return steps


def _password_state(charger: Charger, order: Command | None) -> State:
    if not charger.password_hmac:
        return State("wait", "alert-triangle", _("none: it cannot connect"), "")
    if order is not None and order.status in OPEN:
        return State("wait", "loader-2", _("A new one is on its way"), "")
    if charger.next_password_hmacs:
        text = _("A new one was sent; the old one is good until the charger comes with the new one")
        return State("wait", "clock", text, "")
    refused = order is not None and order.status == CommandStatus.REJECTED
    if refused and (order is not None and not _is_older(order, charger)):
        return State("bad", "x", _("The charger refused the last new one; the old one is good"), "")
    return State("ok", "check", _("set, never shown"), "")


def _is_older(order: Command, charger: Charger) -> bool:
    return (
        charger.password_changed_at is not None and order.created_at < charger.password_changed_at
    )


def done_text(action: str) -> str:
    """What to say after an action that was taken."""
    return {
        "password": _("A new password is on its way. The old one is good until it has been used."),
        "ask-certificate": _("The charger was asked; its request appears here in a moment."),
        "install-own-root": _("Our root certificate is on its way to the charger."),
        "install-root": _("The certificate is on its way to the charger."),
        "delete-root": _("The charger was told to delete it."),
        "read-roots": _("The charger was asked for its list."),
        "revoke": _("Revoked. It opens no connection any more."),
        "approve": _("Approved. The certificate is signed and sent now."),
        "reject": _("Refused. The charger may ask again."),
        "profile": _("Saved."),
        "upgrade": _("It has begun. The steps appear here by themselves."),
    }.get(action, "")


def tried_of(action: str, error: DomainError, typed: str) -> Tried:
    return Tried(action, str(error), error.field, typed)


def back_to(charger: Charger, action: str, back: str) -> str:
    """Where to go after an action: the page that it was asked for on."""
    if back == "certificates":
        return f"{reverse('certificates')}?done={action}"
    return f"{reverse('charger-security', args=[charger.charge_point_id])}?done={action}"
