"""Tables of the things."""

from stations.models.charger import Charger, Connector, ConnectorStatus, Knock, Protocol
from stations.models.command import Command, CommandStatus
from stations.models.local_list import ListState, ListStep, LocalList
from stations.models.log import Frame, RejectedFrame
from stations.models.reservation import (
    RefusedBecause,
    Reservation,
    ReservationStatus,
    Withdrawal,
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
    "Case",
    "CaseKind",
    "Charger",
    "Command",
    "CommandStatus",
    "Connector",
    "ConnectorStatus",
    "Frame",
    "Knock",
    "ListState",
    "ListStep",
    "LocalList",
    "MeterValue",
    "Protocol",
    "RefusedBecause",
    "RejectedFrame",
    "Reservation",
    "ReservationStatus",
    "Session",
    "SessionLive",
    "SessionStatus",
    "Station",
    "TapMode",
    "Utility",
    "Visit",
    "VisitStage",
    "Withdrawal",
]
