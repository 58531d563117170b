"""Carrying out orders: claim, send, wait, write what came of it."""

import logging
from typing import TYPE_CHECKING, Any

import orjson

from core.errors import DomainError
from stations.drivers.ocpp import schemas
from stations.drivers.ocpp.line import CallRefused, Line, NoAnswer
from stations.drivers.ocpp.redact import redact
from stations.models import CommandStatus
from stations.services import commands
from stations.services.commands import Claimed

if TYPE_CHECKING:
    from stations.drivers.ocpp.hub import Hub

log = logging.getLogger(__name__)
# A CALLRESULT with one of these words, or with none, is an acceptance (interfaces: commands).
YES = frozenset({"Accepted", "Scheduled", "RebootRequired", "Unlocked"})


async def carry_out(hub: "Hub", command_id: int, charger_id: int) -> None:
    """Send one queued order on its charger's line, after those that came before it."""
    line = hub.lines.get(charger_id)
    if line is None:
        return
    async with line.calling:
        claimed = await hub.pool.run(commands.claim, command_id, hub.holder, line.epoch)
        if claimed is None:
            return
        status, response, detail = await _send(line, claimed)
    await hub.pool.run(commands.finish, claimed.pk, line.epoch, status, response, detail)


async def _send(line: Line, claimed: Claimed) -> tuple[CommandStatus, Any, str]:
    try:
        schemas.check_request(claimed.action, claimed.payload)
        answer = await line.call_locked(claimed.action, claimed.payload, claimed.answer_timeout_s)
    except NoAnswer as error:
        return CommandStatus.TIMEOUT, None, str(error)
    except CallRefused as error:
        body = {"errorCode": error.code, "errorDescription": error.description}
        return CommandStatus.ERROR, body, error.code
    except DomainError as error:
        return CommandStatus.ERROR, None, str(error)
    return outcome(answer), _without_secrets(claimed.action, answer), ""


def _without_secrets(action: str, answer: dict[str, Any]) -> dict[str, Any]:
    """A charger may tell its password when asked for its keys; nobody here keeps it."""
    if action != "GetConfiguration":
        return answer
    cleaned: dict[str, Any] = orjson.loads(redact(orjson.dumps(answer).decode()))
    return cleaned


def outcome(answer: dict[str, Any]) -> CommandStatus:
    """Whether an answer says yes."""
    word = answer.get("status")
    return CommandStatus.ACCEPTED if word is None or word in YES else CommandStatus.REJECTED
