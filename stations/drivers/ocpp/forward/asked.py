"""What the second side asks: answered from what we know, handed to the charger, or refused.

We stay the charger's only authority. Whatever would take it away from us, or lets somebody else
write its keys or its software, is refused in both modes; how often copies come is between us and
that side, so the charger never hears of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from core import audit
from core.errors import DomainError
from stations.configuring import is_secret
from stations.drivers.ocpp import schemas
from stations.drivers.ocpp.forward import feed
from stations.drivers.ocpp.frames import Refused
from stations.drivers.ocpp.redact import without_secrets
from stations.models import Charger, CommandStatus, Session
from stations.services import commands

if TYPE_CHECKING:
    from stations.drivers.ocpp.forward.link import Link

Answer = dict[str, Any]
ANSWER_SECONDS = 30
LOOK_SECONDS = 0.1
# Handed to the charger in the mode with commands (OCPP 1.6 §5, requests of a central system).
HANDED_ON = frozenset(
    {
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "UnlockConnector",
        "ChangeAvailability",
        "Reset",
        "ClearCache",
        "DataTransfer",
        "SetChargingProfile",
        "ClearChargingProfile",
        "GetCompositeSchedule",
        "ReserveNow",
        "CancelReservation",
        "GetDiagnostics",
        "GetLocalListVersion",
        "GetConfiguration",
        "TriggerMessage",
    }
)
# Settings that only say how often that side wants to hear: kept here, the charger's own stay ours.
WISHES = {
    "metervaluesampleinterval": "MeterValueSampleInterval",
    "clockaligneddatainterval": "ClockAlignedDataInterval",
    "heartbeatinterval": "HeartbeatInterval",
    "websocketpinginterval": "WebSocketPingInterval",
}
# Settings of the charger that another side may change without touching our rules.
HARMLESS = frozenset(
    {
        "lightintensity",
        "blinkrepeat",
        "connectiontimeout",
        "minimumstatusduration",
        "resetretries",
    }
)
FROM_STORE = frozenset({"BootNotification", "StatusNotification", "Heartbeat"})


async def answer(link: "Link", action: str, payload: Answer) -> Answer:
    """The payload of the CALLRESULT; ``Refused`` becomes a CALLERROR."""
    if action not in schemas.OUTWARD:
        raise Refused("NotImplemented", action)
    try:
        schemas.check_request(action, payload)
    except DomainError as error:
        raise Refused("FormationViolation", str(error)) from None
    ours = OURS.get(action)
    if ours is not None and (found := await ours(link, payload)) is not None:
        return found
    if not link.target.commands:
        raise Refused("SecurityError", "this side may listen only")
    if action not in HANDED_ON and action != "ChangeConfiguration":
        raise Refused("SecurityError", f"{action} belongs to the operator's own system")
    _leave_our_limits(action, payload)
    found = await _hand_on(link, action, await _in_our_words(link, action, payload))
    if action == "GetConfiguration" and isinstance(found.get("configurationKey"), list):
        shown = [row for row in found["configurationKey"] if not _is_secret(row)]
        return {**found, "configurationKey": shown}
    return found


def _leave_our_limits(action: str, payload: Answer) -> None:
    """What the building can bear is ours to say: a limit of the whole charger is neither set nor
    taken away from there."""
    profile = payload.get("csChargingProfiles") or {}
    purpose = profile.get("chargingProfilePurpose") or payload.get("chargingProfilePurpose")
    everything = action == "ClearChargingProfile" and not (purpose or "id" in payload)
    if purpose == "ChargePointMaxProfile" or everything:
        raise Refused("SecurityError", "limits of the whole charger belong to the operator")


# --- answered by us --------------------------------------------------------------------------------


async def _change_configuration(link: "Link", payload: Answer) -> Answer | None:
    key = str(payload["key"]).lower()
    if key in WISHES:
        value = str(payload["value"]).strip()
        if not value.isdecimal() or len(value) > 6:
            return {"status": "Rejected"}
        await link.wish(WISHES[key], value)
        return {"status": "Accepted"}
    if not link.target.commands or key in HARMLESS:
        return None
    raise Refused("SecurityError", f"{payload['key']} belongs to the operator's own system"[:255])


async def _get_configuration(link: "Link", payload: Answer) -> Answer | None:
    """From what the charger last said, where that is known."""
    rows = await link.run(feed.known_settings, link.target.charger_id)
    if not rows and link.target.commands:
        return None
    shown = {str(row.get("key", "")).lower(): row for row in rows if not _is_secret(row)}
    for key, name in WISHES.items():
        if value := link.wishes.get(name):
            shown[key] = {"key": name, "readonly": False, "value": value}
    wanted = payload.get("key") or []
    if not wanted:
        return {"configurationKey": [_setting(row) for row in shown.values()]}
    found = [_setting(shown[k.lower()]) for k in wanted if k.lower() in shown]
    return {
        "configurationKey": found,
        "unknownKey": [k for k in wanted if k.lower() not in shown],
    }


async def _trigger_message(link: "Link", payload: Answer) -> Answer | None:
    """What is stored is said again without troubling the charger."""
    wanted = payload["requestedMessage"]
    if wanted in FROM_STORE:
        link.say_again(wanted, payload.get("connectorId"))
        return {"status": "Accepted"}
    return None


OURS: dict[str, Callable[["Link", Answer], Awaitable[Answer | None]]] = {
    "ChangeConfiguration": _change_configuration,
    "GetConfiguration": _get_configuration,
    "TriggerMessage": _trigger_message,
}


def _is_secret(row: Answer) -> bool:
    return is_secret(str(row.get("key") or ""))


def _setting(row: Answer) -> Answer:
    found: Answer = {"key": str(row["key"])[:50], "readonly": bool(row.get("readonly"))}
    if row.get("value") is not None:
        found["value"] = str(row["value"])[:500]
    return found


# --- handed to the charger -------------------------------------------------------------------------


async def _in_our_words(link: "Link", action: str, payload: Answer) -> Answer:
    """Their transaction numbers become ours."""
    if action == "RemoteStopTransaction":
        return {"transactionId": await _our_number(link, payload["transactionId"])}
    profile = payload.get("csChargingProfiles") or payload.get("chargingProfile")
    if isinstance(profile, dict) and "transactionId" in profile:
        number = await _our_number(link, profile["transactionId"])
        name = "csChargingProfiles" if "csChargingProfiles" in payload else "chargingProfile"
        return {**payload, name: {**profile, "transactionId": number}}
    return payload


async def _our_number(link: "Link", theirs: int) -> int:
    sent = await link.run(feed.by_their_number, link.target, theirs)
    if sent is None:
        raise Refused("PropertyConstraintViolation", f"transactionId {theirs} is not known")
    return sent.transaction_id


async def _hand_on(link: "Link", action: str, payload: Answer) -> Answer:
    """An order like anybody's; its answer goes back as the charger gave it."""
    order = await link.run(_order, link.target, action, payload)
    give_up_at = time.monotonic() + ANSWER_SECONDS + 10
    while (ended := await link.run(feed.outcome, order)) is None:
        if time.monotonic() > give_up_at:
            raise Refused("GenericError", "the charger did not answer in time")
        await asyncio.sleep(LOOK_SECONDS)
    status, response = ended
    if status in (CommandStatus.ACCEPTED, CommandStatus.REJECTED) and isinstance(response, dict):
        return response
    if status == CommandStatus.OFFLINE:
        raise Refused("GenericError", "the charger is offline")
    if status == CommandStatus.ERROR and isinstance(response, dict):
        raise Refused(
            str(response.get("errorCode") or "GenericError"),
            str(response.get("errorDescription") or ""),
        )
    raise Refused("GenericError", "the charger did not answer in time")


def _order(target: feed.Target, action: str, payload: Answer) -> int:
    charger = Charger.objects.select_related("station").get(pk=target.charger_id)
    number = payload.get("transactionId")
    session = (
        Session.objects.filter(charger=charger, transaction_id=number).first() if number else None
    )
    host = target.url.split("://", 1)[-1].split("/", 1)[0]
    by = f"forward:{host}"
    made = commands.request(
        charger, action, payload, by=by, session=session, answer_timeout_s=ANSWER_SECONDS
    )
    audit.record(
        audit.Actor("forward", str(target.pk), by),
        "command_charger",
        f"charger:{charger.pk}",
        company_id=charger.station.company_id,
        new={"action": action, "payload": without_secrets(payload), "command": made.pk},
    )
    return made.pk
