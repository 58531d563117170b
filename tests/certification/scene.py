"""What a case needs: a charge point that checks every frame, and an operator who uses our API.

Both are outside the product: a websocket and HTTP. Only what the test document takes as configured
(charger, cards, their holders' money) is put into the database.
"""

import json
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from types import TracebackType
from typing import Any, Self

import httpx

from stations.models import Charger, Station
from tests.certification.processes import Doors, doors_of
from tests.factories import (
    CHARGER_PASSWORD,
    a_card,
    a_charger,
    a_customer,
    a_station,
    an_admin,
)
from tests.inside.witness import flaw
from tests.stack import Stack
from tests.wire import Point
from users import tokens
from users.models import Level

Payload = dict[str, Any]
CONNECTORS = 2
RICH = 500_00  # satang in the wallet: money is never what a case is about
YES = frozenset({"Accepted", "Scheduled", "RebootRequired", "Unlocked"})
# What the charge point says to a CALL that its case did not wait for.
USUAL_ANSWERS: Mapping[str, Payload] = {
    "GetConfiguration": {"configurationKey": [], "unknownKey": []},
    "ChangeConfiguration": {"status": "NotSupported"},
    "GetLocalListVersion": {"listVersion": 0},
    "GetCompositeSchedule": {"status": "Rejected"},
    "GetInstalledCertificateIds": {"status": "NotFound"},
    "UnlockConnector": {"status": "NotSupported"},
    "GetDiagnostics": {},
    "UpdateFirmware": {},
}


def moment(**offset: float) -> str:
    """Now, or as far from now as a ``timedelta`` of these words, as charge points write it."""
    return (datetime.now(UTC) + timedelta(**offset)).isoformat().replace("+00:00", "Z")


class ChargePoint(Point):
    """A charge point that takes nothing illegal and says nothing illegal."""

    def says(self, action: str, **payload: Any) -> Payload:
        """Send a request; it has to be answered by a legal CALLRESULT."""
        assert not (wrong := flaw(action, payload)), wrong
        return self.call(action, payload)

    def expects(self, action: str, answer: Payload, **fields: Any) -> Payload:
        """The next ``action`` with these fields, answered thus; other calls get usual answers."""
        while True:
            try:
                frame = self.receive()
            except TimeoutError:
                raise AssertionError(f"{action} never came") from None
            assert frame[0] == 2, f"while {action} was awaited: {frame}"
            wanted = frame[2] == action and fields.items() <= frame[3].items()
            self._reply(frame, answer if wanted else self._usual(frame[2]))
            if wanted:
                return dict(frame[3])

    def hears_nothing(self, seconds: float = 0.1) -> None:
        """The server has no more to say."""
        try:
            frame = self.receive(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"unexpected: {frame}")

    def _answer(self, frame: list[Any]) -> None:
        self._reply(frame, self._usual(frame[2]))

    def _usual(self, action: str) -> Payload:
        return dict(USUAL_ANSWERS.get(action, {"status": "Accepted"}))

    def _reply(self, frame: list[Any], answer: Payload) -> None:
        _, message_id, action, payload = frame
        assert not (wrong := flaw(action, payload)), wrong
        assert not (wrong := flaw(f"{action}Response", answer)), wrong
        self.heard.append((action, payload))
        self.socket.send(json.dumps([3, message_id, answer]))


class Site:
    """A station of one company on a running stack, and its owner's token."""

    def __init__(self, stack: Stack, doors: Doors | None = None) -> None:
        self.doors = doors or doors_of(stack)
        self.station, token = _prepared(stack.database)
        self.http = httpx.Client(
            base_url=f"{stack.url}/api/v1/", headers={"Authorization": f"Token {token}"}, timeout=30
        )

    def close(self) -> None:
        self.http.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """An API call that has to succeed."""
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


@cache
def _prepared(database: str) -> tuple[Station, str]:
    station = a_station()
    return station, tokens.create(an_admin(station.company, Level.OWNER))


class Scene:
    """One case: its own charger, its own card, and who acts."""

    def __init__(self, site: Site, patience: float = 10.0) -> None:
        self.site = site
        self.patience = patience
        self.charger: Charger = a_charger(site.station, connectors=CONNECTORS)
        self.tag = self.new_card()
        self._points: list[ChargePoint] = []
        self._hands = ThreadPoolExecutor(1)

    @property
    def id(self) -> str:
        return self.charger.charge_point_id

    @property
    def point(self) -> ChargePoint:
        """The connection of now."""
        return self._points[-1]

    def new_card(self, **fields: Any) -> str:
        """The idTag of a card of a new customer with money."""
        return a_card(a_customer(self.site.station.company, balance=RICH), **fields).id_tag

    def connect(
        self,
        password: str | None = CHARGER_PASSWORD,
        *,
        tls: ssl.SSLContext | None = None,
        **options: Any,
    ) -> ChargePoint:
        """A new connection of the charger; the one before it, if any, is left to the test."""
        url = self.site.doors.url if tls is None else self.site.doors.tls_url
        point = ChargePoint(url, self.charger, password, tls, **options)
        point.patience = self.patience
        self._points.append(point)
        return point

    def disconnect(self) -> None:
        self.point.socket.close()

    def acts(self, work: Callable[..., Any], *args: Any) -> Any:
        """Something the operator does while the charge point goes on; a future of its result."""
        return self._hands.submit(work, *args)

    def order(self, action: str, payload: Payload, answer: Payload) -> Payload:
        """The operator sends ``action``; the charge point answers so, and the operator is told.

        Gives what the charge point heard.
        """
        return self.follow(self.send(action, payload), action, answer)

    def send(self, action: str, payload: Payload) -> Any:
        """The operator's order alone: a future of the API's word."""
        path = f"chargers/{self.id}/commands/{action}/?timeout={max(int(self.patience), 1)}"
        return self.acts(self.site.ask, "POST", path, payload)

    def follow(self, asked: Any, action: str, answer: Payload) -> Payload:
        """What the charge point hears of an order on its way, and what the operator is told."""
        heard = self.point.expects(action, answer)
        told = asked.result(self.patience)
        word = answer.get("status")
        outcome = "accepted" if word is None or word in YES else "rejected"
        assert (told["status"], told["response"]) == (outcome, answer)
        return heard

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for point in self._points:
            point.socket.close()
        self._hands.shutdown(cancel_futures=True)
