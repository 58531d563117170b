"""The stream of names: only what concerns the plug, and never more than a name."""

import asyncio
from typing import Any

import pytest

from evbilling.customer import live
from evbilling.nudges import REFRESH

MINE = {"company": 1, "station": 7, "charger": 3, "connector": 5}


def a_watcher() -> live.PlugWatcher:
    return live.PlugWatcher(company_id=1, station_id=7, charger_id=3, connector_id=5)


@pytest.mark.pure
@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ({"kind": "connector_changed", **MINE}, True),
        ({"kind": "connector_changed", **MINE, "connector": 6}, False),
        ({"kind": "charger_offline", "station": 7, "charger": 3}, True),
        ({"kind": "charger_offline", "station": 7, "charger": 4}, False),
        ({"kind": "readings", "company": 1, "station": 7}, True),
        ({"kind": "readings", "company": 1, "station": 8}, False),
        ({"kind": "wallet_changed", "subject": 3, "company": 1}, False),
    ],
)
def test_a_phone_hears_of_its_plug_and_of_nothing_else(
    message: dict[str, Any], wanted: bool
) -> None:
    assert a_watcher().wants(message) is wanted


@pytest.mark.pure
def test_a_name_tells_nothing_of_what_happened() -> None:
    watcher = a_watcher()
    watcher.tell({"any", "session_started", "session-99", "connector-5"})
    assert watcher.take() == [live.CHANGE]
    watcher.tell({"any", "readings", "station-7"})
    assert watcher.take() == [live.READINGS]
    watcher.tell({REFRESH})
    assert watcher.take() == [REFRESH]


@pytest.mark.pure
def test_the_stream_sends_names_and_beats_and_ends_when_the_process_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone: list[Any] = []

    class Board:
        def join(self, watcher: Any) -> None:
            watcher.tell({REFRESH})

        def leave(self, watcher: Any) -> None:
            gone.append(watcher)

    monkeypatch.setattr(live, "switchboard", Board)
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0)

    async def listen() -> list[str]:
        watcher = a_watcher()
        heard: list[str] = []
        async for chunk in live.events(watcher):
            heard.append(chunk.decode())
            if "beat" in heard[-1]:
                watcher.tell({"connector-5"})
            if "change" in heard[-1]:
                watcher.dismissed = True
                watcher.woken.set()
        return heard

    heard = asyncio.run(asyncio.wait_for(listen(), 5))
    assert heard == [
        "retry: 2000\n\n",
        "event: refresh\ndata:\n\n",
        ": beat\n\n",
        "event: change\ndata:\n\n",
    ]
    assert len(gone) == 1
