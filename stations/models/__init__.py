"""Tables of the things."""

from stations.models.charger import (
    Charger,
    Connector,
    ConnectorStatus,
    Knock,
    Protocol,
    SecurityProfile,
)
from stations.models.command import Command, CommandStatus
from stations.models.log import Frame, RejectedFrame
from stations.models.security import (
    Authority,
    CertificateState,
    ChargerCertificate,
    InstalledRoot,
    ProfileUpgrade,
    RootUse,
    SecurityEvent,
    SecurityRules,
    TrustedAuthority,
    UpgradeStep,
)
from stations.models.session import (
    Authorisation,
    Case,
    CaseKind,
    MeterValue,
    Session,
    SessionLive,
    SessionStatus,
    Visit,
    VisitStage,
)
from stations.models.station import Station, TapMode, Utility

__all__ = [
    "Authorisation",
    "Authority",
    "Case",
    "CaseKind",
    "CertificateState",
    "Charger",
    "ChargerCertificate",
    "Command",
    "CommandStatus",
    "Connector",
    "ConnectorStatus",
    "Frame",
    "InstalledRoot",
    "Knock",
    "MeterValue",
    "ProfileUpgrade",
    "Protocol",
    "RejectedFrame",
    "RootUse",
    "SecurityEvent",
    "SecurityProfile",
    "SecurityRules",
    "Session",
    "SessionLive",
    "SessionStatus",
    "Station",
    "TapMode",
    "TrustedAuthority",
    "UpgradeStep",
    "Utility",
    "Visit",
    "VisitStage",
]
