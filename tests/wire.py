"""A charge point for tests: plain frames over a real websocket, every frame held against the schemas."""

import base64
import itertools
import json
import ssl
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from stations.models import Charger
from tests.factories import CHARGER_PASSWORD
from tests.inside.witness import schema

_ids = itertools.count(1)


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def basic(name: str, password: str) -> dict[str, str]:
    """HTTP Basic; bytes that are no text come as surrogates."""
    both = f"{name}:{password}".encode("utf-8", "surrogateescape")
    return {"Authorization": "Basic " + base64.b64encode(both).decode()}


class CallError(Exception):
    """The server answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code


class Point:
    """One connected charge point. Calls of the server are kept in ``heard`` and answered by ``answers``."""

    patience = 10.0  # seconds to wait for the server

    def __init__(
        self,
        url: str,
        charger: Charger | str,
        password: str | None = CHARGER_PASSWORD,
        tls: ssl.SSLContext | None = None,
        **options: Any,
    ) -> None:
        self.id = charger if isinstance(charger, str) else charger.charge_point_id
        self.answers: dict[str, Any] = {}
        self.heard: list[tuple[str, dict[str, Any]]] = []
        # websockets 17 gives the connection only to a context; a point may outlive a with block.
        usual: dict[str, Any] = {
            "subprotocols": [Subprotocol("ocpp1.6")],
            "additional_headers": {} if password is None else basic(self.id, password),
            "ssl": tls,
            "compression": None,
            "open_timeout": self.patience,
            "close_timeout": 2,
            "legacy": True,
        }
        self.socket: ClientConnection = connect(url + self.id, **usual | options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def call(
        self, action: str, payload: dict[str, Any] | None = None, timeout: float | None = None
    ) -> dict[str, Any]:
        """Send a CALL and give back the payload of its CALLRESULT."""
        message_id = f"m{next(_ids)}"
        self.socket.send(json.dumps([2, message_id, action, {} if payload is None else payload]))
        while True:
            frame = self.receive(timeout)
            if frame[0] == 2:
                self._answer(frame)
            elif frame[1] == message_id:
                if frame[0] == 4:
                    raise CallError(frame[2], frame[3])
                schema(f"{action}Response").validate(frame[2])
                return dict(frame[2])

    def expect(self, action: str, timeout: float | None = None) -> dict[str, Any]:
        """Wait for a CALL of the server, answer it, and give back its payload."""
        while True:
            frame = self.receive(timeout)
            if frame[0] == 2:
                self._answer(frame)
                if frame[2] == action:
                    return dict(frame[3])

    def raw(self, text: str | bytes, timeout: float | None = None) -> Any:
        """Send anything and give back the next frame, or what closed the line."""
        self.socket.send(text)
        return self.receive(timeout)

    def receive(self, timeout: float | None = None) -> Any:
        return json.loads(self.socket.recv(timeout=timeout or self.patience))

    def _answer(self, frame: list[Any]) -> None:
        _, message_id, action, payload = frame
        schema(action).validate(payload)
        self.heard.append((action, payload))
        answer = self.answers.get(action, {"status": "Accepted"})
        if callable(answer):
            answer = answer(payload)
        if answer is not None:
            self.socket.send(json.dumps([3, message_id, answer]))

    # --- the usual messages ------------------------------------------------------------------------

    def boot(self) -> dict[str, Any]:
        return self.call(
            "BootNotification", {"chargePointVendor": "Test", "chargePointModel": "Wire"}
        )

    def status(self, status: str, connector: int = 1) -> None:
        self.call(
            "StatusNotification",
            {"connectorId": connector, "status": status, "errorCode": "NoError"},
        )

    def start(
        self, id_tag: str, *, connector: int = 1, meter: int = 1_000, at: str = ""
    ) -> dict[str, Any]:
        return self.call(
            "StartTransaction",
            {
                "connectorId": connector,
                "idTag": id_tag,
                "meterStart": meter,
                "timestamp": at or now(),
            },
        )

    def meter(
        self,
        transaction: int | None,
        register: Any,
        *,
        connector: int = 1,
        at: str = "",
        **more: Any,
    ) -> dict[str, Any]:
        """A MeterValues with the register and, as keyword, other measurands."""
        samples = [
            {"value": str(register), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
        ]
        samples += [{"value": str(v), "measurand": k.replace("_", ".")} for k, v in more.items()]
        payload: dict[str, Any] = {
            "connectorId": connector,
            "meterValue": [{"timestamp": at or now(), "sampledValue": samples}],
        }
        if transaction is not None:
            payload["transactionId"] = transaction
        return self.call("MeterValues", payload)

    def stop(
        self, transaction: int, register: int, *, at: str = "", reason: str = "Local"
    ) -> dict[str, Any]:
        return self.call(
            "StopTransaction",
            {
                "transactionId": transaction,
                "meterStop": register,
                "timestamp": at or now(),
                "reason": reason,
            },
        )
