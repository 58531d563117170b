"""Whose signature under a client certificate counts, as a socket process knows it now."""

from collections.abc import Callable

from cryptography import x509

from stations import certificates
from stations.services.authority import Loaded


class Trust:
    """Changed by ``take`` while the process runs; ``on_change`` hears of it."""

    def __init__(self) -> None:
        self.bundle = ""
        self.on_change: Callable[[], None] = lambda: None
        self._trusted: list[tuple[int, x509.Certificate]] = []

    def take(self, loaded: Loaded) -> None:
        """Believe these and no others from now on."""
        self._trusted = loaded.trusted
        if loaded.bundle != self.bundle:
            self.bundle = loaded.bundle
            self.on_change()

    def authority_of(self, certificate: x509.Certificate) -> int | None:
        """The ``TrustedAuthority`` that signed it; None for ours and for nobody's."""
        for pk, authority in self._trusted:
            if certificates.is_issued_by(certificate, authority):
                return pk
        return None
