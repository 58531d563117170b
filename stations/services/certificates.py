"""Certificates of chargers: asked for, signed, sent, renewed, revoked.

A request is a row; each step is taken by a handler or by the outcome of an order, so it goes on
after any restart of ours. A certificate is known at the door by its fingerprint: revoking it takes
effect with the next connection, and ends the present one.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import Conflict, DomainError
from core.models import Fact
from stations import certificates
from stations.models import (
    CaseKind,
    CertificateState,
    Charger,
    ChargerCertificate,
    Command,
    CommandStatus,
)
from stations.services import authority, cases, commands

WORD = "certificate"
SOON = timedelta(seconds=1)  # so that our answer to SignCertificate is on the wire first
RENEW_BEFORE = timedelta(days=30)
ASK_AGAIN_AFTER = timedelta(days=1)
REFUSED_AGAIN_AFTER = timedelta(hours=1)  # the same refusal is told once in so long
MOST_WAITING = 3  # a charger that asks all the time fills no table
LONGEST_CSR = 5_500


def take_request(charger_id: int, csr: str) -> bool:
    """A SignCertificate: whether we will sign. What is refused goes on record with the reason."""
    charger = Charger.objects.select_related("station").get(pk=charger_id)
    rules = authority.rules_of(charger.station.company_id)
    try:
        certificates.check_request(csr, charger.charge_point_id, rules.cpo_name)
        waiting = charger.certificates.filter(state=CertificateState.REQUESTED)
        if waiting.filter(csr=csr).exists():
            return True
        if waiting.count() >= MOST_WAITING:
            raise DomainError(_("Other requests of this charger wait already."), code="csr_waiting")
    except DomainError as problem:
        _refuse(charger, csr, problem)
        return False
    with transaction.atomic():
        row = ChargerCertificate.objects.create(charger=charger, csr=csr)
        if not rules.approve_by_hand:
            _promise(row, by="system")
        _happened(charger, "certificate_requested", row)
    return True


def approve(row: ChargerCertificate, *, actor: audit.Actor) -> None:
    """A person lets the request be signed."""
    with transaction.atomic():
        _locked(row)
        _promise(row, by=actor.name)
        _record(actor, "approve_certificate", row)


def reject(row: ChargerCertificate, *, actor: audit.Actor) -> None:
    """A person refuses the request; the charger may ask again."""
    with transaction.atomic():
        _locked(row)
        ChargerCertificate.objects.filter(pk=row.pk).update(
            state=CertificateState.REJECTED, decided_by=actor.name
        )
        _record(actor, "reject_certificate", row)


def on_certificate_due(fact: Fact) -> None:
    """Sign a request that was accepted, and send the certificate to the charger."""
    row = ChargerCertificate.objects.select_for_update(of=("self",)).get(pk=fact.subject_id)
    if row.state != CertificateState.REQUESTED or not row.decided_by:
        return
    issuer = authority.issuer()
    issued = certificates.sign_request(issuer, row.csr, timezone.now())
    ChargerCertificate.objects.filter(pk=row.pk).update(
        state=CertificateState.SENT,
        certificate=issued.pem,
        serial=issued.serial,
        fingerprint=issued.fingerprint,
        not_before=issued.not_before,
        not_after=issued.not_after,
    )
    commands.request(
        row.charger,
        "CertificateSigned",
        {"certificateChain": issued.pem + issuer.pem},
        by="system",
        key=f"{WORD}:{row.pk}",
    )


def on_outcome(command: Command) -> None:
    """Whether the charger took its certificate. Without an answer it may have: it stays valid."""
    pk = int((command.key or "").split(":")[1])
    row = ChargerCertificate.objects.select_for_update(of=("self",)).get(pk=pk)
    now = timezone.now()
    if command.status == CommandStatus.ACCEPTED:
        ChargerCertificate.objects.filter(pk=pk).update(
            state=CertificateState.INSTALLED, installed_at=now, detail=""
        )
    elif command.status == CommandStatus.TIMEOUT and command.sent_at is not None:
        ChargerCertificate.objects.filter(pk=pk).update(detail=str(command.detail)[:200])
    else:
        said = (command.response or {}).get("status") or command.detail or command.status
        ChargerCertificate.objects.filter(pk=pk).update(
            state=CertificateState.FAILED, detail=str(said)[:200]
        )
    _happened(row.charger, "certificate_answered", row)


def on_booted(charger_ids: Sequence[int]) -> None:
    """A charger that has come with its certificate has it, also where its answer was lost."""
    shown = Charger.objects.filter(pk__in=charger_ids).values("connection_certificate")
    ChargerCertificate.objects.filter(pk__in=shown, state=CertificateState.SENT).update(
        state=CertificateState.INSTALLED, installed_at=timezone.now(), detail=""
    )


def ask(charger: Charger, *, actor: audit.Actor) -> Command:
    """Have the charger make a key and ask for a certificate (ExtendedTriggerMessage)."""
    require_online(charger)
    with transaction.atomic():
        command = _trigger(charger, by=actor.name)
        audit.record(
            actor,
            "ask_certificate",
            f"charger:{charger.pk}",
            company_id=charger.station.company_id,
            new={"command": command.pk},
        )
    return command


def require_online(charger: Charger) -> None:
    if not commands.holder_of(charger.pk):
        raise Conflict(
            _("The charger is offline, so no order reaches it. Nothing was sent."),
            code="charger_offline",
        )


def revoke(row: ChargerCertificate, *, actor: audit.Actor) -> None:
    """The certificate opens the door no more, and a line that stands by it ends."""
    with transaction.atomic():
        changed = ChargerCertificate.objects.filter(
            pk=row.pk, revoked_at__isnull=True, fingerprint__isnull=False
        ).update(revoked_at=timezone.now(), revoked_by=actor.name)
        if not changed:
            raise Conflict(_("This certificate is not in force."), code="not_in_force")
        _record(actor, "revoke_certificate", row)
        _end_line(row)


def renew_expiring() -> int:
    """Ask chargers for a request where their newest certificate ends within 30 days. A sweep."""
    now = timezone.now()
    newest: dict[int, ChargerCertificate] = {}
    rows = ChargerCertificate.objects.filter(
        state=CertificateState.INSTALLED, revoked_at__isnull=True, charger__deleted_at__isnull=True
    )
    for row in rows.select_related("charger").order_by("not_after"):
        newest[row.charger_id] = row
    asked = 0
    for row in newest.values():
        lately = row.renewal_asked_at and row.renewal_asked_at > now - ASK_AGAIN_AFTER
        if row.not_after is None or row.not_after > now + RENEW_BEFORE or lately:
            continue
        if commands.holder_of(row.charger_id):
            _trigger(row.charger, by="system")
            ChargerCertificate.objects.filter(pk=row.pk).update(renewal_asked_at=now)
            asked += 1
    return asked


def _trigger(charger: Charger, *, by: str) -> Command:
    """The organisation first, where one is asked for: orders to one charger go one by one."""
    cpo_name = authority.rules_of(charger.station.company_id).cpo_name
    if cpo_name:
        commands.request(
            charger, "ChangeConfiguration", {"key": "CpoName", "value": cpo_name}, by=by
        )
    trigger = {"requestedMessage": "SignChargePointCertificate"}
    return commands.request(charger, "ExtendedTriggerMessage", trigger, by=by)


def _locked(row: ChargerCertificate) -> None:
    now = ChargerCertificate.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if now.state != CertificateState.REQUESTED or now.decided_by:
        raise Conflict(_("This request has been decided already."), code="already_decided")


def _promise(row: ChargerCertificate, *, by: str) -> None:
    ChargerCertificate.objects.filter(pk=row.pk).update(decided_by=by)
    outbox.publish(
        "certificate_due",
        row.pk,
        company_id=row.charger.station.company_id,
        due=timezone.now() + SOON,
        charger=row.charger_id,
        station=row.charger.station_id,
    )


def _refuse(charger: Charger, csr: str, problem: DomainError) -> None:
    """On record, on the page, and as a case: somebody may be trying to become this charger."""
    now = timezone.now()
    refused = charger.certificates.filter(state=CertificateState.REJECTED, detail=problem.code)
    if refused.filter(requested_at__gt=now - REFUSED_AGAIN_AFTER).exists():
        return
    with transaction.atomic():
        ChargerCertificate.objects.create(
            charger=charger,
            csr=csr[:LONGEST_CSR],
            state=CertificateState.REJECTED,
            decided_by="system",
            detail=problem.code,
        )
        actor = audit.Actor("charger", charger.charge_point_id, charger.charge_point_id)
        audit.record(
            actor,
            "sign_certificate",
            f"charger:{charger.pk}",
            company_id=charger.station.company_id,
            refused=True,
            new={"reason": problem.code},
        )
        cases.open_case(
            CaseKind.SECURITY_EVENT,
            charger,
            key=f"csr:{problem.code}:{now:%Y-%m-%d}",
            type="SignCertificate",
            why=problem.code,
            received_at=now.isoformat(),
        )


def _end_line(row: ChargerCertificate) -> None:
    charger = Charger.all_objects.select_for_update(of=("self",)).get(pk=row.charger_id)
    if charger.connection_certificate_id == row.pk and charger.connection_holder:
        charger.connection_epoch += 1
        message = {"replaced": charger.pk, "epoch": charger.connection_epoch}
        outbox.notify(charger.connection_holder, message)
        charger.connection_holder = ""
        charger.save(update_fields=["connection_epoch", "connection_holder"])


def _happened(charger: Charger, kind: str, row: ChargerCertificate) -> None:
    outbox.publish(
        kind,
        row.pk,
        company_id=charger.station.company_id,
        topic=f"charger:{charger.pk}",
        charger=charger.pk,
        station=charger.station_id,
    )


def _record(actor: audit.Actor, action: str, row: ChargerCertificate) -> None:
    audit.record(
        actor,
        action,
        f"certificate:{row.pk}",
        company_id=row.charger.station.company_id,
        new={"charger": row.charger.charge_point_id, "serial": row.serial},
    )
