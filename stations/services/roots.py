"""Root certificates on chargers: installed, deleted, and what a charger says that it has."""

import secrets
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import DomainError
from stations import certificates
from stations.models import Charger, Command, CommandStatus, InstalledRoot, RootUse
from stations.services import authority, commands
from stations.services.certificates import require_online

WORD = "roots"
LONGEST = 5_500  # InstallCertificate.certificate
LONGEST_HASH, LONGEST_SERIAL = 128, 40


def install(charger: Charger, use: str, pem: str = "", *, actor: audit.Actor) -> Command:
    """Put a root on the charger; without ``pem`` the root of our own authority."""
    _require_use(use)
    pem = (pem or authority.root_pem()).strip() + "\n"
    found = certificates.read(pem)
    if len(pem) > LONGEST:
        raise DomainError(
            _("A charger takes at most 5,500 characters."), code="too_long", field="certificate"
        )
    payload = {"certificateType": use, "certificate": pem}
    said = {"use": use, "name": certificates.name_of(found)}
    return _order(charger, "InstallCertificate", payload, use, "install_root", said, actor)


def delete(root: InstalledRoot, *, actor: audit.Actor) -> Command:
    """Take a root off the charger. It refuses for one that it needs to talk to us (whitepaper §5.9)."""
    payload = {"certificateHashData": hash_data(root)}
    said = {"use": root.use, "serial": root.serial_number}
    return _order(root.charger, "DeleteCertificate", payload, root.use, "delete_root", said, actor)


def read(charger: Charger, use: str, *, actor: audit.Actor) -> Command:
    """Ask what roots the charger has."""
    _require_use(use)
    require_online(charger)
    with transaction.atomic():
        return _ask(charger, use, by=actor.name)


def hash_data(root: InstalledRoot) -> dict[str, str]:
    """CertificateHashData as the charger gave it."""
    return {
        "hashAlgorithm": root.hash_algorithm,
        "issuerNameHash": root.issuer_name_hash,
        "issuerKeyHash": root.issuer_key_hash,
        "serialNumber": root.serial_number,
    }


def on_outcome(command: Command) -> None:
    """Keep the list that came; after a change ask for it anew."""
    _word, use, _unique = (command.key or "").split(":")
    if command.action == "GetInstalledCertificateIds":
        answered = command.status in (CommandStatus.ACCEPTED, CommandStatus.REJECTED)
        if answered and isinstance(command.response, dict):
            _replace(command.charger, use, command.response.get("certificateHashData"))
    elif command.status == CommandStatus.ACCEPTED:
        _ask(command.charger, use, by=command.requested_by)


def _replace(charger: Charger, use: str, rows: Any) -> None:
    Charger.all_objects.select_for_update(of=("self",)).get(pk=charger.pk)
    InstalledRoot.objects.filter(charger=charger, use=use).delete()
    now = timezone.now()
    InstalledRoot.objects.bulk_create(
        InstalledRoot(
            charger=charger,
            use=use,
            hash_algorithm=_text(row, "hashAlgorithm", 6),
            issuer_name_hash=_text(row, "issuerNameHash", LONGEST_HASH),
            issuer_key_hash=_text(row, "issuerKeyHash", LONGEST_HASH),
            serial_number=_text(row, "serialNumber", LONGEST_SERIAL),
            seen_at=now,
        )
        for row in (rows if isinstance(rows, list) else [])[:50]
        if isinstance(row, dict)
    )


def _text(row: Mapping[str, Any], name: str, most: int) -> str:
    return str(row.get(name) or "")[:most]


def _ask(charger: Charger, use: str, *, by: str) -> Command:
    return commands.request(
        charger, "GetInstalledCertificateIds", {"certificateType": use}, by=by, key=_key(use)
    )


def _order(
    charger: Charger,
    action: str,
    payload: Mapping[str, Any],
    use: str,
    audited: str,
    said: Mapping[str, Any],
    actor: audit.Actor,
) -> Command:
    require_online(charger)
    with transaction.atomic():
        command = commands.request(charger, action, payload, by=actor.name, key=_key(use))
        audit.record(
            actor,
            audited,
            f"charger:{charger.pk}",
            company_id=charger.station.company_id,
            new={**said, "command": command.pk},
        )
    return command


def _key(use: str) -> str:
    return f"{WORD}:{use}:{secrets.token_hex(8)}"


def _require_use(use: str) -> None:
    if use not in RootUse.values:
        raise DomainError(
            _("Choose what the certificate is for."), code="bad_use", field="certificate_type"
        )
