"""Transfers and campaigns as pages show them: states in words, colours, progress."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from evbilling.states import State
from stations.models import (
    Campaign,
    CampaignState,
    CampaignTarget,
    Download,
    TargetState,
    Transfer,
    TransferReport,
    TransferState,
    Upload,
    UploadState,
)
from stations.services import transfers

TRANSFER_LOOKS = {
    TransferState.REQUESTED: ("wait", "clock"),
    TransferState.RUNNING: ("wait", "loader-2"),
    TransferState.DONE: ("ok", "check"),
    TransferState.FAILED: ("bad", "x"),
}
UPLOAD_LOOKS = {
    UploadState.RECEIVING: ("wait", "loader-2"),
    UploadState.COMPLETE: ("ok", "check"),
    UploadState.TOO_LARGE: ("bad", "x"),
    UploadState.BROKEN: ("bad", "x"),
    UploadState.REMOVED: ("off", "trash"),
}
CAMPAIGN_LOOKS = {
    CampaignState.RUNNING: ("wait", "loader-2"),
    CampaignState.PAUSED: ("out", "player-pause"),
    CampaignState.DONE: ("ok", "check"),
    CampaignState.CANCELLED: ("off", "ban"),
}
TARGET_LOOKS = {
    TargetState.WAITING: ("out", "clock"),
    TargetState.WORKING: ("wait", "loader-2"),
    TargetState.DONE: ("ok", "check"),
    TargetState.FAILED: ("bad", "x"),
    TargetState.MISSED: ("off", "plug-connected-x"),
    TargetState.CANCELLED: ("off", "ban"),
}


@dataclass(frozen=True, slots=True)
class ShownUpload:
    row: Upload
    state: State

    @property
    def here(self) -> bool:
        return self.row.state == UploadState.COMPLETE


@dataclass(frozen=True, slots=True)
class ShownTransfer:
    """One order for a file with everything that became of it."""

    row: Transfer
    state: State
    reports: list[TransferReport]
    downloads: list[Download]
    uploads: list[ShownUpload]
    fetched: int | None  # percent of the firmware that went out, the furthest byte counts


def shown(row: Transfer) -> ShownTransfer:
    """Expects the row as ``selectors.transfers.with_all`` reads it."""
    css, icon = TRANSFER_LOOKS[TransferState(row.state)]
    word = status_word(row)
    downloads = list(row.downloads.all())
    return ShownTransfer(
        row,
        State(css, icon, word, word),
        list(row.reports.all()),
        downloads,
        [_upload(upload) for upload in row.uploads.all()],
        _fetched(row, downloads),
    )


def _upload(row: Upload) -> ShownUpload:
    css, icon = UPLOAD_LOOKS[UploadState(row.state)]
    word = row.get_state_display()
    return ShownUpload(row, State(css, icon, word, word))


def _fetched(row: Transfer, downloads: list[Download]) -> int | None:
    if row.firmware is None or not downloads:
        return None
    return max(d.first + d.sent for d in downloads) * 100 // row.firmware.size


def status_word(row: Transfer) -> str:
    """The standard's word in people's, by what it is about; others as they came."""
    words = {
        "Requested": _("Asked, no answer yet"),
        "Accepted": _("The charger will do it"),
        "AcceptedCanceled": _("The charger will do it, instead of the one before"),
        "Downloading": _("The charger is fetching it"),
        "DownloadScheduled": _("It will be fetched later"),
        "DownloadPaused": _("Fetching has been paused"),
        "Downloaded": _("Fetched"),
        "SignatureVerified": _("Fetched, the signature is right"),
        "InstallScheduled": _("It will be installed later"),
        "Installing": _("Being installed"),
        "InstallRebooting": _("Restarting to install it"),
        "Installed": _("Installed"),
        "DownloadFailed": _("Could not be fetched"),
        "InstallationFailed": _("Could not be installed"),
        "InstallVerificationFailed": _("Could not be installed: verification failed"),
        "InvalidSignature": _("Refused: the signature is wrong"),
        "Uploading": _("The charger is sending"),
        "Uploaded": _("It has sent the file"),
        "UploadFailed": _("Could not be sent"),
        "UploadFailure": _("Could not be sent"),
        "BadMessage": _("The charger did not understand the order"),
        "NotSupportedOperation": _("The charger cannot do this"),
        "PermissionDenied": _("The charger was not let in"),
        transfers.NOT_SENT: _("Charger offline, never sent"),
        transfers.REFUSED: _("The charger said no"),
        transfers.NO_ANSWER: _("No answer in time"),
        transfers.REPLACED: _("Replaced by a newer order"),
        transfers.OVERDUE: _("Nothing was heard of it in time"),
        transfers.NOT_RECEIVED: _(
            "The charger says that it has sent the file, but nothing arrived here"
        ),
        transfers.NOTHING: _("The charger has nothing to send"),
    }
    return str(words.get(row.status, row.status))


@dataclass(frozen=True, slots=True)
class ShownCampaign:
    """A campaign with how many of its chargers are in each state."""

    row: Campaign
    state: State
    counts: list[tuple[State, int]]
    done: int
    all: int

    @property
    def open(self) -> bool:
        return self.row.state in (CampaignState.RUNNING, CampaignState.PAUSED)


def campaign(row: Any) -> ShownCampaign:
    """Expects the row as ``selectors.campaigns.counted`` reads it."""
    css, icon = CAMPAIGN_LOOKS[CampaignState(row.state)]
    word = row.get_state_display()
    counts = [
        (target_state(state), n) for state in TargetState if (n := getattr(row, f"n_{state}"))
    ]
    over = (TargetState.DONE, TargetState.FAILED, TargetState.MISSED, TargetState.CANCELLED)
    done = sum(getattr(row, f"n_{state}") for state in over)
    return ShownCampaign(row, State(css, icon, word, word), counts, done, row.n_all)


def target_state(state: TargetState) -> State:
    css, icon = TARGET_LOOKS[state]
    return State(css, icon, state.label, state.label)


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """One charger of a campaign."""

    row: CampaignTarget
    state: State


def target(row: CampaignTarget) -> ShownTarget:
    return ShownTarget(row, target_state(TargetState(row.state)))
