"""What a charger answers to the CALLs of the security extension."""

from functools import partial
from typing import TYPE_CHECKING

from simulators.journal import Payload
from simulators.ocpp_link import Answer

if TYPE_CHECKING:
    from simulators.charger import ChargePoint

ACCEPTED: Payload = {"status": "Accepted"}
REJECTED: Payload = {"status": "Rejected"}


def certificate_signed(point: "ChargePoint", payload: Payload) -> Answer:
    """CertificateSigned: for our own key, or not at all."""
    try:
        taken = point.papers.take_certificate(str(payload["certificateChain"]))
    except ValueError:
        taken = False
    return Answer(ACCEPTED if taken else REJECTED)


def install_certificate(point: "ChargePoint", payload: Payload) -> Answer:
    use, pem = str(payload["certificateType"]), str(payload["certificate"])
    return Answer({"status": point.papers.install(use, pem)})


def delete_certificate(point: "ChargePoint", payload: Payload) -> Answer:
    return Answer({"status": point.papers.delete(dict(payload["certificateHashData"]))})


def installed_certificates(point: "ChargePoint", payload: Payload) -> Answer:
    found = point.papers.hashes(str(payload["certificateType"]))
    if not found:
        return Answer({"status": "NotFound"})
    return Answer({"status": "Accepted", "certificateHashData": found})


def sign_certificate(point: "ChargePoint") -> None:
    """SignCertificate: make a key and ask for its certificate."""
    csr = point.papers.request(point.identity)
    point.link.post("SignCertificate", {"csr": csr}, early=True)


def change_profile(point: "ChargePoint", value: str) -> Answer:
    """SecurityProfile in ChangeConfiguration: only higher, and only with what it needs."""
    if not point.papers.may_become(value):
        return Answer(REJECTED)
    return Answer({"status": point.configuration.change("SecurityProfile", value)})


def trigger_certificate(point: "ChargePoint") -> Answer:
    return Answer(ACCEPTED, then=partial(sign_certificate, point))
