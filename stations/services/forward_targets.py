"""Where copies may go: a websocket address, and never into our own network by accident.

The address is typed by an admin and dialled by the server, so a name that leads inside (loopback,
private, link-local: OWASP, server-side request forgery) is an owner's decision. It is checked when
it is saved and again with every dial, since a name may lead elsewhere by then.
"""

import ipaddress
import socket
import ssl
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError

PORTS = {"ws": 80, "wss": 443}
SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}  # offices write https
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class BadUrl(DomainError):
    code = "bad_url"
    message = _("Enter the address as the other side gave it, such as wss://example.com/ocpp/1.6.")

    def __init__(self, message: object = "", code: str = "") -> None:
        super().__init__(str(message) if message else "", code=code, field="url")


class PrivateAddress(BadUrl):
    code = "private_address"
    message = _("This address lies inside a private network. Only an owner may send copies there.")


def clean_url(text: str) -> str:
    """The address with its scheme as ws or wss and without a slash at its end. ``BadUrl``."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise BadUrl from None
    scheme = SCHEMES.get(parts.scheme.lower())
    if scheme is None or not parts.hostname or not text.isprintable() or len(text) > 400:
        raise BadUrl
    if parts.username or parts.password:
        raise BadUrl(
            _("Name and password have fields of their own; leave them out of the address.")
        )
    if parts.query or parts.fragment:
        raise BadUrl
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]


def addresses_of(url: str) -> list[Address]:
    """What the name leads to now; ``OSError`` where it is not known. Blocks on the resolver."""
    host, port = host_and_port(url)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]


def check_addresses(found: list[Address], *, private: bool) -> None:
    """``PrivateAddress`` where one of them lies inside, ``BadUrl`` where none may ever be dialled."""
    for address in found:
        plain = getattr(address, "ipv4_mapped", None) or address
        # Link-local holds the metadata services of clouds: nobody's central system lives there.
        if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
            raise BadUrl(_("This address cannot be a central system."), "forbidden_address")
        if not plain.is_global and not private:
            raise PrivateAddress


def leads_inside(url: str, *, may_inside: bool) -> bool:
    """Whether the address lies in a private network now. A name nobody knows yet may be saved: it
    is checked again when it is dialled."""
    try:
        found = addresses_of(url)
    except OSError:
        return False
    check_addresses(found, private=may_inside)
    return any(not (getattr(a, "ipv4_mapped", None) or a).is_global for a in found)


def clean_ca(pem: str) -> str:
    """One or more CA certificates in PEM, or ''."""
    pem = pem.strip()
    if not pem:
        return ""
    wrong = DomainError(
        _("This is no certificate in PEM form (-----BEGIN CERTIFICATE-----)."),
        code="bad_certificate",
        field="ca_pem",
    )
    if len(pem) > 20_000 or "PRIVATE KEY" in pem:
        raise wrong
    try:
        ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise wrong from None
    return f"{pem}\n"
