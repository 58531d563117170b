"""Mutants of what a charge point begins: boot, cards, charges."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.certification.mutants.ways import (
    Mutant,
    answered,
    info,
    noticed,
    refused,
    replaced,
    without,
)

AUTHORISING = "stations.services.authorising"
PRESENCE = "stations.drivers.ocpp.handlers.presence"
# Charger -> connector -> what it said last; charger -> idTags that were asked for.
_plugs: defaultdict[int, dict[int, str]] = defaultdict(dict)
_asked: defaultdict[int, set[str]] = defaultdict(set)


def _keep_status(line: Any, msg: Any) -> None:
    _plugs[line.pk][msg.connector_id] = msg.status


def _keep_tag(line: Any, msg: Any) -> None:
    _asked[line.pk].add(msg.id_tag)


def _plugged(line: Any, msg: Any) -> bool:
    return "Preparing" in _plugs[line.pk].values()


def _unplugged(line: Any, msg: Any) -> bool:
    return not _plugged(line, msg)


def _unasked(line: Any, msg: Any) -> bool:
    return msg.id_tag not in _asked[line.pk]


def _freed(line: Any, msg: Any) -> bool:
    """Available again though the plug was only Preparing."""
    before = _plugs[line.pk].get(msg.connector_id)
    return msg.status == "Available" and before == "Preparing"


def _long_ago(line: Any, msg: Any) -> bool:
    return datetime.fromisoformat(msg.timestamp) < datetime.now(UTC) - timedelta(minutes=5)


def _as_of_bangkok(zulu: Any) -> Any:
    return lambda at: zulu(at + timedelta(hours=7))


def _lets_strangers_in(identify: Any) -> Any:
    from stations.services.authorising import TagInfo

    return lambda card, at: TagInfo("Accepted") if card is None else identify(card, at)


def _card_says(*, but: str) -> Any:
    """What a card says of itself, except that one of its reasons is not looked at."""

    def make(says: Any) -> Any:
        def other(card: Any, at: Any) -> Any:
            status, reason = says(card, at)
            return ("Accepted", "") if reason == but else (status, reason)

        return other

    return make


CORE = (
    Mutant(
        "001",
        "tells the hour of Bangkok as if it were UTC",
        (replaced(PRESENCE, "zulu", _as_of_bangkok),),
    ),
    Mutant(
        "003",
        "takes no card once a cable is plugged in",
        (
            noticed("StatusNotification", _keep_status),
            answered("Authorize", info("Invalid"), _plugged),
        ),
    ),
    Mutant(
        "004_1",
        "takes no card before a cable is plugged in",
        (
            noticed("StatusNotification", _keep_status),
            answered("Authorize", info("Invalid"), _unplugged),
        ),
    ),
    Mutant(
        "004_2",
        "refuses to hear that a connector is free though nothing was charged",
        (noticed("StatusNotification", _keep_status), refused("StatusNotification", _freed)),
    ),
    Mutant(
        "005_1",
        "says nothing of the card when the car has ended the charge",
        (
            answered(
                "StopTransaction",
                without("idTagInfo"),
                lambda line, msg: msg.reason == "EVDisconnected",
            ),
        ),
    ),
    Mutant(
        "007",
        "lets nobody charge who was not asked for by Authorize first",
        (noticed("Authorize", _keep_tag), answered("StartTransaction", info("Invalid"), _unasked)),
    ),
    Mutant(
        "023_1",
        "takes any card that it does not know",
        (replaced(AUTHORISING, "identify", _lets_strangers_in),),
    ),
    Mutant(
        "023_2",
        "does not look at a card's last day",
        (replaced(AUTHORISING, "_card_says", _card_says(but="card_expired")),),
    ),
    Mutant(
        "023_3",
        "does not look whether a card is blocked",
        (replaced(AUTHORISING, "_card_says", _card_says(but="card_blocked")),),
    ),
    Mutant(
        "024",
        "does not know the error of a lock",
        (
            refused(
                "StatusNotification", lambda line, msg: msg.error_code == "ConnectorLockFailure"
            ),
        ),
    ),
    Mutant(
        "032_1",
        "rejects a boot while a transaction is open",
        (
            answered(
                "BootNotification",
                lambda answer: {**answer, "status": "Rejected"},
                lambda line, msg: bool(line.running),
            ),
        ),
    ),
    Mutant(
        "037_1",
        "accepts no start of some time ago",
        (answered("StartTransaction", info("Invalid"), _long_ago),),
    ),
    Mutant(
        "037_3",
        "gives a start with a strange card the number 0",
        (
            answered(
                "StartTransaction",
                lambda answer: (
                    answer
                    if answer["idTagInfo"]["status"] == "Accepted"
                    else {**answer, "transactionId": 0}
                ),
            ),
        ),
    ),
    Mutant(
        "039",
        "refuses a stop of some time ago",
        (refused("StopTransaction", _long_ago),),
    ),
    Mutant(
        "064",
        "accepts any vendor's data",
        (answered("DataTransfer", lambda answer: {"status": "Accepted"}),),
    ),
)
