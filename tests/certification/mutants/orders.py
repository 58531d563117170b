"""Mutants of what an operator orders in the Core profile."""

from typing import Any

from tests.certification.mutants.ways import (
    Mutant,
    Payload,
    answered,
    info,
    misread,
    noticed,
    pretended,
    refused,
    said,
    told,
    with_,
    without,
)

ACCEPTED: Payload = {"status": "Accepted"}
_plugs: dict[tuple[int, int], str] = {}
_remote: set[int] = set()  # chargers that were told to start


def _keep_status(line: Any, msg: Any) -> None:
    _plugs[line.pk, msg.connector_id] = msg.status


def _cable_is_in(line: Any, payload: Payload) -> bool:
    return _plugs.get((line.pk, payload["connectorId"])) == "Preparing"


def _keep_start(line: Any, payload: Payload) -> bool:
    _remote.add(line.pk)
    return False


def _told_to_start(line: Any, msg: Any) -> bool:
    return line.pk in _remote


def _freed_after_remote_start(line: Any, msg: Any) -> bool:
    return msg.status == "Available" and line.pk in _remote


def _unknown(line: Any, payload: Payload) -> bool:
    return payload["connectorId"] not in line.connectors


def _known(payload: Payload) -> bool:
    return int(payload["connectorId"]) <= 2


def _charging_there(line: Any, payload: Payload) -> bool:
    return line.session_at(payload["connectorId"]) is not None


ORDERS = (
    Mutant(
        "010",
        "sends no remote start to a connector that has its cable already",
        (
            noticed("StatusNotification", _keep_status),
            pretended("RemoteStartTransaction", {"status": "Rejected"}, _cable_is_in),
        ),
    ),
    Mutant(
        "011_1",
        "does not accept the start that it has ordered itself",
        (
            pretended("RemoteStartTransaction", ACCEPTED, _keep_start),
            answered("StartTransaction", info("Invalid"), _told_to_start),
        ),
    ),
    Mutant(
        "011_2",
        "refuses to hear that nobody came for a remote start",
        (
            pretended("RemoteStartTransaction", ACCEPTED, _keep_start),
            refused("StatusNotification", _freed_after_remote_start),
        ),
    ),
    Mutant(
        "012",
        "stops the transaction beside the one that was named",
        (
            said(
                "RemoteStopTransaction",
                lambda payload: {"transactionId": payload["transactionId"] + 1},
            ),
        ),
    ),
    Mutant("013", "resets softly whatever was ordered", (said("Reset", with_(type="Soft")),)),
    Mutant("014", "resets hard whatever was ordered", (said("Reset", with_(type="Hard")),)),
    Mutant(
        "017_1",
        "takes a lock that opened for one that did not",
        (told("UnlockConnector", "Unlocked", "UnlockFailed"),),
    ),
    Mutant(
        "017_2",
        "takes a fixed cable for one that was unlocked",
        (told("UnlockConnector", "NotSupported", "Unlocked", _known),),
    ),
    Mutant(
        "018_1",
        "unlocks nothing while a transaction runs there",
        (pretended("UnlockConnector", {"status": "UnlockFailed"}, _charging_there),),
    ),
    Mutant(
        "019_1",
        "asks for one key where all were wanted",
        (
            said(
                "GetConfiguration",
                lambda payload: payload if payload.get("key") else {"key": ["HeartbeatInterval"]},
            ),
        ),
    ),
    Mutant(
        "019_2",
        "asks for all keys where one was named",
        (said("GetConfiguration", without("key")),),
    ),
    Mutant("021", "sets a value of its own", (said("ChangeConfiguration", with_(value="900")),)),
    Mutant(
        "026",
        "takes a rejected remote start for an accepted one",
        (told("RemoteStartTransaction", "Rejected", "Accepted"),),
    ),
    Mutant(
        "028",
        "takes a rejected remote stop for an accepted one",
        (told("RemoteStopTransaction", "Rejected", "Accepted"),),
    ),
    Mutant(
        "030",
        "takes a lock that held for one that opened",
        (told("UnlockConnector", "UnlockFailed", "Unlocked"),),
    ),
    Mutant(
        "031",
        "asks nothing of a connector that it does not know",
        (pretended("UnlockConnector", {"status": "NotSupported"}, _unknown),),
    ),
    Mutant(
        "040_1",
        "takes an unknown key for one that was set",
        (told("ChangeConfiguration", "NotSupported", "Accepted"),),
    ),
    Mutant(
        "040_2",
        "takes a refused value for one that was set",
        (told("ChangeConfiguration", "Rejected", "Accepted"),),
    ),
    Mutant(
        "061", "says that the cache is cleared without asking", (pretended("ClearCache", ACCEPTED),)
    ),
    Mutant(
        "054",
        "asks for diagnostics where firmware was meant",
        (
            said(
                "TriggerMessage",
                lambda payload: (
                    {"requestedMessage": "DiagnosticsStatusNotification"}
                    if payload["requestedMessage"] == "FirmwareStatusNotification"
                    else payload
                ),
            ),
        ),
    ),
    Mutant(
        "055",
        "takes a rejected trigger for an accepted one",
        (told("TriggerMessage", "Rejected", "Accepted"),),
    ),
    Mutant(
        "042_1",
        "takes no list for an empty one",
        (
            misread(
                "GetLocalListVersion", lambda answer: {"listVersion": max(answer["listVersion"], 0)}
            ),
        ),
    ),
    Mutant(
        "042_2",
        "takes an empty list for none",
        (
            misread(
                "GetLocalListVersion", lambda answer: {"listVersion": answer["listVersion"] or -1}
            ),
        ),
    ),
)
