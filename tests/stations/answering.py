"""The charger's side of an order without a network: claimed, answered, told to whoever waits."""

from typing import Any

from core import outbox
from core.models import Lease
from stations.models import Charger, Command, CommandStatus
from stations.services import commands
from tests.factories import go_online

EPOCH = 1


def deliver() -> None:
    while outbox.deliver_one():
        pass


def waiting(charger: Charger, action: str = "") -> list[Command]:
    """Orders that the charger has not seen yet, the oldest first."""
    rows = charger.commands.filter(status=CommandStatus.QUEUED).order_by("pk")
    return list(rows.filter(action=action) if action else rows)


def answer(charger: Charger, response: Any, action: str = "") -> Command:
    """The oldest waiting order is sent and answered; what follows from it is done."""
    command = waiting(charger, action)[0]
    word = response.get("status") if isinstance(response, dict) else None
    yes = word is None or word in ("Accepted", "RebootRequired")
    _end(command, CommandStatus.ACCEPTED if yes else CommandStatus.REJECTED, response)
    return command


def no_answer(charger: Charger) -> Command:
    """The oldest waiting order is sent and nothing comes back."""
    command = waiting(charger)[0]
    _end(command, CommandStatus.TIMEOUT, None)
    return command


def callerror(charger: Charger, code: str) -> Command:
    command = waiting(charger)[0]
    body = {"errorCode": code, "errorDescription": ""}
    _end(command, CommandStatus.ERROR, body, code)
    return command


def goes_away(charger: Charger) -> None:
    """The line ends; what still waited was never seen."""
    Charger.objects.filter(pk=charger.pk).update(connection_holder="")
    commands.drop_for([charger.pk])
    deliver()


def comes_back(charger: Charger) -> None:
    go_online(charger)
    assert Lease.objects.filter(name=charger.connection_holder).exists()


def _end(command: Command, status: CommandStatus, response: Any, detail: str = "") -> None:
    claimed = commands.claim(command.pk, "sockets_test", EPOCH)
    assert claimed is not None, "the charger is not online"
    assert commands.finish(command.pk, EPOCH, status, response, detail)
    deliver()
