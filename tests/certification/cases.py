"""The cases for central systems of OCA's *OCPP 1.6 Compliancy Testing Tool* (2025-09), by number.

Each has one test, ``test_tc_<number>_…``, in the file of its profile (``test_registry`` sees to it).
"""

from dataclasses import dataclass

CORE = "Core"
LOCAL_LIST = "Local Auth List Management"
FIRMWARE = "Firmware Management"
RESERVATION = "Reservation"
TRIGGER = "Remote Trigger"
SMART_CHARGING = "Smart Charging"
SECURITY = "Security"


@dataclass(frozen=True, slots=True)
class Case:
    """``number`` as in TC_<number>_CSMS."""

    number: str
    title: str
    profile: str

    @property
    def id(self) -> str:
        return f"TC_{self.number}_CSMS"


def _of(profile: str, titles: dict[str, str]) -> tuple[Case, ...]:
    return tuple(Case(number, title, profile) for number, title in titles.items())


CASES = (
    *_of(
        CORE,
        {
            "001": "Cold boot",
            "003": "Regular charging session: plug in first",
            "004_1": "Regular charging session: identification first",
            "004_2": "Identification first: connection timeout",
            "005_1": "EV side disconnected: transaction stopped, connector unlocked",
            "007": "Charging session begun with a cached id",
            "010": "Remote start: cable plugged in first",
            "011_1": "Remote start first, then the cable",
            "011_2": "Remote start: nobody plugs in in time",
            "012": "Remote stop",
            "013": "Hard reset without transaction",
            "014": "Soft reset without transaction",
            "017_1": "Unlock without charging session, loose cable",
            "017_2": "Unlock without charging session, fixed cable",
            "018_1": "Unlock with charging session",
            "019_1": "Retrieve all configuration keys",
            "019_2": "Retrieve one configuration key",
            "021": "Change configuration",
            "023_1": "Authorize: invalid",
            "023_2": "Authorize: expired",
            "023_3": "Authorize: blocked",
            "024": "Charging session: lock failure",
            "026": "Remote start: rejected",
            "028": "Remote stop: rejected",
            "030": "Unlock: unlock failure",
            "031": "Unlock: unknown connector",
            "032_1": "Power failure: transactions stopped at boot",
            "037_1": "Offline start: valid idTag",
            "037_3": "Offline start: invalid idTag, transaction stopped",
            "039": "Offline transaction",
            "040_1": "Configuration keys: not supported",
            "040_2": "Configuration keys: invalid value",
            "061": "Clear the authorization cache",
            "064": "Data transfer to the central system",
        },
    ),
    *_of(
        LOCAL_LIST,
        {
            "042_1": "Local list version: not supported",
            "042_2": "Local list version: empty",
            "043_1": "Send local list: not supported",
            "043_3": "Send local list: failed",
            "043_4": "Send local list: full",
            "043_5": "Send local list: differential",
        },
    ),
    *_of(
        FIRMWARE,
        {
            "044_1": "Firmware update: download and install",
            "044_2": "Firmware update: download failed",
            "044_3": "Firmware update: installation failed",
            "045_1": "Get diagnostics",
            "045_2": "Get diagnostics: upload failed",
        },
    ),
    *_of(
        RESERVATION,
        {
            "046": "Reservation of a connector: transaction",
            "047": "Reservation of a connector: expire",
            "048_1": "Reservation of a connector: faulted",
            "048_2": "Reservation of a connector: occupied",
            "048_3": "Reservation of a connector: unavailable",
            "048_4": "Reservation of a connector: rejected",
            "049": "Reservation of a charge point: transaction",
            "051": "Cancel reservation",
            "052": "Cancel reservation: rejected",
            "053": "Reserved connector used by the parent's other card",
        },
    ),
    *_of(TRIGGER, {"054": "Trigger message", "055": "Trigger message: rejected"}),
    *_of(
        SMART_CHARGING,
        {
            "056": "Central smart charging: TxDefaultProfile",
            "057": "Central smart charging: TxProfile",
            "059": "Remote start with a charging profile",
            "066": "Get composite schedule",
            "067": "Clear charging profile",
        },
    ),
    *_of(
        SECURITY,
        {
            "073": "Update the password for HTTP Basic authentication",
            "074": "Update the charge point's certificate",
            "075_1": "Install a certificate: manufacturer root",
            "075_2": "Install a certificate: central system root",
            "076": "Delete one certificate",
            "077": "Security event: invalid charge point certificate",
            "078": "Security event: invalid central system certificate",
            "079": "Get security log",
            "080": "Secure firmware update",
            "081": "Secure firmware update: invalid signature",
            "083": "Upgrade of the security profile: accepted",
            "085": "Basic authentication: valid name and password",
            "086": "TLS: valid server certificate",
            "087": "TLS: valid client certificate",
            "088": "WebSocket subprotocol",
        },
    ),
)
