"""The few ways in which a mutant may change one behaviour of the socket process.

A change is (module, what is done to it once it is imported): see ``tests.inside.sitecustomize``.
Nothing here is imported by the product; nothing of the product is imported here.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Payload = dict[str, Any]
Change = tuple[str, Callable[[Any], None]]
HANDLERS = "stations.drivers.ocpp.handlers"
LINE = "stations.drivers.ocpp.line"
ORDERS = "stations.drivers.ocpp.orders"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A server that is as ours but for what ``does`` says; TC_``case`` has to turn red by it."""

    case: str
    does: str
    changes: tuple[Change, ...]


def always(*_: Any) -> bool:
    return True


def answered(
    action: str,
    change: Callable[[Payload], Payload],
    when: Callable[[Any, Any], bool] = always,
) -> Change:
    """A request of the charger gets another answer: ``change`` of the right one.

    ``when`` is given the line and the message.
    """

    def apply(handlers: Any) -> None:
        key = json.dumps(action).encode()
        decoder, handler = handlers.ACTIONS[key]

        async def other(line: Any, msg: Any, at: Any) -> bytes:
            # Asked first: the handler changes what is known of the charger.
            wrong = when(line, msg)
            answer: bytes = await handler(line, msg, at)
            return json.dumps(change(json.loads(answer))).encode() if wrong else answer

        handlers.ACTIONS[key] = (decoder, other)

    return HANDLERS, apply


def info(status: str) -> Callable[[Payload], Payload]:
    """An answer whose idTagInfo says ``status``."""

    def change(answer: Payload) -> Payload:
        return {**answer, "idTagInfo": {"status": status}}

    return change


def refused(action: str, when: Callable[[Any, Any], bool]) -> Change:
    """A request of the charger is answered with a CALLERROR."""

    def apply(handlers: Any) -> None:
        from stations.drivers.ocpp.frames import Refused

        key = json.dumps(action).encode()
        decoder, handler = handlers.ACTIONS[key]

        async def other(line: Any, msg: Any, at: Any) -> bytes:
            if when(line, msg):
                raise Refused("NotSupported", "")
            answer: bytes = await handler(line, msg, at)
            return answer

        handlers.ACTIONS[key] = (decoder, other)

    return HANDLERS, apply


def noticed(action: str, note: Callable[[Any, Any], None]) -> Change:
    """Nothing is changed; ``note`` is told of a request, for another change of the same mutant."""

    def when(line: Any, msg: Any) -> bool:
        note(line, msg)
        return False

    return answered(action, lambda answer: answer, when)


def said(action: str, change: Callable[[Payload], Payload]) -> Change:
    """A request of ours goes out changed."""

    def apply(module: Any) -> None:
        call = module.Line.call_locked

        async def other(line: Any, word: str, payload: Payload, timeout_s: float) -> Any:
            return await call(line, word, change(payload) if word == action else payload, timeout_s)

        module.Line.call_locked = other

    return LINE, apply


def with_(**fields: Any) -> Callable[[Payload], Payload]:
    """The payload with these fields instead."""
    return lambda payload: {**payload, **fields}


def without(*names: str) -> Callable[[Payload], Payload]:
    return lambda payload: {k: v for k, v in payload.items() if k not in names}


def told(action: str, heard: str, wrong: str, when: Callable[[Payload], bool] = always) -> Change:
    """The charger answers ``heard``; whoever ordered is told ``wrong``. ``when``: of the payload."""
    return misread(
        action,
        lambda answer: {**answer, "status": wrong} if answer.get("status") == heard else answer,
        when,
    )


def misread(
    action: str, change: Callable[[Payload], Payload], when: Callable[[Payload], bool] = always
) -> Change:
    """The charger's answer is understood differently."""

    def apply(module: Any) -> None:
        call = module.Line.call_locked

        async def other(line: Any, word: str, payload: Payload, timeout_s: float) -> Any:
            answer = await call(line, word, payload, timeout_s)
            return change(answer) if word == action and when(payload) else answer

        module.Line.call_locked = other

    return LINE, apply


def pretended(
    action: str, answer: Payload, when: Callable[[Any, Payload], bool] = always
) -> Change:
    """A request of ours never goes out; we say that the charger answered so."""

    def apply(module: Any) -> None:
        call = module.Line.call_locked

        async def other(line: Any, word: str, payload: Payload, timeout_s: float) -> Any:
            if word == action and when(line, payload):
                return dict(answer)
            return await call(line, word, payload, timeout_s)

        module.Line.call_locked = other

    return LINE, apply


def replaced(module: str, name: str, make: Callable[[Any], Any]) -> Change:
    """A function of the product becomes ``make(the function)``."""

    def apply(found: Any) -> None:
        setattr(found, name, make(getattr(found, name)))

    return module, apply
