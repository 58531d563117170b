"""How chargers prove who they are, as pages and the API read it."""

from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from django.db.models import QuerySet
from django.utils import timezone

from stations import certificates
from stations.models import (
    Authority,
    CertificateState,
    Charger,
    ChargerCertificate,
    Command,
    InstalledRoot,
    ProfileUpgrade,
    SecurityEvent,
    TrustedAuthority,
)
from users.models import Company

MOST = 30
EXPIRES_SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Root:
    """A root on a charger. ``name`` where it is one that we know; ``ours``: our own authority's."""

    row: InstalledRoot
    name: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything of one charger's security."""

    charger: Charger
    certificates: list[ChargerCertificate]
    roots: list[Root]
    upgrade: ProfileUpgrade | None
    password_order: Command | None
    events: list[SecurityEvent]


def standing(charger: Charger) -> Standing:
    """The charger as it stands now, newest things first."""
    return Standing(
        charger,
        list(charger.certificates.order_by("-id")[:MOST]),
        roots_of(charger),
        latest_upgrade(charger),
        last_password_order(charger),
        list(events(SecurityEvent.objects.filter(charger=charger))[:MOST]),
    )


def roots_of(charger: Charger) -> list[Root]:
    """What the charger said it has, each with its name where the certificate is known here."""
    rows = list(InstalledRoot.objects.filter(charger=charger))
    if not rows:
        return []
    our_row = Authority.objects.first()
    own = certificates.read(our_row.certificate) if our_row is not None else None
    known = [own] if own is not None else []
    trusted = TrustedAuthority.objects.filter(company_id=charger.station.company_id)
    known += [certificates.read(t.certificate) for t in trusted]
    found = []
    for row in rows:
        match = next((c for c in known if _is(row, c)), None)
        name = certificates.name_of(match) if match is not None else ""
        found.append(Root(row, name, match is not None and match is own))
    return found


def _is(row: InstalledRoot, certificate: x509.Certificate) -> bool:
    if row.hash_algorithm not in certificates.HASHES:
        return False
    said = certificates.hash_data(certificate, row.hash_algorithm)
    return (
        row.issuer_key_hash.lower() == said["issuerKeyHash"]
        and row.serial_number.lower().lstrip("0") == said["serialNumber"]
    )


def latest_upgrade(charger: Charger) -> ProfileUpgrade | None:
    return ProfileUpgrade.objects.filter(charger=charger).order_by("-id").first()


def last_password_order(charger: Charger) -> Command | None:
    """The newest order that carried a password (``services.passwords`` gives it such a key)."""
    return charger.commands.filter(key__startswith="password:").order_by("-id").first()


def events(rows: QuerySet[SecurityEvent]) -> QuerySet[SecurityEvent]:
    return rows.order_by("-received_at", "-id")


def issued(rows: QuerySet[ChargerCertificate], most: int = 200) -> list[ChargerCertificate]:
    """Requests that wait for a person first, then what was signed, the newest first."""
    found = rows.select_related("charger__station").exclude(state=CertificateState.REJECTED)
    newest = list(found.order_by("-id")[:most])
    return sorted(newest, key=lambda row: row.state != CertificateState.REQUESTED)


def trusted(company: Company) -> list[TrustedAuthority]:
    return list(TrustedAuthority.objects.filter(company=company))


def expires_soon(row: ChargerCertificate) -> bool:
    return row.not_after is not None and row.not_after < timezone.now() + EXPIRES_SOON
