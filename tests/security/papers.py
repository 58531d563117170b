"""Certificates for tests, made with ``cryptography`` alone: nothing here is the product's own code."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def an_rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def a_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def a_name(common: str, organisation: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def pem(thing: Any) -> str:
    if isinstance(thing, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return thing.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
    text: str = thing.public_bytes(serialization.Encoding.PEM).decode()
    return text


def a_csr(common: str, organisation: str = "", *, key: Key | None = None) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(a_name(common, organisation))
    return pem(builder.sign(key or a_key(), hashes.SHA256()))


@dataclass
class Maker:
    """An authority that is not ours."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    def sign(
        self, common: str, public: Any, *, days: tuple[int, int] = (-1, 30), address: str = ""
    ) -> str:
        """``address``: what a server is reached at."""
        names = [x509.IPAddress(ip_address(address))] if address else []
        subject, issuer = a_name(common), self.certificate.subject
        return pem(_signed(subject, issuer, public, self.key, days, False, names))


def a_maker(name: str = "Maker CA") -> Maker:
    key = a_key()
    subject = a_name(name)
    return Maker(_signed(subject, subject, key.public_key(), key, (-10, 3650), True), key)


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    public: Any,
    key: ec.EllipticCurvePrivateKey,
    days: tuple[int, int],
    authority: bool,
    names: Sequence[x509.GeneralName] = (),
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())


def a_context(root: str, folder: Path, certificate: str = "", key: Any = None) -> ssl.SSLContext:
    """What a charger connects with: it trusts ``root``, and shows a certificate where it has one."""
    context = ssl.create_default_context(cadata=root)
    if certificate:
        chain, secret = folder / "chain.pem", folder / "key.pem"
        chain.write_text(certificate)
        secret.write_text(pem(key))
        context.load_cert_chain(chain, secret)
    return context
