"""A door for people and browser tests: HTTP on 127.0.0.1, JSON in and out.

GET  /state                                      every charger, connector, car and session
POST /tap     {"id", "connector", "id_tag"}      hold a card to the reader
POST /plug    {"id", "connector", "soc"?, "phases"?}     soc in %
POST /unplug  {"id", "connector"}
POST /fault   {"id", "connector", "error_code"?} GroundFailure; NoError mends it
POST /drop    {"id", "seconds"?, "half_open"?}   lose the link, for 0 real seconds or more
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import orjson

from simulators.car import Car
from simulators.charger import ChargePoint
from simulators.connector import ERROR_CODES, Connector
from simulators.scenario import Site

MAX_BODY = 64 * 1024
READ_TIMEOUT_S = 5.0


class _Refused(Exception):
    """The request cannot be served; the text says why."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Control:
    """The endpoint of one site; port 0 takes a free one, told by ``port`` after ``start``."""

    def __init__(self, site: Site, port: int) -> None:
        self.port = port
        self._site = site
        self._server: asyncio.Server | None = None
        self._posts: dict[str, Callable[[ChargePoint, dict[str, Any]], Awaitable[str]]] = {
            "/tap": _tap,
            "/plug": _plug,
            "/unplug": _unplug,
            "/fault": _fault,
            "/drop": _drop,
        }

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                method, path, body = await _read(reader)
            status, answer = HTTPStatus.OK, await self._route(method, path, body)
        except _Refused as refusal:
            status, answer = refusal.status, {"error": str(refusal)}
        except (TimeoutError, ValueError, EOFError) as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"error": str(error) or "not HTTP"}
        content = orjson.dumps(answer)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + content)
        writer.close()

    async def _route(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        if path == "/state":
            if method != "GET":
                raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "/state is read with GET")
            return self.state()
        action = self._posts.get(path)
        if action is None:
            raise _Refused(HTTPStatus.NOT_FOUND, f"there is no {path}")
        if method != "POST":
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} wants POST")
        wish = orjson.loads(body)
        if not isinstance(wish, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
        point = self._site.points.get(_text(wish, "id"))
        if point is None:
            raise _Refused(HTTPStatus.NOT_FOUND, f"there is no charger {wish['id']}")
        try:
            return {"status": await action(point, wish)}
        except LookupError as error:
            raise _Refused(HTTPStatus.NOT_FOUND, str(error)) from None

    def state(self) -> dict[str, Any]:
        """All that the chargers know of themselves."""
        return {"chargers": [_charger(point) for point in self._site.points.values()]}


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    """Method, path without query, body. Raises ValueError or EOFError."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    length = 0
    for line in head[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length":
            length = int(value)
    if length > MAX_BODY:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
    return method, target.partition("?")[0], await reader.readexactly(length)


def _text(wish: dict[str, Any], name: str) -> str:
    value = wish.get(name)
    if not isinstance(value, str):
        raise _Refused(HTTPStatus.BAD_REQUEST, f"{name} must be a text")
    return value


def _number(wish: dict[str, Any], name: str, default: float | None = None) -> float:
    value = wish.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refused(HTTPStatus.BAD_REQUEST, f"{name} must be a number")
    return value


async def _tap(point: ChargePoint, wish: dict[str, Any]) -> str:
    return await point.tap(_text(wish, "id_tag"), int(_number(wish, "connector")))


async def _plug(point: ChargePoint, wish: dict[str, Any]) -> str:
    car = Car(soc=_number(wish, "soc", 40) / 100, phases=int(_number(wish, "phases", 3)))
    try:
        point.plug(int(_number(wish, "connector")), car)
    except ValueError as error:
        raise _Refused(HTTPStatus.CONFLICT, str(error)) from None
    return "Plugged"


async def _unplug(point: ChargePoint, wish: dict[str, Any]) -> str:
    point.unplug(int(_number(wish, "connector")))
    return "Unplugged"


async def _fault(point: ChargePoint, wish: dict[str, Any]) -> str:
    error_code = wish.get("error_code", "GroundFailure")
    if error_code not in ERROR_CODES:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"OCPP has no error code {error_code}")
    point.fault(int(_number(wish, "connector")), error_code)
    return "Done"


async def _drop(point: ChargePoint, wish: dict[str, Any]) -> str:
    if wish.get("half_open", False):
        point.faults.half_open()
    else:
        point.faults.drop_link(_number(wish, "seconds", 0))
    return "Dropped"


def _charger(point: ChargePoint) -> dict[str, Any]:
    return {
        "id": point.identity,
        "connected": point.link.is_up,
        "registered": point.link.registered,
        "waiting_messages": point.link.waiting,
        "connectors": [_connector(connector) for connector in point.connectors],
    }


def _connector(connector: Connector) -> dict[str, Any]:
    car, session = connector.car, connector.session
    return {
        "connector": connector.number,
        "status": connector.status,
        "error_code": connector.error_code,
        "power_w": round(connector.meter.power_w(), 1),
        "offered_w": round(connector.offered_w, 1),
        "register_wh": round(connector.meter.true_wh()),
        "car": None if car is None else {"name": car.name, "soc": round(car.soc * 100, 1)},
        "session": None
        if session is None
        else {
            "id_tag": session.id_tag,
            "transaction_id": session.transaction_id,
            "meter_start": session.meter_start,
        },
    }
