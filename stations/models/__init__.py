"""Tables of the things."""

from stations.models.charger import (
    Charger,
    Connector,
    ConnectorStatus,
    Knock,
    PresentedPassword,
    Protocol,
)
from stations.models.command import Command, CommandStatus
from stations.models.configuration import (
    ChargerSetup,
    Commissioning,
    CommissioningReason,
    CommissioningState,
    CommissioningStep,
    ConfigurationChange,
    ConfigurationKey,
    ConfigurationTemplate,
    StepKind,
    StepStatus,
)
from stations.models.log import Frame, RejectedFrame
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
    "Case",
    "CaseKind",
    "Charger",
    "ChargerSetup",
    "Command",
    "CommandStatus",
    "Commissioning",
    "CommissioningReason",
    "CommissioningState",
    "CommissioningStep",
    "ConfigurationChange",
    "ConfigurationKey",
    "ConfigurationTemplate",
    "Connector",
    "ConnectorStatus",
    "Frame",
    "Knock",
    "MeterValue",
    "PresentedPassword",
    "Protocol",
    "RejectedFrame",
    "Session",
    "SessionLive",
    "SessionStatus",
    "Station",
    "StepKind",
    "StepStatus",
    "TapMode",
    "Utility",
    "Visit",
    "VisitStage",
]
