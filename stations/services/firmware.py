"""Firmware images: taken in as a stream, checked, kept; put in the trash, never rewritten."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from cryptography import x509
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError
from stations.models import Campaign, FirmwareImage, Transfer
from stations.models.transfer import OPEN_TRANSFER
from stations.services import file_store
from users.models import Company

MB = 1024 * 1024
LONGEST_CERTIFICATE = 5_500  # SignedUpdateFirmware.req, FirmwareType
LONGEST_SIGNATURE = 800


class FirmwareFields(TypedDict, total=False):
    """What is said of an image. ``vendor`` and ``model`` blank: it fits any charger."""

    name: str
    version: str
    vendor: str
    model: str
    signature: str
    signing_certificate: str


class TooLarge(DomainError):
    code = "too_large"
    status = 413
    message = _("The file is larger than %(mb)s MB.")


def create(
    company: Company,
    fields: FirmwareFields,
    file_name: str,
    chunks: Iterable[bytes],
    *,
    actor: audit.Actor,
) -> FirmwareImage:
    """Keep an uploaded image. ``DomainError`` where it is empty, too large, or half signed."""
    signed = _signature(fields)
    image = FirmwareImage(
        company=company,
        name=fields.get("name", "").strip(),
        version=fields.get("version", "").strip(),
        vendor=fields.get("vendor", "").strip(),
        model=fields.get("model", "").strip(),
        **signed,
        file_name=safe_name(file_name) or "firmware.bin",
        stored_name=file_store.new_name(),
        uploaded_by=actor.name,
    )
    path = file_store.firmware_path(image)
    try:
        image.size, image.sha256 = _store(path, chunks)
        file_store.to_disk(path)
        with transaction.atomic():
            image.save()
            _record(actor, "upload_firmware", image)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return image


def delete(image: FirmwareImage, *, actor: audit.Actor) -> None:
    """Into the trash: it is offered no more. ``Conflict`` while a charger is still fetching it."""
    with transaction.atomic():
        row = FirmwareImage.objects.select_for_update().get(pk=image.pk)
        busy = Transfer.objects.filter(firmware=row, state__in=OPEN_TRANSFER).exists()
        if busy or Campaign.objects.filter(firmware=row, state__in=("running", "paused")).exists():
            raise Conflict(
                _("A charger is being updated with it. Wait for its end, or cancel the campaign."),
                code="in_use",
            )
        row.deleted_at, row.deleted_by = timezone.now(), actor.name
        row.save(update_fields=["deleted_at", "deleted_by"])
        _record(actor, "delete_firmware", row)


def safe_name(name: str) -> str:
    """The last part of a name as plain ASCII: it stands in addresses that chargers must read."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", last).lstrip(".")[-100:]


def _store(path: Path, chunks: Iterable[bytes]) -> tuple[int, str]:
    """Size and SHA-256 of what was written."""
    size, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > settings.FIRMWARE_MAX_BYTES:
                raise TooLarge(field="file", mb=settings.FIRMWARE_MAX_BYTES // MB)
            digest.update(chunk)
            file.write(chunk)
    if not size:
        raise DomainError(_("The file is empty."), code="empty", field="file")
    return size, digest.hexdigest()


def _signature(fields: FirmwareFields) -> dict[str, str]:
    """Signature (base64) and certificate (PEM) as the charger will get them, or neither."""
    signature = "".join(fields.get("signature", "").split())
    certificate = fields.get("signing_certificate", "").strip()
    if not signature and not certificate:
        return {}
    if not signature:
        raise DomainError(
            _("Give the signature that belongs to the certificate."),
            code="required",
            field="signature",
        )
    if not certificate:
        raise DomainError(
            _("Give the certificate that the signature was made with."),
            code="required",
            field="signing_certificate",
        )
    try:
        base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        signature = ""
    if not signature or len(signature) > LONGEST_SIGNATURE:
        raise DomainError(
            _("The signature must be base64 of at most %(most)s characters."),
            code="bad_signature",
            field="signature",
            most=LONGEST_SIGNATURE,
        )
    try:
        x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        certificate = ""
    if not certificate or len(certificate) > LONGEST_CERTIFICATE:
        raise DomainError(
            _("This is no certificate in PEM form (-----BEGIN CERTIFICATE-----)."),
            code="bad_certificate",
            field="signing_certificate",
        )
    return {"signature": signature, "signing_certificate": certificate}


def _record(actor: audit.Actor, action: str, image: FirmwareImage) -> None:
    audit.record(
        actor,
        action,
        f"firmware:{image.pk}",
        company_id=image.company_id,
        new={
            "name": image.name,
            "version": image.version,
            "size": image.size,
            "sha256": image.sha256,
        },
    )
