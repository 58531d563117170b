"""Which cards a charger knows by itself: its local list and its cache (OCPP 1.6 §3.5)."""

from collections.abc import Iterable

from simulators.configuration import Configuration
from simulators.journal import Payload


class Cards:
    """``idTagInfo`` by card; idTags are compared without regard to case (CiString)."""

    def __init__(self, configuration: Configuration) -> None:
        self.version = 0
        self._configuration = configuration
        self._listed: dict[str, Payload] = {}
        self._cached: dict[str, Payload] = {}

    def known(self, id_tag: str) -> Payload | None:
        """What the list, else the cache, says of a card; ``None`` if neither knows it."""
        folded = id_tag.casefold()
        if self._configuration.flag("LocalAuthListEnabled") and folded in self._listed:
            return self._listed[folded]
        if self._configuration.flag("AuthorizationCacheEnabled"):
            return self._cached.get(folded)
        return None

    def remember(self, id_tag: str, info: Payload | None) -> None:
        """Cache what a .conf said; a listed card's entry stays as the server listed it."""
        if info and self._configuration.flag("AuthorizationCacheEnabled"):
            self._cached[id_tag.casefold()] = info

    def forget(self) -> None:
        """Clear the cache."""
        self._cached.clear()

    def update(self, version: int, entries: Iterable[Payload], full: bool) -> str:
        """Take a SendLocalList; returns the status of its .conf."""
        if not self._configuration.flag("LocalAuthListEnabled"):
            return "NotSupported"
        if not full and version <= self.version:
            return "VersionMismatch"
        listed = {} if full else dict(self._listed)
        for entry in entries:
            folded = str(entry["idTag"]).casefold()
            if "idTagInfo" in entry:
                listed[folded] = entry["idTagInfo"]
            else:
                listed.pop(folded, None)
        if len(listed) > self._configuration.number("LocalAuthListMaxLength"):
            return "Failed"
        self._listed, self.version = listed, version
        return "Accepted"

    def offline_verdict(self, id_tag: str) -> Payload:
        """What the charger decides alone while the server cannot be asked."""
        known = self.known(id_tag)
        if known is not None and self._configuration.flag("LocalAuthorizeOffline"):
            return known
        if known is None and self._configuration.flag("AllowOfflineTxForUnknownId"):
            return {"status": "Accepted"}
        return {"status": "Invalid"}

    def pre_authorised(self, id_tag: str) -> Payload | None:
        """The info that makes asking the server needless, if LocalPreAuthorize allows that."""
        known = self.known(id_tag)
        if known is None or known.get("status") != "Accepted":
            return None
        return known if self._configuration.flag("LocalPreAuthorize") else None
