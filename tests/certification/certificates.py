"""Certificates as a charge point sees them: makes roots, keys and requests, and what it shows."""

import hashlib
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.certification.scene import Payload

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def named(common_name: str, organisation: str = "Certification") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def a_root(common_name: str) -> str:
    """A self-signed authority in PEM."""
    return pem(_signed_by_itself(common_name, new_key()))


def an_rsa_server(host: str) -> tuple[str, str]:
    """A self-signed server certificate with an RSA key: (certificate, key), both PEM."""
    key = rsa.generate_private_key(65537, 2048)
    return pem(_signed_by_itself(host, key)), secret(key).decode()


def _signed_by_itself(common_name: str, key: Key | rsa.RSAPrivateKey) -> x509.Certificate:
    name, now = named(common_name), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return builder.sign(key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def secret(key: Key | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def hash_data(root: str) -> Payload:
    """CertificateHashData of a root as a charge point reports it (security extension §4.2)."""
    certificate = x509.load_pem_x509_certificate(root.encode())
    key = certificate.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": hashlib.sha256(certificate.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": hashlib.sha256(key).hexdigest(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def a_request(key: Key, common_name: str, organisation: str) -> str:
    """A certificate signing request (PKCS#10) in PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(named(common_name, organisation))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def context(root: str, chain: str = "", key: Key | None = None) -> ssl.SSLContext:
    """What a charge point speaks TLS with: it trusts ``root`` and shows ``chain`` where it has one."""
    made = ssl.create_default_context(cadata=root)
    if chain and key is not None:
        with tempfile.TemporaryDirectory() as folder:
            both = Path(folder, "certificate-and-key.pem")
            both.write_bytes(secret(key) + chain.encode())
            made.load_cert_chain(both)
    return made
