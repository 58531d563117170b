"""Files over HTTP as a charger moves them: fetched with resuming, sent whole; signatures checked."""

import base64
import binascii
import http.client
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

TRANSFER_TIMEOUT_S = 10.0
PIECE_BYTES = 64 * 1024


class Refused(Exception):
    """The server answered, and it was no success."""


@dataclass(slots=True)
class Fetch:
    """A download that goes on where it broke off, as long as the file is still the same.

    ``break_after``: hang up once after so many bytes, as a mobile line does.
    """

    location: str
    break_after: int = 0
    content: bytearray = field(default_factory=bytearray)
    etag: str = ""

    def attempt(self) -> None:
        """One request for what is missing. OSError, HTTPException, ValueError or Refused."""
        headers = {}
        if self.content and self.etag:
            headers = {"Range": f"bytes={len(self.content)}-", "If-Range": self.etag}
        connection, path = _connect(self.location)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            if response.status == http.client.OK:
                self.content.clear()
            elif response.status != http.client.PARTIAL_CONTENT:
                raise Refused(f"status {response.status}")
            self.etag = response.headers.get("ETag", "")
            self._read(response)
        finally:
            connection.close()

    def _read(self, response: http.client.HTTPResponse) -> None:
        left = response.length
        while piece := response.read(PIECE_BYTES):
            self.content += piece
            left = left - len(piece) if left is not None else None
            if self.break_after and len(self.content) >= self.break_after:
                self.break_after = 0
                raise ConnectionResetError("the line broke")
        if left:
            raise ConnectionResetError("the server broke off")


def send(location: str, body: bytes, name: str) -> None:
    """PUT a file; a location that ends with a slash is a folder. Raises as ``Fetch.attempt``."""
    connection, path = _connect(location)
    try:
        connection.request("PUT", path + name if path.endswith("/") else path, body)
        response = connection.getresponse()
        response.read()
        if not 200 <= response.status < 300:
            raise Refused(f"status {response.status}")
    finally:
        connection.close()


def _connect(location: str) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(location)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or parts.hostname is None:
        raise ValueError("this charger only knows http and https")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return kinds[parts.scheme](parts.hostname, parts.port, timeout=TRANSFER_TIMEOUT_S), path


def certificate_is_good(pem: str) -> bool:
    """Whether it can be read and holds today."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return False
    now = datetime.now(UTC)
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def signature_is_good(content: bytes, signature: str, pem: str) -> bool:
    """Whether the key of the certificate signed the file (SHA-256, RSA or an elliptic curve)."""
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(raw, content, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(raw, content, padding.PKCS1v15(), hashes.SHA256())
        else:
            return False
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
