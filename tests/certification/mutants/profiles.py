"""Mutants of the other profiles: lists, firmware, reservations, smart charging."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.certification.mutants.ways import (
    Mutant,
    Payload,
    answered,
    info,
    pretended,
    refused,
    said,
    told,
    with_,
    without,
)

ACCEPTED: Payload = {"status": "Accepted"}


def _bare_entries(payload: Payload) -> Payload:
    entries = [{"idTag": each["idTag"]} for each in payload.get("localAuthorizationList", [])]
    return {**payload, "localAuthorizationList": entries}


def _word(word: str) -> Callable[[Any, Any], bool]:
    """A progress notification with this status."""
    return lambda line, msg: msg.status == word


def _a_day_later(payload: Payload) -> Payload:
    at = datetime.fromisoformat(payload["expiryDate"]) + timedelta(days=1)
    return {**payload, "expiryDate": at.isoformat()}


def _one_more(name: str) -> Callable[[Payload], Payload]:
    return lambda payload: {**payload, name: payload[name] + 1}


def _first_connector(payload: Payload) -> Payload:
    return {**payload, "connectorId": payload["connectorId"] or 1}


def _profile(change: Callable[[Payload], Payload]) -> Callable[[Payload], Payload]:
    return lambda payload: {**payload, "csChargingProfiles": change(payload["csChargingProfiles"])}


LISTS = (
    Mutant(
        "043_1",
        "takes a charge point without list for one that has it now",
        (told("SendLocalList", "NotSupported", "Accepted"),),
    ),
    Mutant(
        "043_3",
        "takes a list that failed for one that is kept",
        (told("SendLocalList", "Failed", "Accepted"),),
    ),
    Mutant("043_4", "sends cards without their standing", (said("SendLocalList", _bare_entries),)),
    Mutant(
        "043_5",
        "sends every list as a full one",
        (said("SendLocalList", with_(updateType="Full")),),
    ),
)

FIRMWARE = tuple(
    Mutant(case, f"does not understand {action} {word}", (refused(action, _word(word)),))
    for case, action, word in (
        ("044_1", "FirmwareStatusNotification", "Installed"),
        ("044_2", "FirmwareStatusNotification", "DownloadFailed"),
        ("044_3", "FirmwareStatusNotification", "InstallationFailed"),
        ("045_1", "DiagnosticsStatusNotification", "Uploaded"),
        ("045_2", "DiagnosticsStatusNotification", "UploadFailed"),
    )
)

RESERVATION = (
    Mutant(
        "046",
        "lets nobody charge on a reservation",
        (
            answered(
                "StartTransaction",
                info("Invalid"),
                lambda line, msg: msg.reservation_id is not None,
            ),
        ),
    ),
    Mutant("047", "reserves for a day longer", (said("ReserveNow", _a_day_later),)),
    *(
        Mutant(
            case,
            f"takes a reservation that was answered {word} for an accepted one",
            (told("ReserveNow", word, "Accepted"),),
        )
        for case, word in (
            ("048_1", "Faulted"),
            ("048_2", "Occupied"),
            ("048_3", "Unavailable"),
            ("048_4", "Rejected"),
        )
    ),
    Mutant(
        "049",
        "reserves the first connector where any was meant",
        (said("ReserveNow", _first_connector),),
    ),
    Mutant(
        "051",
        "cancels the reservation beside the one that was named",
        (said("CancelReservation", _one_more("reservationId")),),
    ),
    Mutant(
        "052",
        "takes a rejected cancellation for an accepted one",
        (told("CancelReservation", "Rejected", "Accepted"),),
    ),
    Mutant(
        "053",
        "does not say which parent a card has",
        (
            answered(
                "Authorize",
                lambda answer: {"idTagInfo": {"status": answer["idTagInfo"]["status"]}},
            ),
        ),
    ),
)

SMART_CHARGING = (
    Mutant(
        "056",
        "limits the whole charge point where a default was meant",
        (
            said(
                "SetChargingProfile",
                _profile(
                    lambda found: (
                        found | {"chargingProfilePurpose": "ChargePointMaxProfile"}
                        if found["chargingProfilePurpose"] == "TxDefaultProfile"
                        else found
                    )
                ),
            ),
        ),
    ),
    Mutant(
        "057",
        "does not say which transaction a profile is for",
        (said("SetChargingProfile", _profile(without("transactionId"))),),
    ),
    Mutant(
        "059",
        "leaves the profile out of a remote start",
        (said("RemoteStartTransaction", without("chargingProfile")),),
    ),
    Mutant(
        "066",
        "asks for the schedule of a whole day",
        (said("GetCompositeSchedule", with_(duration=86_400)),),
    ),
    Mutant(
        "067",
        "clears nothing where no criterion was given",
        (pretended("ClearChargingProfile", ACCEPTED, lambda line, payload: not payload),),
    ),
)
