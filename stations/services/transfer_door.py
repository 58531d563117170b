"""What the address of a transfer gives and takes: the rules behind ``evbilling.transfers``.

The address is the key: unguessable, of one charger and one order, and over at its time or once it
has served. Whoever has the wrong one learns nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from stations.models import Download, Transfer, TransferState, Upload, UploadState
from stations.services import file_store, firmware, transfers

MOST_ATTEMPTS = 20  # of one address: a charger that fails as often needs a person
MOST_AT_ONCE = 2  # the one before may hang in a dead connection
LONGEST_UPLOAD = timedelta(hours=1)
UNKNOWN, OVER, BUSY, OFTEN, FULL = 404, 410, 409, 429, 507


@dataclass(frozen=True, slots=True)
class Offer:
    """A firmware's file as the address offers it."""

    transfer_id: int
    path: Path
    size: int
    etag: str
    file_name: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one upload goes, and how many bytes it may have."""

    upload_id: int
    path: Path
    most: int


def is_upload(token: str) -> bool | None:
    """What the address is for; None where there is no such address."""
    found = list(_rows(token).values_list("firmware_id", flat=True))
    return found[0] is None if found else None


def offer(token: str) -> Offer | int:
    """The file behind a download address, or the HTTP status that says why not."""
    row = _rows(token).select_related("firmware", "charger").first()
    if row is None or row.firmware is None:
        return UNKNOWN
    image = row.firmware
    if _is_over(row) or row.state == TransferState.DONE or image.deleted_at:
        return OVER
    path = file_store.firmware_path(image)
    if not path.exists():
        return OVER
    return Offer(row.pk, path, image.size, image.sha256, image.file_name, image.uploaded_at)


def begin_download(transfer_id: int, first: int, wanted: int, address: str) -> int:
    """Remember a request for bytes; its row's key."""
    row = Download.objects.create(
        transfer_id=transfer_id, first=first, wanted=wanted, address=address[:45]
    )
    return row.pk


def end_download(pk: int, sent: int) -> None:
    """How many bytes went out before the end, whoever ended it."""
    with transaction.atomic():
        row = Download.objects.select_related("transfer__charger__station").get(pk=pk)
        row.sent, row.finished, row.ended_at = sent, sent == row.wanted, timezone.now()
        row.save(update_fields=["sent", "finished", "ended_at"])
        transfers.publish(row.transfer)


def begin_upload(token: str, file_name: str, address: str) -> Slot | int:
    """Room for one attempt of a charger to send its file, or the HTTP status that says why not."""
    most = settings.UPLOAD_MAX_BYTES
    with transaction.atomic():
        row = _rows(token).select_for_update(of=("self",)).select_related("charger").first()
        if row is None or row.firmware_id is not None:
            return UNKNOWN
        tried = list(row.uploads.values_list("state", "started_at"))
        if _is_over(row) or any(state == UploadState.COMPLETE for state, _ in tried):
            return OVER
        if len(tried) >= MOST_ATTEMPTS:
            return OFTEN
        since = timezone.now() - LONGEST_UPLOAD
        arriving = [1 for state, at in tried if state == UploadState.RECEIVING and at > since]
        if len(arriving) >= MOST_AT_ONCE:
            return BUSY
        if not file_store.has_room(most):
            return FULL
        upload = Upload.objects.create(
            transfer=row,
            address=address[:45],
            file_name=firmware.safe_name(file_name),
            stored_name=file_store.new_name(),
        )
    return Slot(upload.pk, file_store.upload_path(upload), most)


def end_upload(
    pk: int, state: UploadState, size: int, sha256: str = "", file_name: str = ""
) -> bool:
    """Write how an attempt ended; only a complete one keeps its file. False where it came too late."""
    found = Upload.objects.get(pk=pk)
    path = file_store.upload_path(found)
    if state == UploadState.COMPLETE:
        file_store.to_disk(path)
    with transaction.atomic():
        transfer = transfers.lock(found.transfer_id)
        upload = Upload.objects.select_for_update().get(pk=pk)
        if upload.state != UploadState.RECEIVING:
            return False
        upload.state, upload.size, upload.sha256 = state, size, sha256
        names = (file_name, upload.file_name, transfer.file_name, "file")
        upload.file_name = next(filter(None, map(firmware.safe_name, names)))
        upload.ended_at = timezone.now()
        upload.save()
        if state == UploadState.COMPLETE and transfer.status != transfers.REPLACED:
            transfers.on_file(transfer)
        else:
            transfers.publish(transfer)
    if state != UploadState.COMPLETE:
        path.unlink(missing_ok=True)
    return True


def close_lost() -> int:
    """Uploads whose process died while they arrived. A sweep; safe to repeat."""
    lost = Upload.objects.filter(
        state=UploadState.RECEIVING, started_at__lt=timezone.now() - LONGEST_UPLOAD
    )
    return sum(end_upload(row.pk, UploadState.BROKEN, row.size) for row in lost[:200])


def remove_old(most: int = 500) -> int:
    """Delete uploaded files after their time; the row stays and says so. A sweep; safe to repeat."""
    limit = timezone.now() - timedelta(days=settings.UPLOAD_KEEP_DAYS)
    old = list(Upload.objects.filter(state=UploadState.COMPLETE, started_at__lt=limit)[:most])
    for upload in old:
        file_store.upload_path(upload).unlink(missing_ok=True)
        Upload.objects.filter(pk=upload.pk).update(state=UploadState.REMOVED)
    return len(old)


def _rows(token: str) -> QuerySet[Transfer]:
    return Transfer.objects.filter(token_sha256=transfers.digest(token))


def _is_over(row: Transfer) -> bool:
    closed = row.state == TransferState.FAILED and row.status in (
        transfers.REPLACED,
        transfers.NOT_SENT,
    )
    return closed or row.expires_at < timezone.now() or row.charger.deleted_at is not None
