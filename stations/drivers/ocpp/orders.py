"""Carrying out orders: claim, send, wait, write what came of it."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from core.errors import DomainError
from stations import configuring
from stations.drivers.ocpp import schemas
from stations.drivers.ocpp.line import CallRefused, Line, NoAnswer
from stations.models import CommandStatus
from stations.services import commands
from stations.services.commands import Claimed, Ended

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


async def carry_out_all(hub: "Hub", waiting: Sequence[tuple[int, int]]) -> None:
    """Send many queued orders, (command, charger) each, with few statements.

    The first order of every free line is claimed together with the others and goes out at once;
    what stands behind it, or behind a call that is out, waits for its line as any order does.
    """
    first: dict[int, tuple[int, Line]] = {}
    for command_id, charger_id in waiting:
        line = hub.lines.get(charger_id)
        if line is None or command_id in hub.in_hand:
            continue
        hub.in_hand.add(command_id)
        if charger_id in first or not line.calling.free:
            hub.spawn(_in_turn(hub, command_id, charger_id))
            continue
        await line.calling.acquire()  # free: at once, nobody else runs in between
        first[charger_id] = command_id, line
    if first:
        await _claim_and_send(hub, list(first.values()))


async def _in_turn(hub: "Hub", command_id: int, charger_id: int) -> None:
    try:
        await carry_out(hub, command_id, charger_id)
    finally:
        hub.in_hand.discard(command_id)


async def _claim_and_send(hub: "Hub", orders: Sequence[tuple[int, Line]]) -> None:
    """For orders whose lines' locks we hold: each is released when its own order is answered."""
    lines = {line.pk: line for _, line in orders}
    try:
        wanted = [(command_id, line.epoch) for command_id, line in orders]
        for claimed in await hub.pool.run(commands.claim_many, wanted, hub.holder):
            hub.spawn(_answered(hub, lines.pop(claimed.charger_id), claimed))
    finally:
        for line in lines.values():
            line.calling.release()
        # Those that are claimed are no longer in the queue; the others are to be looked at again.
        hub.in_hand.difference_update(command_id for command_id, _ in orders)


async def _answered(hub: "Hub", line: Line, claimed: Claimed) -> None:
    """Send, release the line, and have the outcome written with those of the others."""
    try:
        status, response, detail = await _send(line, claimed)
    finally:
        line.calling.release()
    await hub.ends.submit(Ended(claimed.pk, line.epoch, status, response, detail))


async def _send(line: Line, claimed: Claimed) -> tuple[CommandStatus, Any, str]:
    if not claimed.readable:  # never send the stars: a charger might take them for its password
        return CommandStatus.ERROR, None, "its secret cannot be read: SECRET_KEY has changed"
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
    except msgspec.DecodeError as error:
        return CommandStatus.ERROR, None, f"its answer cannot be read: {error}"
    if claimed.action == "GetConfiguration":
        answer = configuring.without_secrets(answer)  # a password is stored nowhere
    return outcome(answer), answer, ""


def outcome(answer: dict[str, Any]) -> CommandStatus:
    """Whether an answer says yes."""
    word = answer.get("status")
    return CommandStatus.ACCEPTED if word is None or word in YES else CommandStatus.REJECTED
