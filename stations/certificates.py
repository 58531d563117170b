"""X.509 as the security extension needs it: an authority, requests, certificates, their hashes.

Pure functions over PEM text; nothing here knows the database. Keys are ECDSA P-256: every charger
with the security extension must take it (whitepaper §3.3), and it is small enough for their chips.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError

ROOT_DAYS, CHARGER_DAYS, SERVER_DAYS = 3650, 730, 397
CLOCK_SLACK = timedelta(hours=24)  # a charger's clock may be behind when it gets its certificate
LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 224  # whitepaper §3.3
# The hash that a charger may name in CertificateHashData.
HASHES = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}


class BadCertificate(DomainError):
    """What was given is no certificate of the kind that is needed here."""

    code = "bad_certificate"
    message = _("This is not a certificate in PEM form.")


class BadRequestForCertificate(DomainError):
    """A charger's request for a certificate that we do not sign; ``code`` says why."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What of a presented certificate the door needs."""

    certificate: x509.Certificate
    fingerprint: str
    common_name: str

    def is_valid_at(self, at: datetime) -> bool:
        return self.certificate.not_valid_before_utc <= at <= self.certificate.not_valid_after_utc


@dataclass(frozen=True, slots=True)
class Issued:
    """A new certificate. ``serial`` in hex without leading zeros, as CertificateHashData has it."""

    pem: str
    serial: str
    fingerprint: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def make_authority(name: str, at: datetime) -> tuple[str, str]:
    """A new root for ten years: (certificate, private key), both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    builder = (
        _builder(subject, subject, key.public_key(), at, ROOT_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=False, certificates=True), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), _key_pem(key)


def load_issuer(pem: str, key_pem: str) -> Issuer:
    key = serialization.load_pem_private_key(key_pem.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadCertificate
    return Issuer(x509.load_pem_x509_certificate(pem.encode()), key)


def sign_request(issuer: Issuer, csr_pem: str, at: datetime, days: int = CHARGER_DAYS) -> Issued:
    """The client certificate that a checked request asks for, with its subject as it is there."""
    request = x509.load_pem_x509_csr(csr_pem.encode())
    builder = (
        _builder(request.subject, issuer.certificate.subject, request.public_key(), at, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=True, certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(_of_issuer(issuer), critical=False)
    )
    return _issued(builder.sign(issuer.key, hashes.SHA256()))


def make_server(issuer: Issuer, host: str, at: datetime) -> tuple[str, str]:
    """A server certificate for ``host``: (certificate, private key), both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    builder = (
        _builder(subject, issuer.certificate.subject, key.public_key(), at, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=True, certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        .add_extension(_of_issuer(issuer), critical=False)
    )
    return _issued(builder.sign(issuer.key, hashes.SHA256())).pem, _key_pem(key)


def check_request(csr_pem: str, charge_point_id: str, organisation: str = "") -> None:
    """Raise ``BadRequestForCertificate`` unless a charger may have what it asks for.

    Signed with its own key, a key that is long enough, its own name as CN and, where we have
    told it one, our organisation as O (whitepaper §5.4, SignCertificate).
    """
    try:
        request = x509.load_pem_x509_csr(csr_pem.strip().encode("ascii", "replace"))
        proven = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        raise BadRequestForCertificate(
            _("It cannot be read as a certificate request."), code="csr_unreadable"
        ) from None
    if not proven:
        raise BadRequestForCertificate(
            _("Its signature is not by the key it names."), code="csr_signature"
        )
    if not _is_strong(key):
        raise BadRequestForCertificate(_("Its key is too short."), code="csr_key")
    if _first(request.subject, NameOID.COMMON_NAME).upper() != charge_point_id.upper():
        raise BadRequestForCertificate(
            _("Its name (CN) is not the charge point id."), code="csr_common_name"
        )
    said = _first(request.subject, NameOID.ORGANIZATION_NAME)
    if organisation and said.casefold() != organisation.casefold():
        raise BadRequestForCertificate(
            _("Its organisation (O) is not this company’s CpoName."), code="csr_organisation"
        )


def read(pem: str, *, authority: bool = False) -> x509.Certificate:
    """One certificate from PEM; ``authority``: it must be one that may sign others."""
    try:
        found = x509.load_pem_x509_certificate(pem.strip().encode("ascii", "replace"))
        _usable = found.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise BadCertificate(field="certificate") from None
    if authority and not _may_sign(found):
        raise BadCertificate(
            _("This certificate may not sign others: a root or an authority is needed."),
            code="not_an_authority",
            field="certificate",
        )
    return found


def leaf_of(der: bytes) -> Leaf | None:
    """What a peer presented, or None where it cannot be read."""
    try:
        found = x509.load_der_x509_certificate(der)
        return Leaf(found, fingerprint_of(found), _first(found.subject, NameOID.COMMON_NAME))
    except ValueError:
        return None


def is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether ``authority`` itself has signed it."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def fingerprint_of(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def name_of(certificate: x509.Certificate) -> str:
    """Its name for people: CN, else the whole subject."""
    return _first(certificate.subject, NameOID.COMMON_NAME) or certificate.subject.rfc4514_string()


def hash_data(certificate: x509.Certificate, algorithm: str = "SHA256") -> dict[str, str]:
    """CertificateHashData of a root (whitepaper §6, as CertID in RFC 6960 §4.1.1).

    issuerNameHash is over the DER of the issuer's name, issuerKeyHash over the issuer's public key
    without tag and length; a root is its own issuer.
    """
    digest = HASHES[algorithm]
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": digest(certificate.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": digest(_bit_string(spki)).hexdigest(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def _bit_string(spki: bytes) -> bytes:
    """The key's bits out of SubjectPublicKeyInfo ::= SEQUENCE { algorithm, BIT STRING } (X.690)."""
    start, _end = _content(spki, 0)
    _skipped, after_algorithm = _content(spki, start)
    bits, end = _content(spki, after_algorithm)
    return spki[bits + 1 : end]  # the first octet counts unused bits


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the contents of the element at ``at`` begin and end."""
    first = der[at + 1]
    if first < 0x80:
        return at + 2, at + 2 + first
    size = first & 0x7F
    length = int.from_bytes(der[at + 2 : at + 2 + size], "big")
    return at + 2 + size, at + 2 + size + length


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: object,
    at: datetime,
    days: int,
) -> x509.CertificateBuilder:
    # 120 random bits: 30 hex digits, below the 40 that serialNumber has.
    serial = x509.random_serial_number() >> 39
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)  # type: ignore[arg-type]
        .serial_number(serial or 1)
        .not_valid_before(at.astimezone(UTC) - CLOCK_SLACK)
        .not_valid_after(at.astimezone(UTC) + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)  # type: ignore[arg-type]
    )


def _issued(certificate: x509.Certificate) -> Issued:
    return Issued(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        f"{certificate.serial_number:x}",
        fingerprint_of(certificate),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _of_issuer(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def _usage(*, sign: bool, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _is_strong(key: object) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= LEAST_RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= LEAST_EC_BITS


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _first(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value).strip() if found else ""
