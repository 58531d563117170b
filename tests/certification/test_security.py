"""Security extension: certificates in the charge point, security log, signed firmware."""

from typing import Any

import pytest

from tests.certification import states
from tests.certification.certificates import a_root, hash_data
from tests.certification.scene import Payload, Scene, moment

pytestmark = pytest.mark.wire
ACCEPTED = {"status": "Accepted"}
MANUFACTURER, CENTRAL_SYSTEM = "ManufacturerRootCertificate", "CentralSystemRootCertificate"


def install(scene: Scene, use: str, answer: str) -> str:
    """InstallCertificate; the root as the charge point heard it."""
    root = a_root(f"{use} {scene.id}")
    payload = {"certificateType": use, "certificate": root}
    assert scene.order("InstallCertificate", payload, {"status": answer}) == payload
    return root


def installed(scene: Scene, use: str, *roots: str) -> list[Payload]:
    """GetInstalledCertificateIds, answered with these roots."""
    found = [hash_data(root) for root in roots]
    answer: Payload = (
        {"status": "Accepted", "certificateHashData": found} if found else {"status": "NotFound"}
    )
    payload = {"certificateType": use}
    assert scene.order("GetInstalledCertificateIds", payload, answer) == payload
    return found


def test_tc_075_1_a_manufacturers_root_is_installed_and_read_back(scene: Scene) -> None:
    states.connected(scene)
    installed(scene, MANUFACTURER, install(scene, MANUFACTURER, "Accepted"))


def test_tc_075_2_our_own_root_is_installed_and_read_back(scene: Scene) -> None:
    states.connected(scene)
    installed(scene, CENTRAL_SYSTEM, install(scene, CENTRAL_SYSTEM, "Accepted"))


def test_tc_076_one_certificate_is_deleted_by_its_hashes(scene: Scene) -> None:
    states.connected(scene)
    kept = install(scene, CENTRAL_SYSTEM, "Accepted")
    unwanted = install(scene, CENTRAL_SYSTEM, "Accepted")
    _, hashes = installed(scene, CENTRAL_SYSTEM, kept, unwanted)
    payload = {"certificateHashData": hashes}
    assert scene.order("DeleteCertificate", payload, ACCEPTED) == payload
    installed(scene, CENTRAL_SYSTEM, kept)


def event(scene: Scene, kind: str) -> None:
    answer = scene.point.says("SecurityEventNotification", type=kind, timestamp=moment())
    assert answer == {}


def test_tc_078_a_root_that_was_refused_is_a_security_event(scene: Scene) -> None:
    states.connected(scene)
    install(scene, CENTRAL_SYSTEM, "Rejected")
    event(scene, "InvalidCentralSystemCertificate")


def test_tc_079_the_security_log_is_uploaded(scene: Scene) -> None:
    states.connected(scene)
    number = 79
    payload: Payload = {
        "logType": "SecurityLog",
        "requestId": number,
        "retries": 1,
        "retryInterval": 60,
        "log": {"remoteLocation": "https://files.example.com/logs/"},
    }
    answer = {"status": "Accepted", "filename": "security.log"}
    assert scene.order("GetLog", payload, answer) == payload
    for word in ("Uploading", "Uploaded"):
        assert scene.point.says("LogStatusNotification", status=word, requestId=number) == {}


def signed_update(scene: Scene, number: int) -> None:
    """SignedUpdateFirmware with the maker's signature and certificate."""
    firmware: dict[str, Any] = {
        "location": "https://firmware.example.com/point-2.0.bin",
        "retrieveDateTime": moment(),
        "installDateTime": moment(hours=1),
        "signingCertificate": a_root("Firmware of the maker"),
        "signature": "TWFrZXIncyBzaWduYXR1cmUgb2YgcG9pbnQtMi4wLmJpbg==",
    }
    payload = {"requestId": number, "retries": 1, "retryInterval": 60, "firmware": firmware}
    assert scene.order("SignedUpdateFirmware", payload, ACCEPTED) == payload


def progress(scene: Scene, number: int, *words: str) -> None:
    for word in words:
        answer = scene.point.says("SignedFirmwareStatusNotification", status=word, requestId=number)
        assert answer == {}


def test_tc_080_signed_firmware_is_verified_and_installed(scene: Scene) -> None:
    states.connected(scene)
    signed_update(scene, 80)
    progress(scene, 80, "Downloading", "Downloaded", "SignatureVerified")
    progress(scene, 80, "Installing", "InstallRebooting")
    scene.disconnect()
    scene.connect()
    states.booted(scene)
    event(scene, "FirmwareUpdated")
    progress(scene, 80, "Installed")


def test_tc_081_firmware_with_a_wrong_signature_is_not_installed(scene: Scene) -> None:
    states.connected(scene)
    signed_update(scene, 81)
    progress(scene, 81, "Downloading", "Downloaded", "InvalidSignature")
    event(scene, "InvalidFirmwareSignature")
