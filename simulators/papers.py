"""What a charger proves itself with: its security profile, its key and certificate, the roots it trusts.

Improved security for OCPP 1.6-J. ``cryptography`` is imported on use: thousands of chargers without
certificates need none of it.
"""

import hashlib
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulators.configuration import Configuration

if TYPE_CHECKING:
    from simulators.ocpp_link import Endpoint

CENTRAL_SYSTEM, MANUFACTURER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
FAILURES_BEFORE_FALLBACK = 3
MOST_ROOTS = 5


@dataclass(slots=True, frozen=True)
class Dial:
    """Where and how to connect next."""

    url: str
    password: str | None
    tls: ssl.SSLContext | None


class Papers:
    """One charger's. ``before`` is the profile to fall back to while the new one has not worked yet."""

    def __init__(self, endpoint: "Endpoint", configuration: Configuration) -> None:
        self._endpoint = endpoint
        self._configuration = configuration
        self.roots: dict[str, list[str]] = {CENTRAL_SYSTEM: [], MANUFACTURER: []}
        if endpoint.root:
            self.roots[CENTRAL_SYSTEM].append(endpoint.root)
        self.key = ""
        self.certificate = ""
        self._new_key = ""
        self.before: int | None = None
        self._failures = 0

    @property
    def profile(self) -> int:
        return self._configuration.number("SecurityProfile")

    def dial(self) -> Dial:
        """By the profile: 1 plain with password, 2 the same over TLS, 3 TLS with our certificate."""
        password = self._configuration.text("AuthorizationKey") or self._endpoint.password
        if self.profile < 2 or not self._endpoint.secure_url:
            return Dial(self._endpoint.url, password, self._endpoint.tls)
        shows = self.profile == 3
        return Dial(self._endpoint.secure_url, None if shows else password, self.context(shows))

    def context(self, shows_certificate: bool) -> ssl.SSLContext:
        """Trusts the installed roots and nothing else."""
        context = ssl.create_default_context(cadata="\n".join(self.roots[CENTRAL_SYSTEM]))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if shows_certificate:
            with tempfile.TemporaryDirectory() as folder:
                chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
                chain.write_text(self.certificate)
                key.write_text(self.key)
                context.load_cert_chain(chain, key)
        return context

    # The profile

    def may_become(self, value: str) -> bool:
        """Only higher, and only with what it needs (whitepaper §4.1, SecurityProfile)."""
        if value not in ("1", "2", "3") or int(value) <= self.profile:
            return False
        if int(value) >= 2 and not (self._endpoint.secure_url and self.roots[CENTRAL_SYSTEM]):
            return False
        return value != "3" or bool(self.certificate)

    def rebooted(self, before: int) -> None:
        """A changed profile has taken effect: the old one is kept until the new one has worked."""
        if self.profile != before:
            self.before, self._failures = before, 0

    def connected(self) -> None:
        self.before, self._failures = None, 0

    def failed(self) -> bool:
        """An attempt failed. True where that was enough to fall back to the old profile."""
        if self.before is None:
            return False
        self._failures += 1
        if self._failures < FAILURES_BEFORE_FALLBACK:
            return False
        self._configuration.preset("SecurityProfile", str(self.before))
        self.before = None
        return True

    # The key and its certificate

    def request(self, identity: str) -> str:
        """A new key, and the request to have it signed (SignCertificate)."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID

        key = ec.generate_private_key(ec.SECP256R1())
        organisation = self._configuration.text("CpoName") or "evbilling simulators"
        subject = [
            x509.NameAttribute(NameOID.COMMON_NAME, identity),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        ]
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
        self._new_key = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        request = builder.sign(key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode()

    def take_certificate(self, chain: str) -> bool:
        """Keep a signed certificate if it is for the key that we asked it for."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        if not self._new_key:
            return False
        key = serialization.load_pem_private_key(self._new_key.encode(), None)
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        if leaf.public_key() != key.public_key():
            return False
        self.key, self.certificate, self._new_key = self._new_key, chain, ""
        return True

    # The roots

    def install(self, use: str, pem: str) -> str:
        """The status of InstallCertificate.conf."""
        from cryptography import x509

        try:
            x509.load_pem_x509_certificate(pem.encode())
        except ValueError:
            return "Rejected"
        kept = self.roots[use]
        if pem not in kept:
            if len(kept) >= MOST_ROOTS:
                return "Failed"
            kept.append(pem)
        return "Accepted"

    def hashes(self, use: str) -> list[dict[str, str]]:
        """CertificateHashData of every installed root."""
        return [hash_data(pem) for pem in self.roots[use]]

    def delete(self, wanted: dict[str, Any]) -> str:
        """The status of DeleteCertificate.conf; the last root that the line needs stays."""
        for use, kept in self.roots.items():
            for pem in kept:
                if hash_data(pem) == wanted:
                    if use == CENTRAL_SYSTEM and self.profile >= 2 and len(kept) == 1:
                        return "Failed"
                    kept.remove(pem)
                    return "Accepted"
        return "NotFound"


def hash_data(pem: str) -> dict[str, str]:
    """SHA-256 over the issuer's name and over the issuer's public key without tag and length."""
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(pem.encode())
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": hashlib.sha256(certificate.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": hashlib.sha256(_key_bits(certificate.public_key())).hexdigest(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def _key_bits(key: Any) -> bytes:
    """The contents of the BIT STRING in SubjectPublicKeyInfo, by the kind of key."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    bits: bytes = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return bits
