"""A charger that answers orders without a wire: rows in, rows out, so that a test can play any charger.

What really runs: the outbox with its handlers, the orders, their outcomes. Only the socket is played.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import outbox
from core.audit import SYSTEM
from core.models import Delivery
from stations import configuring
from stations.drivers.ocpp.orders import outcome
from stations.models import Charger, Command, CommandStatus, Commissioning
from stations.selectors import configuration as selectors
from stations.services import chargers, commands, connectors
from stations.services.chargers import ChargerFields
from stations.services.connectors import BootReport
from tests.factories import a_station, go_online

HOLDER = "sockets_test"
FACTORY = {
    "HeartbeatInterval": "300",
    "MeterValueSampleInterval": "300",
    "ClockAlignedDataInterval": "0",
    "ConnectionTimeOut": "60",
    "LocalPreAuthorize": "true",
    "AuthorizationCacheEnabled": "true",
    "AllowOfflineTxForUnknownId": "true",
    "StopTransactionOnInvalidId": "true",
    "AuthorizeRemoteTxRequests": "true",
    "StopTxnSampledData": "",
    "WebSocketPingInterval": "0",
    "MeterValuesSampledData": "Energy.Active.Import.Register",
    "SupportedFeatureProfiles": "Core,RemoteTrigger,SmartCharging",
    "NumberOfConnectors": "1",
}
Answer = Any  # a .conf, (error code, description), None for silence, Gone for a line that ends


class Gone:
    """Instead of an answer the line ends."""


class Talker:
    """One charger. ``keys`` are its settings; ``refuse`` says no to (key, value); ``answers`` play
    other manners by action."""

    def __init__(self, charger: Charger, keys: Mapping[str, str] | None = None) -> None:
        self.charger = charger
        self.keys = dict(FACTORY if keys is None else keys)
        self.readonly: set[str] = set()
        self.refuse: Callable[[str, str], str] = lambda key, value: ""
        self.answers: dict[str, Callable[[dict[str, Any]], Answer]] = {}
        self.heard: list[tuple[str, dict[str, Any]]] = []

    # --- the charger's side ----------------------------------------------------------------------

    def connect(self, *, boot: bool = True, firmware: str = "1.0") -> None:
        """A new line; the charger boots on it unless told otherwise."""
        epoch = Charger.objects.get(pk=self.charger.pk).connection_epoch
        go_online(self.charger)
        Charger.objects.filter(pk=self.charger.pk).update(connection_epoch=epoch + 1)
        self.charger.refresh_from_db()
        if boot:
            self.boot(firmware)

    def boot(self, firmware: str = "1.0") -> None:
        now = timezone.now()
        with transaction.atomic():
            connectors.record_boots(
                [BootReport(self.charger.pk, "Test", "Talker", "S1", firmware, {}, now)]
            )

    def disconnect(self) -> None:
        from stations.services import links

        self.charger.refresh_from_db()
        links.disconnect([(self.charger.pk, self.charger.connection_epoch)])

    def settle(self, most: int = 200) -> None:
        """Deliver facts and answer orders until nothing moves."""
        for _ in range(most):
            Delivery.objects.filter(due__isnull=False).update(due=timezone.now())
            moved = False
            while outbox.deliver_one():
                moved = True
            if not (self.answer_one() or moved):
                assert not Delivery.objects.filter(due__isnull=False, attempts__gt=0).exists()
                return
        raise AssertionError("it never settles")

    def answer_one(self) -> bool:
        """Take and answer the next order; False when none waits."""
        self.charger.refresh_from_db()
        queued = Command.objects.filter(charger=self.charger, status=CommandStatus.QUEUED)
        command = queued.order_by("pk").first()
        if command is None:
            return False
        claimed = commands.claim(command.pk, HOLDER, self.charger.connection_epoch)
        assert claimed is not None
        self.heard.append((claimed.action, claimed.payload))
        self._finish(claimed, self.answer_to(claimed.action, claimed.payload))
        return True

    def answer_to(self, action: str, payload: dict[str, Any]) -> Answer:
        if action in self.answers:
            return self.answers[action](payload)
        if action == "GetConfiguration":
            return self.configuration(payload)
        if action == "ChangeConfiguration":
            return {"status": self.change(payload["key"], payload["value"])}
        return {"status": "Accepted"}

    def configuration(self, payload: dict[str, Any]) -> dict[str, Any]:
        named = {key.lower(): key for key in self.keys}
        asked = payload.get("key") or list(self.keys)
        found = [named[key.lower()] for key in asked if key.lower() in named]
        rows = [
            {"key": key, "readonly": key in self.readonly, "value": self.keys[key]} for key in found
        ]
        unknown = [key for key in asked if key.lower() not in named]
        return {"configurationKey": rows} | ({"unknownKey": unknown} if unknown else {})

    def change(self, key: str, value: str) -> str:
        known = next((k for k in self.keys if k.lower() == key.lower()), None)
        if known is None:
            return "NotSupported"
        if word := self.refuse(known, value):
            return word
        self.keys[known] = value
        return "Accepted"

    # --- what the test asks ----------------------------------------------------------------------

    def sets(self, key: str = "") -> list[tuple[str, str]]:
        """What was tried to be changed, in order."""
        found = [(p["key"], p["value"]) for a, p in self.heard if a == "ChangeConfiguration"]
        return [pair for pair in found if key in ("", pair[0])]

    def _finish(self, claimed: Any, answer: Answer) -> None:
        epoch = self.charger.connection_epoch
        if answer is Gone:
            commands.finish(
                claimed.pk, epoch, CommandStatus.TIMEOUT, None, "the line ended before the answer"
            )
        elif answer is None:
            commands.finish(claimed.pk, epoch, CommandStatus.TIMEOUT, None, commands.NO_ANSWER)
        elif isinstance(answer, tuple):
            body = {"errorCode": answer[0], "errorDescription": answer[1]}
            commands.finish(claimed.pk, epoch, CommandStatus.ERROR, body, answer[0])
        else:
            if claimed.action == "GetConfiguration":
                answer = configuring.without_secrets(answer)
            commands.finish(claimed.pk, epoch, outcome(answer), answer)


def later(**since: float) -> None:
    """As if time had passed for what waits to be woken."""
    back = timedelta(**since)
    for charger in Charger.objects.filter(connected_at__isnull=False):
        assert charger.connected_at is not None
        Charger.objects.filter(pk=charger.pk).update(
            connected_at=charger.connected_at - back,
            booted_at=charger.booted_at - back if charger.booted_at else None,
        )


def a_new_charger(name: str = "NEW-1") -> Charger:
    fields = ChargerFields(connector_count=1)
    return chargers.create(a_station(), name, fields, actor=SYSTEM)


def set_up(talker: Talker) -> Commissioning:
    talker.connect()
    talker.settle()
    return talker.charger.commissionings.get()


def steps(run: Commissioning, key: str) -> list[tuple[str, str]]:
    """(value, status) of what was set, in order."""
    found = run.steps.filter(kind="set", key=key).order_by("pk")
    return [(step.value, step.status) for step in found]


def step_once(talker: Talker) -> None:
    from core import outbox
    from core.models import Delivery

    Delivery.objects.filter(due__isnull=False).update(due=timezone.now())
    while outbox.deliver_one():
        pass
    talker.answer_one()


def settings_of(talker: Talker) -> list[selectors.Setting]:
    return selectors.settings_of(talker.charger, selectors.setup_of(talker.charger))
