"""An exported frame log said again by a charger, over the wire: ``python -m simulators.replay FILE``.

Message ids are new and transaction ids are those that the server gives now. What the server asks
is answered as the charger answered the same action then, in turn. At the end stands what was
answered otherwise than in the log.
"""

import argparse
import asyncio
import base64
import json
import sys
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

Payload = dict[str, Any]
ANSWER_S = 30.0
TRANSACTION = "transactionId"


@dataclass(frozen=True)
class Said:
    """A CALL of the charger and how the server answered it then (an error's code, or '')."""

    at: datetime
    action: str
    payload: Any
    answer: Payload | None
    error: str


@dataclass
class Recording:
    """What an export holds, as far as it can be said again."""

    said: list[Said] = field(default_factory=list)
    answers: dict[str, deque[Payload]] = field(default_factory=lambda: defaultdict(deque))


def read(lines: Iterable[str]) -> Recording:
    """The calls of the charger with their answers, and its answers to the server's calls."""
    found = Recording()
    messages = [json.loads(line) for line in lines if line.strip()]
    replies = {m["message_id"]: m for m in messages if _is_reply(m, "out")}
    for message in messages:
        if message["direction"] == "in" and message["kind"] == "call":
            reply = replies.get(message["message_id"], {})
            answer = reply.get("payload") if reply.get("kind") == "result" else None
            at = datetime.fromisoformat(message["at"].replace("Z", "+00:00"))
            said = Said(at, message["action"], message["payload"], answer, reply.get("error") or "")
            found.said.append(said)
        elif _is_reply(message, "in") and message["kind"] == "result":
            found.answers[message["action"]].append(message["payload"])
    return found


def _is_reply(message: Payload, direction: str) -> bool:
    return message["direction"] == direction and message["kind"] in ("result", "error")


@dataclass
class Player:
    """Says a recording to a server."""

    recording: Recording
    speed: float = 0.0  # times as fast as then; 0: as fast as the server answers
    differences: list[str] = field(default_factory=list)
    sent: int = 0
    _numbers: dict[int, int] = field(default_factory=dict)
    _waiting: dict[str, "asyncio.Future[list[Any]]"] = field(default_factory=dict)

    async def play(self, url: str, charge_point: str, password: str) -> None:
        """Say everything, in order, one after the other."""
        pair = base64.b64encode(f"{charge_point}:{password}".encode()).decode()
        async with connect(
            f"{url.rstrip('/')}/{charge_point}",
            subprotocols=[Subprotocol("ocpp1.6")],
            additional_headers={"Authorization": f"Basic {pair}"} if password else None,
            compression=None,
        ) as line:
            hearing = asyncio.create_task(self._hear(line))
            try:
                before: datetime | None = None
                for said in self.recording.said:
                    if self.speed and before is not None:
                        await asyncio.sleep(max((said.at - before).total_seconds(), 0) / self.speed)
                    before = said.at
                    await self._say(line, said)
            finally:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)

    async def _say(self, line: ClientConnection, said: Said) -> None:
        self.sent += 1
        message_id = f"replay-{self.sent}"
        future = self._waiting[message_id] = asyncio.get_running_loop().create_future()
        payload = self._in_todays_numbers(said)
        await line.send(json.dumps([2, message_id, said.action, payload]))
        async with asyncio.timeout(ANSWER_S):
            frame = await future
        self._compare(said, frame)

    def _in_todays_numbers(self, said: Said) -> Any:
        number = said.payload.get(TRANSACTION) if isinstance(said.payload, dict) else None
        if number in self._numbers:
            return {**said.payload, TRANSACTION: self._numbers[number]}
        return said.payload

    def _compare(self, said: Said, frame: list[Any]) -> None:
        error = str(frame[2]) if frame[0] == 4 else ""
        if error != said.error:
            was, now = said.error or "a result", error or "a result"
            self.differences.append(f"{self.sent}. {said.action}: {was} then, {now} now")
            return
        if error or said.answer is None:
            return
        then, now_ = said.answer.get(TRANSACTION), frame[2].get(TRANSACTION)
        if isinstance(then, int) and isinstance(now_, int):
            self._numbers[then] = now_
        was, now = _status(said.answer), _status(frame[2])
        if was != now:
            self.differences.append(f"{self.sent}. {said.action}: {was} then, {now} now")

    async def _hear(self, line: ClientConnection) -> None:
        async for text in line:
            frame = json.loads(text)
            if frame[0] != 2:
                future = self._waiting.pop(frame[1], None)
                if future is not None and not future.done():
                    future.set_result(frame)
                continue
            recorded = self.recording.answers.get(frame[2])
            answer = recorded.popleft() if recorded else None
            if answer is None:
                await line.send(json.dumps([4, frame[1], "NotSupported", "not in the log", {}]))
            else:
                await line.send(json.dumps([3, frame[1], answer]))
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("the server closed the line"))


def _status(answer: Payload) -> str:
    """What an answer says in a word."""
    info = answer.get("idTagInfo")
    return str(answer.get("status") or (info.get("status") if isinstance(info, dict) else ""))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", required=True, help="ws://host:port/ocpp/1.6")
    parser.add_argument("--id", required=True, help="charge point id")
    parser.add_argument("--password", default="")
    parser.add_argument("--speed", type=float, default=0.0, help="1: as then; 0: no pauses")
    given = parser.parse_args(arguments)
    try:
        with given.file.open(encoding="utf-8") as file:
            player = Player(read(file), given.speed)
        asyncio.run(player.play(given.url, given.id, given.password))
    except (
        OSError,
        ValueError,
        KeyError,
        TimeoutError,
        InvalidHandshake,
        ConnectionClosed,
    ) as error:
        print(f"not played to its end: {error!r}", file=sys.stderr)
        return 2
    print(f"{player.sent} calls said again, {len(player.differences)} answered otherwise")
    for difference in player.differences:
        print(difference)
    return 1 if player.differences else 0


if __name__ == "__main__":
    sys.exit(main())
