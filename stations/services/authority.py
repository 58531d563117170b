"""The local certificate authority, and makers' authorities that a company trusts for its chargers."""

from dataclasses import dataclass

from cryptography import x509
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import Conflict, DomainError
from core.models import Lease
from core.seal import Unreadable, seal, unseal
from stations import certificates
from stations.certificates import Issuer
from stations.models import Authority, SecurityRules, TrustedAuthority
from users.models import Company
from users.services import editing

NAME = "evbilling charger CA"
LONGEST_CPO_NAME = 64


class KeyUnreadable(Conflict):
    code = "authority_sealed"
    message = _(
        "The authority’s key was sealed under another SECRET_KEY. Put the old SECRET_KEY back: without "
        "it no certificate can be signed."
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a socket process believes: our root, and (key, certificate) of each trusted authority."""

    root_pem: str
    trusted: list[tuple[int, x509.Certificate]]
    bundle: str


def row() -> Authority:
    """The authority, made on first use."""
    found = Authority.objects.first()
    if found is not None:
        return found
    certificate, key = certificates.make_authority(NAME, timezone.now())
    try:
        with transaction.atomic():
            made = Authority.objects.create(certificate=certificate, sealed_key=seal(key))
            audit.record(audit.SYSTEM, "create_authority", f"authority:{made.pk}")
            _tell()
    except IntegrityError:  # somebody else was first
        return Authority.objects.get()
    return made


def root_pem() -> str:
    return row().certificate


def issuer() -> Issuer:
    """The authority with its key. ``KeyUnreadable``."""
    found = row()
    try:
        return certificates.load_issuer(found.certificate, unseal(found.sealed_key))
    except Unreadable:
        raise KeyUnreadable from None


def server_certificate(host: str) -> tuple[str, str]:
    """(certificate, key) for our own TLS port where the installation has none of its own."""
    return certificates.make_server(issuer(), host, timezone.now())


def load() -> Loaded:
    """Everything a client certificate may be signed by."""
    root = root_pem()
    trusted = list(TrustedAuthority.objects.order_by("pk"))
    return Loaded(
        root,
        [(t.pk, certificates.read(t.certificate)) for t in trusted],
        "\n".join([root, *(t.certificate for t in trusted)]),
    )


def trust(company: Company, pem: str, name: str = "", *, actor: audit.Actor) -> TrustedAuthority:
    """Let in chargers of this company with a certificate that this authority signed itself."""
    found = certificates.read(pem, authority=True)
    if found.not_valid_after_utc <= timezone.now():
        raise DomainError(_("This certificate has expired."), code="expired", field="certificate")
    taken = Conflict(
        _("This authority is trusted already."), code="already_trusted", field="certificate"
    )
    with transaction.atomic():
        with editing.refusing("trusted_authority_once", taken):
            made = TrustedAuthority.objects.create(
                company=company,
                name=(name.strip() or certificates.name_of(found))[:120],
                certificate=pem.strip(),
                fingerprint=certificates.fingerprint_of(found),
                not_after=found.not_valid_after_utc,
                added_by=actor.name,
            )
        _record(actor, "trust_authority", made)
        _tell()
    return made


def distrust(trusted: TrustedAuthority, *, actor: audit.Actor) -> None:
    """Its chargers are not let in again; lines that stand go on."""
    with transaction.atomic():
        _record(actor, "distrust_authority", trusted)
        trusted.delete()
        _tell()


def rules_of(company_id: int) -> SecurityRules:
    """What the company asks of certificate requests; the defaults where it has said nothing."""
    found = SecurityRules.objects.filter(company_id=company_id).first()
    return found or SecurityRules(company_id=company_id)


def set_rules(
    company: Company, *, cpo_name: str, approve_by_hand: bool, actor: audit.Actor
) -> SecurityRules:
    """``cpo_name``: what chargers write as organisation; '' asks for none."""
    cpo_name = cpo_name.strip()
    if len(cpo_name) > LONGEST_CPO_NAME or not (cpo_name.isascii() and cpo_name.isprintable()):
        raise DomainError(
            _("At most 64 letters and digits: chargers take no others."),
            code="bad_cpo_name",
            field="cpo_name",
        )
    row = rules_of(company.pk)
    changes = editing.apply(row, {"cpo_name": cpo_name, "approve_by_hand": approve_by_hand})
    if changes:
        with transaction.atomic():
            row.save()
            audit.record(
                actor,
                "edit_security_rules",
                f"company:{company.pk}",
                company_id=company.pk,
                old=changes.old,
                new=changes.new,
            )
    return row


def _tell() -> None:
    """Every socket process takes its authorities anew."""
    holders = Lease.objects.filter(name__startswith="sockets_", expires_at__gt=timezone.now())
    for name in holders.values_list("name", flat=True):
        outbox.notify(name, {"trust": True})


def _record(actor: audit.Actor, action: str, trusted: TrustedAuthority) -> None:
    audit.record(
        actor,
        action,
        f"trusted_authority:{trusted.pk}",
        company_id=trusted.company_id,
        new={"name": trusted.name, "fingerprint": trusted.fingerprint},
    )
