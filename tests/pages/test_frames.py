"""The frame log: calls with their answers, filters, live rows, no secrets."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from stations.models import Charger, Frame
from stations.selectors.keyset import Cursor
from tests.factories import a_charger, a_company, a_station, an_admin
from tests.pages.people import signed_in, text_of

pytestmark = pytest.mark.django_db
URL = "/chargers/SJ-01/frames/"


def a_frame(charger: Charger, seconds_ago: float = 1, **fields: Any) -> Frame:
    values: dict[str, Any] = {
        "direction": "in",
        "kind": "call",
        "action": "Heartbeat",
        "message_id": f"m{seconds_ago}",
        "payload": "{}",
        "answer": "{}",
        "answer_after_us": 1200,
    }
    at = timezone.now() - timedelta(seconds=seconds_ago)
    return Frame.objects.create(charger=charger, at=at, **values | fields)


@pytest.fixture
def charger() -> Charger:
    return a_charger(a_station(a_company()), charge_point_id="SJ-01", online=True)


def shown(charger: Charger, query: str = "") -> str:
    return text_of(signed_in(an_admin(charger.station.company)).get(URL + query))


def test_a_call_of_the_charger_opens_to_call_and_answer_with_the_time_taken(
    charger: Charger,
) -> None:
    a_frame(
        charger,
        action="BootNotification",
        payload='{"chargePointVendor":"Autel"}',
        answer='{"status":"Accepted"}',
        answer_after_us=182_000,
    )
    page = shown(charger)
    assert "BootNotification" in page
    assert "&quot;chargePointVendor&quot;: &quot;Autel&quot;" in page
    assert "&quot;status&quot;: &quot;Accepted&quot;" in page
    assert "182 ms" in page


def test_a_call_of_ours_is_shown_with_the_answer_that_came_later_as_one(charger: Charger) -> None:
    a_frame(charger, 10, direction="out", action="Reset", message_id="r1", answer=None)
    a_frame(
        charger, 9.8, kind="result", action="", message_id="r1", payload='{"status":"Rejected"}'
    )
    page = shown(charger)
    assert page.count('class="frame"') == 1
    assert "Rejected" in page


def test_filters_by_action_direction_errors_and_message_id(charger: Charger) -> None:
    a_frame(charger, 5, message_id="aaa")
    a_frame(charger, 4, action="Authorize", message_id="bbb")
    a_frame(charger, 3, direction="out", action="Reset", message_id="ccc", answer=None)
    a_frame(charger, 2, action="Nonsense", error="NotImplemented", message_id="ddd")
    assert shown(charger).count('class="frame"') == 4
    for query, message_id in (
        ("?action=Authorize", "bbb"),
        ("?dir=out", "ccc"),
        ("?errors=1", "ddd"),
        ("?id=aaa", "aaa"),
    ):
        page = shown(charger, query)
        assert page.count('class="frame"') == 1
        assert message_id in page


def test_an_error_of_the_charger_to_our_call_is_found_as_an_error(charger: Charger) -> None:
    a_frame(charger, 10, direction="out", action="Reset", message_id="r1", answer=None)
    a_frame(charger, 9, kind="error", action="", message_id="r1", error="InternalError")
    page = shown(charger, "?errors=1")
    assert page.count('class="frame"') == 1
    assert "Reset" in page
    assert "InternalError" in page


def test_filters_look_back_a_week_unless_asked_for_all(charger: Charger) -> None:
    a_frame(charger, 20 * 86400, action="Authorize")
    page = shown(charger, "?action=Authorize")
    assert "No frame fits these filters" in page
    assert "Search all 90 days" in page
    assert 'class="frame"' in shown(charger, "?action=Authorize&days=all")


def test_broken_frames_and_answers_to_nothing_are_rows_of_their_own(charger: Charger) -> None:
    a_frame(
        charger,
        3,
        kind="broken",
        action="",
        message_id="",
        payload="[2,",
        error="FormationViolation",
    )
    a_frame(charger, 2, kind="result", action="unexpected", message_id="zz", answer=None)
    page = shown(charger)
    assert "Not a frame" in page
    assert "Answer to nothing we asked" in page
    assert "[2," in page


def test_secrets_stay_stars_even_where_the_log_would_hold_them(charger: Charger) -> None:
    a_frame(
        charger,
        payload='{"key":"AuthorizationKey","value":"very-secret"}',
        action="ChangeConfiguration",
    )
    page = shown(charger)
    assert "very-secret" not in page
    assert "***" in page


def test_hostile_text_is_shown_as_text(charger: Charger) -> None:
    a_frame(charger, payload='{"x":"<script>alert(1)</script>"}', action="<b>x</b>")
    page = shown(charger)
    assert "<script>alert" not in page
    assert "<b>x</b>" not in page


def test_a_live_page_asks_for_what_is_newer_and_gets_only_that(charger: Charger) -> None:
    old = a_frame(charger, 10, message_id="old")
    client = signed_in(an_admin(charger.station.company))
    newest = str(Cursor(old.at, old.pk))
    assert client.get(f"{URL}?after={newest}").status_code == 204
    a_frame(charger, 1, message_id="new")
    part = text_of(client.get(f"{URL}?after={newest}"))
    assert "new" in part
    assert ">old<" not in part
    assert 'id="frames-top"' in part
    assert "<html" not in part


def test_older_pages_and_paused_ones_hold_still(charger: Charger) -> None:
    for n in range(60):
        a_frame(charger, n + 1)
    first = shown(charger)
    assert "every 2s" in first
    assert "every 2s" not in shown(charger, "?pause=1")
    cursor = first.split("at=o")[1].split('"')[0]
    older = shown(charger, f"?at=o{cursor}")
    assert older.count('class="frame"') == 10
    assert "every 2s" not in older


def test_an_empty_log_says_what_will_stand_there(charger: Charger) -> None:
    assert "No frame yet" in shown(charger)


def test_frames_of_another_charger_are_not_shown(charger: Charger) -> None:
    other = a_charger(charger.station, charge_point_id="SJ-02")
    a_frame(other, message_id="not-mine")
    assert "not-mine" not in shown(charger)


def test_the_page_asks_little_for_fifty_frames(
    charger: Charger, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(55):
        a_frame(charger, n + 1, direction="out" if n % 3 else "in", message_id=f"m{n}")
    client = signed_in(an_admin(charger.station.company))
    with django_assert_max_num_queries(10):
        client.get(URL)
