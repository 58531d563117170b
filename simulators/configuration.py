"""The configuration keys of OCPP 1.6 §9 and the security white paper, as one charger keeps them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

MEASURANDS = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Power.Offered",
    "Current.Import",
    "Current.Offered",
    "Voltage",
    "Frequency",
    "Temperature",
    "SoC",
)


def _number(text: str) -> bool:
    return text.isdecimal() and int(text) < 2**31


def _flag(text: str) -> bool:
    return text.lower() in ("true", "false")


def _measurands(text: str) -> bool:
    return all(name.strip() in MEASURANDS for name in text.split(",")) if text else True


def _secret(text: str) -> bool:
    return 16 <= len(text) <= 40


def _text(text: str) -> bool:
    return len(text) <= 500


@dataclass(slots=True, frozen=True)
class Key:
    """A key's factory value and its rules."""

    value: str
    accepts: Callable[[str], bool] = _text
    readonly: bool = False
    write_only: bool = False
    reboot: bool = False


SAMPLED = (
    "Energy.Active.Import.Register,Power.Active.Import,Power.Offered,Current.Import,Voltage,SoC"
)

KEYS: Mapping[str, Key] = {
    "AllowOfflineTxForUnknownId": Key("false", _flag),
    "AuthorizationCacheEnabled": Key("true", _flag),
    "AuthorizationKey": Key("", _secret, write_only=True),
    "AuthorizeRemoteTxRequests": Key("false", _flag),
    "ChargeProfileMaxStackLevel": Key("8", readonly=True),
    "ChargingScheduleAllowedChargingRateUnit": Key("Current,Power", readonly=True),
    "ChargingScheduleMaxPeriods": Key("24", readonly=True),
    "ClockAlignedDataInterval": Key("0", _number),
    "ConnectionTimeOut": Key("60", _number),
    "ConnectorPhaseRotation": Key("NotApplicable", reboot=True),
    "ConnectorSwitch3to1PhaseSupported": Key("false", readonly=True),
    "CpoName": Key(""),
    "GetConfigurationMaxKeys": Key("50", readonly=True),
    "HeartbeatInterval": Key("300", _number),
    "LocalAuthListEnabled": Key("true", _flag),
    "LocalAuthListMaxLength": Key("1000", readonly=True),
    "LocalAuthorizeOffline": Key("true", _flag),
    "LocalPreAuthorize": Key("false", _flag),
    "MaxChargingProfilesInstalled": Key("20", readonly=True),
    "MeterValuesAlignedData": Key("Energy.Active.Import.Register", _measurands),
    "MeterValuesSampledData": Key(SAMPLED, _measurands),
    "MeterValueSampleInterval": Key("60", _number),
    "MinimumStatusDuration": Key("0", _number),
    "NumberOfConnectors": Key("1", readonly=True),
    "ReserveConnectorZeroSupported": Key("false", readonly=True),
    "ResetRetries": Key("1", _number),
    "SecurityProfile": Key("1", lambda text: text in ("1", "2", "3"), reboot=True),
    "SendLocalListMaxLength": Key("500", readonly=True),
    "StopTransactionOnEVSideDisconnect": Key("true", _flag),
    "StopTransactionOnInvalidId": Key("true", _flag),
    "StopTxnAlignedData": Key("", _measurands),
    "StopTxnSampledData": Key("", _measurands),
    "SupportedFeatureProfiles": Key(
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger",
        readonly=True,
    ),
    "TransactionMessageAttempts": Key("3", _number),
    "TransactionMessageRetryInterval": Key("60", _number),
    "UnlockConnectorOnEVSideDisconnect": Key("true", _flag),
    "WebSocketPingInterval": Key("60", _number),
}

_BY_FOLDED_NAME = {name.casefold(): name for name in KEYS}


class Configuration:
    """Only what differs from the factory is stored, so that thousands of chargers stay small."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values: dict[str, str] = {}
        self._after_reboot: dict[str, str] = {}
        for name, value in (values or {}).items():
            self.preset(name, value)

    @staticmethod
    def name_of(name: str) -> str | None:
        """The key's official spelling; names are compared without regard to case."""
        return _BY_FOLDED_NAME.get(name.casefold())

    def preset(self, name: str, value: str) -> None:
        """Set a key as the installer does: read-only ones too. Raises ValueError."""
        known = self.name_of(name)
        if known is None:
            raise ValueError(f"unknown configuration key {name}")
        if not KEYS[known].accepts(value):
            raise ValueError(f"configuration key {known} cannot be {value!r}")
        self._values[known] = value

    def change(self, name: str, value: str) -> str:
        """What ChangeConfiguration asks for; returns the status of its .conf."""
        known = self.name_of(name)
        if known is None:
            return "NotSupported"
        key = KEYS[known]
        if key.readonly or not key.accepts(value):
            return "Rejected"
        if key.reboot:
            self._after_reboot[known] = value
            return "RebootRequired"
        self._values[known] = value
        return "Accepted"

    def reboot(self) -> None:
        """Take over what waited for a reboot."""
        self._values.update(self._after_reboot)
        self._after_reboot.clear()

    def text(self, name: str) -> str:
        """The value now."""
        return self._values.get(name, KEYS[name].value)

    def number(self, name: str) -> int:
        """The value of a numeric key."""
        return int(self.text(name))

    def flag(self, name: str) -> bool:
        """The value of a boolean key."""
        return self.text(name).lower() == "true"

    def names(self, name: str) -> list[str]:
        """The parts of a comma-separated list, blanks and quotes removed."""
        parts = (part.strip(" '\"") for part in self.text(name).split(","))
        return [part for part in parts if part]

    def describe(self, name: str) -> dict[str, object]:
        """One ``configurationKey`` of GetConfiguration.conf; a write-only key shows no value."""
        key = KEYS[name]
        entry: dict[str, object] = {"key": name, "readonly": key.readonly}
        if not key.write_only:
            entry["value"] = self.text(name)
        return entry
