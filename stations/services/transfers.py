"""Orders to fetch firmware or to send a file, followed by what the charger says of them.

OCPP 1.6 §5.8 GetDiagnostics, §5.19 UpdateFirmware; security extension §4.1 SignedUpdateFirmware,
§4.3 GetLog. A row goes on by facts only: the order's outcome, the charger's notifications, its
boot, the file's arrival.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import outbox
from core.errors import Conflict, DomainError
from stations.models import (
    CaseKind,
    Charger,
    Command,
    CommandStatus,
    FirmwareImage,
    Transfer,
    TransferKind,
    TransferReport,
    TransferState,
    UploadState,
)
from stations.models.transfer import OPEN_TRANSFER
from stations.services import cases, commands

KEY = "transfer:"
PATH = "/transfer/"
ADDRESS_LIFE = timedelta(hours=24)  # after the moment from which the charger may begin
REMEMBERED = timedelta(hours=48)  # a report without a number belongs to what was asked within
MOST_RETRIES, MOST_INTERVAL_S = 10, 3_600
ACTIONS = {
    TransferKind.FIRMWARE: "UpdateFirmware",
    TransferKind.SIGNED_FIRMWARE: "SignedUpdateFirmware",
    TransferKind.DIAGNOSTICS: "GetDiagnostics",
    TransferKind.DIAGNOSTICS_LOG: "GetLog",
    TransferKind.SECURITY_LOG: "GetLog",
}
LOG_TYPES = {
    TransferKind.DIAGNOSTICS_LOG: "DiagnosticsLog",
    TransferKind.SECURITY_LOG: "SecurityLog",
}
REPORTED_BY: dict[str, tuple[TransferKind, ...]] = {
    "FirmwareStatusNotification": (TransferKind.FIRMWARE,),
    "SignedFirmwareStatusNotification": (TransferKind.SIGNED_FIRMWARE,),
    "DiagnosticsStatusNotification": (TransferKind.DIAGNOSTICS,),
    "LogStatusNotification": (TransferKind.DIAGNOSTICS_LOG, TransferKind.SECURITY_LOG),
}
# The standard's last words; all others but Idle say that it goes on.
DONE_WORDS = frozenset({"Installed", "Uploaded"})
FAILED_WORDS = frozenset(
    {
        "DownloadFailed",
        "InstallationFailed",
        "InstallVerificationFailed",
        "InvalidSignature",
        "UploadFailed",
        "UploadFailure",
        "BadMessage",
        "NotSupportedOperation",
        "PermissionDenied",
    }
)
IDLE = "Idle"
# Ours, where the standard has no word.
NOT_SENT, REFUSED, NO_ANSWER = "NotSent", "Refused", "NoAnswer"
REPLACED, OVERDUE, NOTHING = "Replaced", "Overdue", "NothingToSend"
NOT_RECEIVED = "NotReceived"
NO_ALARM = frozenset({NOT_SENT, REPLACED})
TAKEN = frozenset({"Accepted", "AcceptedCanceled"})


@dataclass(frozen=True, slots=True)
class Wish:
    """When the charger shall begin and how often it tries; of a log, the stretch that is wanted."""

    at: datetime | None = None
    install_at: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    oldest: datetime | None = None
    latest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A notification: how far a charger is with a file."""

    charger_id: int
    company_id: int
    station_id: int
    action: str
    status: str
    request_id: int | None
    received_at: datetime


class ChargerAway(Conflict):
    code = "charger_offline"
    message = _("The charger is offline, so no order reaches it. Nothing was sent.")


def order_firmware(
    charger: Charger, image: FirmwareImage, *, by: str, signed: bool = False, wish: Wish = Wish()
) -> Transfer:
    """Tell a charger to fetch and install ``image``. ``DomainError`` where it does not fit or the
    charger is away."""
    check_fits(charger, image, signed=signed)
    kind = TransferKind.SIGNED_FIRMWARE if signed else TransferKind.FIRMWARE
    return _order(Transfer(charger=charger, kind=kind, firmware=image), wish, by)


def order_upload(charger: Charger, kind: str, *, by: str, wish: Wish = Wish()) -> Transfer:
    """Ask a charger for its diagnostics or a log. ``DomainError`` where it is away."""
    if kind not in (TransferKind.DIAGNOSTICS, *LOG_TYPES):
        raise DomainError(_("Choose what the charger shall send."), code="bad_kind", field="kind")
    return _order(Transfer(charger=charger, kind=kind), wish, by)


def check_fits(charger: Charger, image: FirmwareImage, *, signed: bool = False) -> None:
    """``DomainError`` unless the image is meant for such a charger of that company."""
    for ours, theirs in ((image.vendor, charger.vendor), (image.model, charger.model)):
        if ours and ours.casefold() != theirs.casefold():
            raise DomainError(
                _("This firmware is for %(wanted)s; the charger says it is %(found)s."),
                code="wrong_model",
                field="firmware",
                wanted=f"{image.vendor} {image.model}".strip(),
                found=f"{charger.vendor} {charger.model}".strip() or "–",
            )
    if image.company_id != charger.station.company_id:
        raise DomainError(
            _("There is no such object, or it is not yours."), code="foreign", field="firmware"
        )
    if signed and not image.signed:
        raise DomainError(
            _(
                "This firmware was uploaded without signature: send it unsigned, or upload it again."
            ),
            code="not_signed",
            field="signed",
        )


def digest(token: str) -> str:
    """What is stored of an address's secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def _order(transfer: Transfer, wish: Wish, by: str) -> Transfer:
    _check(wish)
    charger, token = transfer.charger, secrets.token_urlsafe(24)
    if not commands.holder_of(charger.pk):
        raise ChargerAway
    begin = max(wish.at or timezone.now(), timezone.now())
    trying = timedelta(seconds=(wish.retries or 0) * (wish.retry_interval_s or 0))
    transfer.token_sha256 = digest(token)
    transfer.version_before = charger.firmware_version
    transfer.requested_by = by[:120]
    transfer.expires_at = begin + trying + ADDRESS_LIFE
    with transaction.atomic():
        transfer.save()
        transfer.command = commands.request(
            charger,
            ACTIONS[TransferKind(transfer.kind)],
            _payload(transfer, token, wish, begin),
            by=by,
            key=f"{KEY}{transfer.pk}",
        )
        transfer.save(update_fields=["command"])
        publish(transfer)
    return transfer


def _check(wish: Wish) -> None:
    for value, most, field in (
        (wish.retries, MOST_RETRIES, "retries"),
        (wish.retry_interval_s, MOST_INTERVAL_S, "retry_interval"),
    ):
        if value is not None and not 0 <= value <= most:
            raise DomainError(
                _("Enter a whole number from 0 to %(most)s."),
                code="out_of_range",
                field=field,
                most=most,
            )
    if wish.oldest and wish.latest and wish.oldest > wish.latest:
        raise DomainError(
            _("The end lies before the beginning."), code="bad_period", field="latest"
        )


def _payload(transfer: Transfer, token: str, wish: Wish, begin: datetime) -> dict[str, Any]:
    """The order as the standard spells it. The charger's word for the request is our row's number."""
    tries = {"retries": wish.retries, "retryInterval": wish.retry_interval_s}
    found: dict[str, Any] = {k: v for k, v in tries.items() if v is not None}
    base = f"{settings.PUBLIC_URL}{PATH}{token}/"
    image = transfer.firmware
    if transfer.kind == TransferKind.FIRMWARE and image is not None:
        return found | {"location": base + image.file_name, "retrieveDate": _utc(begin)}
    if image is not None:
        firmware = {
            "location": base + image.file_name,
            "retrieveDateTime": _utc(begin),
            "signingCertificate": image.signing_certificate,
            "signature": image.signature,
        }
        if wish.install_at:
            firmware["installDateTime"] = _utc(wish.install_at)
        return found | {"requestId": transfer.pk, "firmware": firmware}
    if transfer.kind == TransferKind.DIAGNOSTICS:
        span = _span(wish, "startTime", "stopTime")
        return found | {"location": base} | span
    log = {"remoteLocation": base} | _span(wish, "oldestTimestamp", "latestTimestamp")
    log_type = LOG_TYPES[TransferKind(transfer.kind)]
    return found | {"logType": log_type, "requestId": transfer.pk, "log": log}


def _span(wish: Wish, first: str, last: str) -> dict[str, str]:
    ends = ((first, wish.oldest), (last, wish.latest))
    return {name: _utc(at) for name, at in ends if at is not None}


def _utc(at: datetime) -> str:
    """RFC 3339 to the second with Z: every charger reads it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- what happens to it ------------------------------------------------------------------------------


def on_outcome(command: Command) -> None:
    """The charger has answered the order, or has not."""
    transfer = lock(int((command.key or "")[len(KEY) :]))
    answer = command.response if isinstance(command.response, dict) else {}
    word = str(answer.get("status") or answer.get("errorCode") or "")
    if command.status == CommandStatus.ACCEPTED or word in TAKEN:
        _taken(transfer, answer, word)
    elif transfer.state == TransferState.REQUESTED:
        status = {CommandStatus.OFFLINE: NOT_SENT, CommandStatus.TIMEOUT: NO_ANSWER}.get(
            CommandStatus(command.status), REFUSED
        )
        change(transfer, TransferState.FAILED, status, word or command.detail)


def _taken(transfer: Transfer, answer: dict[str, Any], word: str) -> None:
    name = str(answer.get("fileName") or answer.get("filename") or "").replace("\0", "")[:255]
    transfer.file_name = name
    if word == "AcceptedCanceled":
        for other in _same_kind(transfer).select_for_update().order_by("pk"):
            change(other, TransferState.FAILED, REPLACED)
    if transfer.state != TransferState.REQUESTED:
        transfer.save(update_fields=["file_name"])
    elif transfer.kind == TransferKind.DIAGNOSTICS and not name:
        # OCPP 1.6 §5.8: no file name in the answer, no file to send.
        change(transfer, TransferState.DONE, NOTHING)
    else:
        change(transfer, TransferState.RUNNING, word or "Accepted")


def _same_kind(transfer: Transfer) -> Any:
    kinds = next(kinds for kinds in REPORTED_BY.values() if transfer.kind in kinds)
    found = Transfer.objects.filter(charger_id=transfer.charger_id, kind__in=kinds)
    return found.filter(state__in=OPEN_TRANSFER, pk__lt=transfer.pk)


def record(report: Report) -> None:
    """Keep a notification, and let the transfer that it is about go on."""
    with transaction.atomic():
        transfer = _meant(report)
        TransferReport.objects.create(
            charger_id=report.charger_id,
            transfer=transfer,
            action=report.action,
            status=report.status,
            request_id=report.request_id,
            at=report.received_at,
        )
        outbox.publish(
            "charger_progress",
            report.charger_id,
            company_id=report.company_id,
            topic=f"charger:{report.charger_id}",
            station=report.station_id,
            charger=report.charger_id,
            status=report.status,
        )
        if transfer is not None:
            _follow(transfer, report.status)


def _meant(report: Report) -> Transfer | None:
    """The transfer of the number in the report; without one the newest that is open, or was lately."""
    mine = (
        Transfer.objects.select_for_update(of=("self",))
        .select_related("charger__station")
        .filter(charger_id=report.charger_id, kind__in=REPORTED_BY[report.action])
    )
    if report.request_id is not None:
        return mine.filter(pk=report.request_id).first()
    newest = mine.order_by("-pk")
    since = report.received_at - REMEMBERED
    return (
        newest.filter(state__in=OPEN_TRANSFER).first()
        or newest.filter(created_at__gt=since).first()
    )


def _follow(transfer: Transfer, word: str) -> None:
    """What is done stays done; a failure may be followed by another try of the charger's own."""
    if word == IDLE or transfer.status == REPLACED:
        return
    if transfer.state == TransferState.DONE and transfer.status != NOTHING:
        if word in DONE_WORDS and transfer.status != word:
            change(transfer, TransferState.DONE, word)
    elif word == "Uploaded" and not _has_arrived(transfer):
        change(transfer, TransferState.FAILED, NOT_RECEIVED)
    elif word in DONE_WORDS:
        change(transfer, TransferState.DONE, word)
    elif word in FAILED_WORDS:
        change(transfer, TransferState.FAILED, word)
    else:
        change(transfer, TransferState.RUNNING, word)


def _has_arrived(transfer: Transfer) -> bool:
    return transfer.uploads.filter(state=UploadState.COMPLETE).exists()


def on_booted(charger_ids: Sequence[int]) -> None:
    """A charger runs the version that it was given: that is the best proof of all."""
    waiting = (
        Transfer.objects.select_for_update(of=("self",))
        .select_related("charger__station", "firmware")
        .filter(charger__in=charger_ids, firmware__isnull=False, state__in=OPEN_TRANSFER)
    )
    for transfer in waiting.order_by("pk"):
        charger = transfer.charger
        version = transfer.firmware.version if transfer.firmware else ""
        if version == charger.firmware_version and version != transfer.version_before:
            TransferReport.objects.create(
                charger=charger,
                transfer=transfer,
                action="BootNotification",
                status="Installed",
                at=charger.booted_at or timezone.now(),
            )
            change(transfer, TransferState.DONE, "Installed")


def on_file(transfer: Transfer) -> None:
    """The file has arrived whole. The charger's own word may follow or not."""
    change(transfer, TransferState.DONE, transfer.status)


def close_overdue() -> int:
    """Give up what nothing was heard of in time. A sweep; safe to repeat."""
    overdue = Transfer.objects.filter(state__in=OPEN_TRANSFER, expires_at__lt=timezone.now())
    found = list(overdue.values_list("pk", flat=True)[:100])
    for pk in found:
        with transaction.atomic():
            transfer = lock(pk)
            if transfer.state in OPEN_TRANSFER:
                change(transfer, TransferState.FAILED, OVERDUE)
    return len(found)


def lock(pk: int) -> Transfer:
    return (
        Transfer.objects.select_for_update(of=("self",))
        .select_related("charger__station")
        .get(pk=pk)
    )


def change(transfer: Transfer, state: TransferState, status: str, detail: str = "") -> None:
    """Take a step, tell of it, and raise the alarm where it is a bad one. Call it with the lock."""
    transfer.state, transfer.status, transfer.detail = state, status[:40], detail[:300]
    transfer.changed_at = timezone.now()
    transfer.save(update_fields=["state", "status", "detail", "file_name", "changed_at"])
    publish(transfer)
    alarming = state == TransferState.FAILED and status not in NO_ALARM
    # A campaign shows its own failures, many at a time.
    if alarming and not transfer.campaign_targets.exists():
        cases.open_case(
            CaseKind.TRANSFER_FAILED,
            transfer.charger,
            key=str(transfer.pk),
            file=transfer.kind,
            status=transfer.status,
            detail=transfer.detail,
        )


def publish(transfer: Transfer) -> None:
    """Tell pages, and the campaign that waits for it."""
    charger = transfer.charger
    outbox.publish(
        "transfer_changed",
        transfer.pk,
        company_id=charger.station.company_id,
        topic=f"charger:{charger.pk}",
        station=charger.station_id,
        charger=charger.pk,
        status=transfer.status,
        state=transfer.state,
    )
