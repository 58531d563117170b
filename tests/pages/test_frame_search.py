"""Finding frames: by text, time and charge, through all chargers, and taking them away as a file."""

import json
from collections.abc import AsyncIterable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import AuditEntry
from evbilling import frame_messages
from evbilling.backoffice.moments import LOCAL
from stations.models import Charger, Session
from tests.api.client import Caller
from tests.factories import a_charger, a_company, a_session, a_station, an_admin
from tests.pages.people import signed_in, text_of
from tests.pages.test_frames import URL, a_frame
from users.models import Level

pytestmark = pytest.mark.django_db
CSS = 'class="frame"'


@pytest.fixture
def charger() -> Charger:
    return a_charger(a_station(a_company()), connectors=2, charge_point_id="SJ-01", online=True)


@pytest.fixture
def client(charger: Charger) -> Client:
    return signed_in(an_admin(charger.station.company))


def streamed(response: Any) -> list[dict[str, Any]]:
    """The lines of an export, read as the web process reads them."""

    async def drain(content: AsyncIterable[bytes]) -> bytes:
        return b"".join([part async for part in content])

    whole = async_to_sync(drain)(response.streaming_content)
    return [json.loads(line) for line in whole.splitlines()]


def test_text_is_found_in_the_call_in_our_answer_and_in_the_chargers(
    charger: Charger, client: Client
) -> None:
    a_frame(charger, 9, payload='{"idTag":"Somchai-7"}', message_id="aaa")
    a_frame(charger, 8, answer='{"why":"somchai-7"}', message_id="bbb")
    a_frame(charger, 7, direction="out", action="DataTransfer", message_id="ccc", answer=None)
    a_frame(
        charger,
        6,
        kind="result",
        action="",
        message_id="ccc",
        payload='{"x":"SOMCHAI-7"}',
        answer=None,
    )
    a_frame(charger, 5, payload='{"idTag":"100%"}', message_id="ddd")
    page = text_of(client.get(f"{URL}?q=somchai-7"))
    assert page.count(CSS) == 3
    assert "DataTransfer" in page
    assert text_of(client.get(f"{URL}?q=ddd")).count(CSS) == 1
    assert text_of(client.get(f"{URL}?q=100%25")).count(CSS) == 1
    assert text_of(client.get(f"{URL}?q=0%25%25")).count(CSS) == 0
    assert client.get(f"{URL}?q=%00%27%22").status_code == 200


def test_a_time_range_takes_the_place_of_the_days_a_filter_looks_back(
    charger: Charger, client: Client
) -> None:
    a_frame(charger, 30 * 86_400, message_id="old")
    a_frame(charger, 60, message_id="new")
    when = timezone.now().astimezone(LOCAL)

    def at(days: int) -> str:
        return f"{when - timedelta(days=days):%Y-%m-%dT%H:%M}"

    page = text_of(client.get(f"{URL}?from={at(31)}&to={at(29)}"))
    assert page.count(CSS) == 1
    assert "old" in page
    assert "every 2s" not in page  # the past gets no news
    assert text_of(client.get(f"{URL}?from={at(1)}")).count(CSS) == 1
    assert text_of(client.get(f"{URL}?from=nonsense&to=9999-99-99")).count(CSS) == 2


def a_story(charger: Charger) -> Session:
    """A charge of ten minutes on connector 1, with things around it that are not its own."""
    begun = timezone.now() - timedelta(minutes=40)
    session = a_session(
        charger.connectors.get(connector_id=1),
        started_at=begun,
        started_received_at=begun,
        status="ended",
        stopped_at=begun + timedelta(minutes=10),
        stopped_received_at=begun + timedelta(minutes=10),
        energy_wh=900,
    )
    number = session.transaction_id

    def frame(minute: float, message_id: str, **fields: Any) -> None:
        ago = 40 * 60 - minute * 60
        a_frame(charger, ago, message_id=message_id, **fields)

    frame(-10, "long-before", action="StatusNotification", payload='{"connectorId":1}')
    frame(-1, "tap", action="Authorize", payload='{"idTag":"X"}')
    frame(
        0,
        "start",
        action="StartTransaction",
        payload='{"connectorId": 1}',
        answer=f'{{"transactionId":{number}}}',
    )
    frame(2, "mine", action="MeterValues", payload=f'{{"connectorId":1,"transactionId":{number}}}')
    frame(3, "neighbour", action="MeterValues", payload='{"connectorId":2,"transactionId":7}')
    frame(4, "beat", action="Heartbeat")
    frame(5, "whole", action="StatusNotification", payload='{"connectorId":0}')
    frame(
        6,
        "order",
        direction="out",
        action="RemoteStopTransaction",
        answer=None,
        payload=f'{{"transactionId":{number}}}',
    )
    frame(6.1, "order", kind="result", action="", payload='{"status":"Accepted"}', answer=None)
    frame(10, "stop", action="StopTransaction", payload=f'{{"transactionId":{number}}}')
    frame(20, "late", action="StopTransaction", payload=f'{{"transactionId": {number}}}')
    frame(21, "tenfold", action="StopTransaction", payload=f'{{"transactionId":{number}0}}')
    frame(22, "after", action="StatusNotification", payload='{"connectorId":1}')
    return session


OWN = ["tap", "start", "mine", "whole", "order", "stop", "late"]


def test_a_charge_is_told_by_its_own_frames_in_order(charger: Charger, client: Client) -> None:
    session = a_story(charger)
    page = text_of(client.get(f"/sessions/{session.pk}/frames/"))
    told = [part.partition("<")[0] for part in page.split('<span class="mono">')[1:]]
    assert told == OWN
    assert f"/sessions/{session.pk}/frames/" in text_of(client.get(f"/sessions/{session.pk}/"))
    only = text_of(client.get(f"{URL}?session={session.pk}"))
    assert only.count(CSS) == len(OWN)
    assert text_of(client.get(f"{URL}?session=999999")).count(CSS) == 12
    lines = streamed(client.get(f"{URL}export/?session={session.pk}"))
    assert [m["message_id"] for m in lines if m["kind"] == "call"] == OWN


def test_a_long_charge_comes_in_pages(charger: Charger, client: Client) -> None:
    session = a_session(charger.connectors.get(connector_id=1))
    for n in range(205):
        a_frame(charger, 1500 - n, action="MeterValues", message_id=f"n{n:03d}")
    first = text_of(client.get(f"/sessions/{session.pk}/frames/"))
    assert first.count(CSS) == 200
    assert "Earlier" not in first
    cursor = first.split('class="pager"')[1].split("?at=")[1].split('"')[0]
    second = text_of(client.get(f"/sessions/{session.pk}/frames/?at={cursor}"))
    assert second.count(CSS) == 5
    assert "n204" in second
    assert "Later" not in second
    back = second.split('class="pager"')[1].split("?at=")[1].split('"')[0]
    assert text_of(client.get(f"/sessions/{session.pk}/frames/?at={back}")).count(CSS) == 200


def test_a_charge_without_frames_says_why(charger: Charger, client: Client) -> None:
    session = a_session(charger.connectors.get(connector_id=1))
    assert "No frame of this charge is kept" in text_of(
        client.get(f"/sessions/{session.pk}/frames/")
    )


def test_an_export_holds_what_the_page_shows_oldest_first_and_no_secret(
    charger: Charger, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_messages, "BATCH", 2)
    for n in range(5):
        a_frame(charger, 20 - n, message_id=f"n{n}")
    a_frame(
        charger,
        9,
        direction="out",
        action="ChangeConfiguration",
        message_id="r1",
        answer=None,
        payload='{"key":"AuthorizationKey","value":"very-secret"}',
    )
    a_frame(
        charger,
        8.9,
        kind="result",
        action="",
        message_id="r1",
        payload='{"status":"Accepted"}',
        answer=None,
    )
    a_frame(
        charger,
        5,
        kind="broken",
        action="",
        message_id="",
        payload="[2,",
        answer="no JSON",
        error="FormationViolation",
    )
    a_frame(a_charger(charger.station), 4, message_id="not-mine")
    response = client.get(f"{URL}export/")
    assert response["Content-Type"] == "application/x-ndjson"
    day = f"{timezone.now():%Y-%m-%d}"
    assert "frames_SJ-01_" in response["Content-Disposition"]
    assert f"_{day}.jsonl" in response["Content-Disposition"]
    lines = streamed(response)
    assert [(m["direction"], m["kind"], m["message_id"]) for m in lines] == [
        *(half for n in range(5) for half in (("in", "call", f"n{n}"), ("out", "result", f"n{n}"))),
        ("out", "call", "r1"),
        ("in", "result", "r1"),
        ("in", "broken", ""),
        ("out", "error", ""),
    ]
    assert lines[10]["payload"] == {"key": "AuthorizationKey", "value": "***"}
    assert lines[11]["action"] == "ChangeConfiguration"
    assert all(m["charge_point_id"] == "SJ-01" for m in lines)
    only = streamed(client.get(f"{URL}export/?dir=out"))
    assert [m["message_id"] for m in only] == ["r1", "r1"]
    assert AuditEntry.objects.filter(action="export_frames").count() == 2


def test_an_export_reads_in_batches_however_long_the_log_is(
    charger: Charger, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_messages, "BATCH", 10)
    for n in range(35):
        a_frame(charger, 100 - n, message_id=f"n{n}")
    response = client.get(f"{URL}export/")
    with CaptureQueriesContext(
        connection,
    ) as read:
        assert len(streamed(response)) == 70
    assert len(read) == 4
    assert all("LIMIT 11" in q["sql"] for q in read)


def test_programs_export_with_the_same_filters(charger: Charger) -> None:
    session = a_story(charger)
    api = Caller(an_admin(charger.station.company, Level.VIEWER))
    path = "chargers/SJ-01/messages/export/"
    found = streamed(api.get(path, session=str(session.pk)).response)
    assert [m["message_id"] for m in found if m["kind"] == "call"] == OWN
    assert {m["action"] for m in streamed(api.get(path, action="Heartbeat").response)} == {
        "Heartbeat"
    }
    assert streamed(api.get(path, to="2020-01-01T00:00:00Z").response) == []
    assert api.get(path, session="999999").status == 404
    assert api.get(path, direction="sideways").status == 400


def test_all_chargers_are_searched_at_once_newest_first(charger: Charger, client: Client) -> None:
    other = a_charger(charger.station, charge_point_id="SJ-02")
    foreign = a_charger(a_station(a_company()), charge_point_id="XX-01")
    a_frame(charger, 30, message_id="one", action="Authorize")
    a_frame(other, 20, message_id="two", direction="out", action="Reset", answer=None)
    a_frame(other, 19, message_id="two", kind="result", action="", payload='{"status":"Accepted"}')
    a_frame(foreign, 15, message_id="not-mine")
    a_frame(charger, 10, message_id="three", error="NotImplemented")
    a_frame(other, 2 * 86_400, message_id="yesterday")

    def told(query: str = "") -> list[str]:
        page = text_of(client.get(f"/frames/{query}"))
        return [part.partition("<")[0] for part in page.split('<span class="mono">')[1:]]

    assert told() == ["three", "two", "one"]
    assert told("?charger=SJ-02") == ["two"]
    assert told("?charger=XX-01") == ["three", "two", "one"]
    assert told("?action=Authorize") == ["one"]
    assert told("?errors=1") == ["three"]
    assert told("?q=accepted") == ["two"]
    assert told("?from=2020-01-01T00:00") == ["three", "two", "one", "yesterday"]
    assert "No frame fits these filters" in text_of(client.get("/frames/?action=Reset&dir=in"))
    assert told("?from=2020-01-01T00:00&q=yesterday") == ["yesterday"]
    cut = text_of(client.get("/frames/?from=2020-01-01T00:00&q=yesterday"))
    assert "Only the last 7 days" in cut
    assert "Only the last" not in text_of(client.get("/frames/?from=2020-01-01T00:00&errors=1"))


def test_pages_of_all_chargers_hold_together(charger: Charger, client: Client) -> None:
    other = a_charger(charger.station, charge_point_id="SJ-02")
    for n in range(70):
        a_frame(charger if n % 2 else other, 600 - n, message_id=f"n{n:02d}")
    first = text_of(client.get("/frames/"))
    assert first.count(CSS) == 50
    older = first.split("at=o")[1].split('"')[0]
    second = text_of(client.get(f"/frames/?at=o{older}"))
    assert second.count(CSS) == 20
    newer = second.split("at=n")[1].split('"')[0]
    again = text_of(client.get(f"/frames/?at=n{newer}"))
    assert again.count(CSS) == 50
    assert "n69" in again


def test_an_admin_of_one_station_searches_only_its_chargers(charger: Charger) -> None:
    company = charger.station.company
    elsewhere = a_charger(a_station(company))
    a_frame(charger, 5, message_id="theirs")
    a_frame(elsewhere, 5, message_id="mine")
    admin = an_admin(company, Level.OPERATOR, all_stations=False)
    elsewhere.station.limited_admins.add(admin)
    page = text_of(signed_in(admin).get("/frames/"))
    assert ">mine<" in page
    assert "theirs" not in page


def test_a_company_without_chargers_and_a_quiet_one_have_their_own_words() -> None:
    nothing = signed_in(an_admin(a_company()))
    assert "No charger yet" in text_of(nothing.get("/frames/"))
    quiet = a_charger(a_station(a_company()))
    page = text_of(signed_in(an_admin(quiet.station.company)).get("/frames/"))
    assert "No frame in the last 24 hours" in page
