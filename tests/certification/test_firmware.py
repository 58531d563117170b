"""Firmware Management: new firmware and diagnostics, step by step, also where they fail."""

from typing import Any

import pytest

from tests.certification import states
from tests.certification.scene import CONNECTORS, Scene, moment

pytestmark = pytest.mark.wire


def update(scene: Scene) -> None:
    """UpdateFirmware reaches the charge point with place and time."""
    payload: dict[str, Any] = {
        "location": "https://firmware.example.com/point-2.0.bin",
        "retrieveDate": moment(),
        "retries": 2,
        "retryInterval": 30,
    }
    assert scene.order("UpdateFirmware", payload, {}) == payload


def progress(scene: Scene, *words: str) -> None:
    for word in words:
        assert scene.point.says("FirmwareStatusNotification", status=word) == {}


def everything(scene: Scene, word: str) -> None:
    for connector in range(1, CONNECTORS + 1):
        states.status(scene, word, connector)


def install(scene: Scene, outcome: str) -> None:
    """Download, out of service, install, boot, back in service, and what came of it."""
    update(scene)
    progress(scene, "Downloading", "Downloaded")
    everything(scene, "Unavailable")
    progress(scene, "Installing")
    scene.disconnect()
    scene.connect()
    states.booted(scene)
    progress(scene, outcome)


def test_tc_044_1_firmware_is_downloaded_and_installed(scene: Scene) -> None:
    states.connected(scene)
    install(scene, "Installed")


def test_tc_044_2_a_download_may_fail(scene: Scene) -> None:
    states.connected(scene)
    update(scene)
    progress(scene, "Downloading", "DownloadFailed")


def test_tc_044_3_an_installation_may_fail(scene: Scene) -> None:
    states.connected(scene)
    install(scene, "InstallationFailed")


def diagnostics(scene: Scene, *words: str) -> None:
    payload: dict[str, Any] = {
        "location": "https://files.example.com/diagnostics/",
        "startTime": moment(hours=-2),
        "stopTime": moment(hours=-1),
        "retries": 1,
        "retryInterval": 10,
    }
    answer = {"fileName": "diagnostics.zip"}
    assert scene.order("GetDiagnostics", payload, answer) == payload
    for word in words:
        assert scene.point.says("DiagnosticsStatusNotification", status=word) == {}


def test_tc_045_1_diagnostics_are_uploaded(scene: Scene) -> None:
    states.connected(scene)
    diagnostics(scene, "Uploading", "Uploaded")


def test_tc_045_2_an_upload_may_fail(scene: Scene) -> None:
    states.connected(scene)
    diagnostics(scene, "Uploading", "UploadFailed")
