"""Images, transfers and campaigns for tests."""

import base64
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.utils import timezone

from core.audit import SYSTEM
from stations.models import Campaign, Charger, FirmwareImage, Transfer, Upload
from stations.services import campaigns, file_store, firmware, transfers
from stations.services.campaigns import Plan
from users.models import Company

_numbers = itertools.count(1)
STEP = {"action": "ClearCache", "payload": {}}


def an_image(
    company: Company, content: bytes = b"firmware " * 1000, **fields: Any
) -> FirmwareImage:
    given = {"name": "Wallbox", "version": f"2.0.{next(_numbers)}"} | fields
    return firmware.create(company, given, "wall box.bin", [content], actor=SYSTEM)  # type: ignore[arg-type]


def a_transfer(charger: Charger, kind: str = "diagnostics", **fields: Any) -> Transfer:
    """One that the charger has taken on."""
    n = next(_numbers)
    values = {
        "kind": kind,
        "state": "running",
        "status": "Accepted",
        "token_sha256": transfers.digest(f"token-{n}"),
        "expires_at": timezone.now() + timedelta(hours=24),
    } | fields
    return Transfer.objects.create(charger=charger, **values)


def a_sent_file(charger: Charger, content: bytes = b"a line of a log\n" * 50) -> Upload:
    """Diagnostics that have arrived."""
    transfer = a_transfer(charger, state="done", status="Uploaded")
    upload = Upload.objects.create(
        transfer=transfer,
        file_name="diag.log",
        stored_name=file_store.new_name(),
        state="complete",
        size=len(content),
        ended_at=timezone.now(),
    )
    file_store.upload_path(upload).write_bytes(content)
    return upload


def token_of(transfer: Transfer) -> str:
    """The secret of the address that the charger was given."""
    assert transfer.command is not None
    payload = transfer.command.payload
    inner = payload.get("firmware") or payload.get("log") or payload
    url = str(inner.get("location") or inner["remoteLocation"])
    return url.split("/transfer/")[1].split("/")[0]


def a_campaign(chargers: list[Charger], **fields: Any) -> Campaign:
    """An order to clear the cache at each, unless told otherwise."""
    plan: dict[str, Any] = {
        "name": "Spring cleaning",
        "kind": "order",
        "steps": [STEP],
        "deadline": timezone.now() + timedelta(hours=1),
    } | fields
    return campaigns.create(chargers[0].station.company, Plan(**plan), chargers, actor=SYSTEM)


def signed(content: bytes) -> dict[str, str]:
    """``content`` signed with a key of the moment: signature (base64), certificate (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Maker's signing key")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return {
        "signature": base64.b64encode(key.sign(content, ec.ECDSA(hashes.SHA256()))).decode(),
        "signing_certificate": certificate.public_bytes(Encoding.PEM).decode(),
    }
