"""Tables of the things."""

from stations.models.charger import Charger, Connector, ConnectorStatus, Finding, Knock, Protocol
from stations.models.command import Command, CommandStatus
from stations.models.limit import LimitState, PowerLimit
from stations.models.log import Frame, RejectedFrame
from stations.models.session import (
    Authorisation,
    Case,
    CaseDecision,
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
    "CaseDecision",
    "CaseKind",
    "Charger",
    "Command",
    "CommandStatus",
    "Connector",
    "ConnectorStatus",
    "Finding",
    "Frame",
    "Knock",
    "LimitState",
    "MeterValue",
    "PowerLimit",
    "Protocol",
    "RejectedFrame",
    "Session",
    "SessionLive",
    "SessionStatus",
    "Station",
    "TapMode",
    "Utility",
    "Visit",
    "VisitStage",
]
