"""Mutants of the security extension."""

from collections.abc import Callable
from typing import Any

from tests.certification.mutants.ways import Mutant, Payload, refused, said, with_

MANUFACTURER, CENTRAL_SYSTEM = "ManufacturerRootCertificate", "CentralSystemRootCertificate"


def _use(wrong: str) -> Callable[[Payload], Payload]:
    return with_(certificateType=wrong)


def _another_serial(payload: Payload) -> Payload:
    return {"certificateHashData": payload["certificateHashData"] | {"serialNumber": "1"}}


def _word(word: str) -> Callable[[Any, Any], bool]:
    return lambda line, msg: msg.status == word


SECURITY = (
    Mutant(
        "075_1",
        "installs every root as the central system's",
        (said("InstallCertificate", _use(CENTRAL_SYSTEM)),),
    ),
    Mutant(
        "075_2",
        "reads back the manufacturer's roots whichever were wanted",
        (said("GetInstalledCertificateIds", _use(MANUFACTURER)),),
    ),
    Mutant(
        "076",
        "deletes another certificate than the one that was named",
        (said("DeleteCertificate", _another_serial),),
    ),
    Mutant(
        "078",
        "does not understand the event of an invalid central system certificate",
        (
            refused(
                "SecurityEventNotification",
                lambda line, msg: msg.type == "InvalidCentralSystemCertificate",
            ),
        ),
    ),
    Mutant(
        "079",
        "asks for the diagnostics log where the security log was meant",
        (said("GetLog", with_(logType="DiagnosticsLog")),),
    ),
    Mutant(
        "080",
        "does not understand that a signature was verified",
        (refused("SignedFirmwareStatusNotification", _word("SignatureVerified")),),
    ),
    Mutant(
        "081",
        "does not understand that a signature is invalid",
        (refused("SignedFirmwareStatusNotification", _word("InvalidSignature")),),
    ),
)
