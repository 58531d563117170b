"""Tables of the things."""

from stations.models.campaign import (
    Campaign,
    CampaignKind,
    CampaignState,
    CampaignTarget,
    TargetState,
)
from stations.models.charger import Charger, Connector, ConnectorStatus, Knock, Protocol
from stations.models.command import Command, CommandStatus
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
from stations.models.transfer import (
    Download,
    FirmwareImage,
    Transfer,
    TransferKind,
    TransferReport,
    TransferState,
    Upload,
    UploadState,
)

__all__ = [
    "Authorisation",
    "Campaign",
    "CampaignKind",
    "CampaignState",
    "CampaignTarget",
    "Case",
    "CaseKind",
    "Charger",
    "Command",
    "CommandStatus",
    "Connector",
    "ConnectorStatus",
    "Download",
    "FirmwareImage",
    "Frame",
    "Knock",
    "MeterValue",
    "Protocol",
    "RejectedFrame",
    "Session",
    "SessionLive",
    "SessionStatus",
    "Station",
    "TapMode",
    "TargetState",
    "Transfer",
    "TransferKind",
    "TransferReport",
    "TransferState",
    "Upload",
    "UploadState",
    "Utility",
    "Visit",
    "VisitStage",
]
