"""Mutants of the security extension."""

from collections.abc import Callable
from typing import Any

from tests.certification.mutants.ways import Mutant, Payload, refused, replaced, said, with_

MANUFACTURER, CENTRAL_SYSTEM = "ManufacturerRootCertificate", "CentralSystemRootCertificate"


def _use(wrong: str) -> Callable[[Payload], Payload]:
    return with_(certificateType=wrong)


def _another_serial(payload: Payload) -> Payload:
    return {"certificateHashData": payload["certificateHashData"] | {"serialNumber": "1"}}


def _word(word: str) -> Callable[[Any, Any], bool]:
    return lambda line, msg: msg.status == word


def _another_password(payload: Payload) -> Payload:
    return {**payload, "value": "6d757461" * 5} if payload["key"] == "AuthorizationKey" else payload


def _forgets(take_request: Any) -> Any:
    return lambda charger_id, csr: True


def _believes(digests: Any) -> Any:
    """Whatever was presented, it is what we know."""

    def other(charge_point_id: str, presented: str) -> list[str]:
        from stations.models import Charger

        known = Charger.objects.filter(charge_point_id__iexact=charge_point_id).first()
        return [known.password_hmac] if known else digests(charge_point_id, presented)

    return other


def _sees_no_certificate(certificate: Any) -> Any:
    return lambda claimed, der, trust: ("", None, "")


def _agrees_with_all(consumer: Any) -> Any:
    class Agreeing(consumer):  # type: ignore[misc]
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scope["subprotocols"] = [*scope["subprotocols"], "ocpp1.6"]
            await super().__call__(scope, receive, send)

    return Agreeing


SECURITY = (
    Mutant(
        "073",
        "sends a password that it does not know itself",
        (said("ChangeConfiguration", _another_password),),
    ),
    Mutant(
        "074",
        "accepts a request for a certificate and forgets it",
        (replaced("stations.services.certificates", "take_request", _forgets),),
    ),
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
        "077",
        "does not understand the event of an invalid charge point certificate",
        (
            refused(
                "SecurityEventNotification",
                lambda line, msg: msg.type == "InvalidChargePointCertificate",
            ),
        ),
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
    Mutant(
        "083",
        "lets a charger in with less than it has shown once",
        (
            replaced(
                "stations.services.links",
                "_DOOR",
                lambda statement: statement.replace("AND c.least_profile <=", "AND 0 <="),
            ),
        ),
    ),
    Mutant(
        "085",
        "believes whatever password is shown",
        (replaced("stations.services.links", "digests", _believes),),
    ),
    Mutant(
        "086",
        "speaks only one of the cipher suites that have to be spoken",
        (replaced("evbilling.charger_tls", "CIPHERS", lambda _: "ECDHE-ECDSA-AES256-GCM-SHA384"),),
    ),
    Mutant(
        "087",
        "does not look at certificates",
        (replaced("stations.drivers.ocpp.credentials", "_certificate", _sees_no_certificate),),
    ),
    Mutant(
        "088",
        "agrees on its protocol though another was offered",
        (replaced("stations.drivers.ocpp.consumer", "ChargerConsumer", _agrees_with_all),),
    ),
)
