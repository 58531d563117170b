"""Who belongs in a charger's list of cards, and the messages that make it so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations import cardlist
from stations.cardlist import Candidate

pytestmark = pytest.mark.pure
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
POSTPAID: dict[str, Any] = {"prepaid": False, "spendable": 50_000}


def said(card: Candidate, credit: int = 0) -> str:
    found = cardlist.entry(card, credit, NOW)
    return found["status"] if found else "out"


@pytest.mark.parametrize(
    ("fields", "credit", "expected"),
    [
        (POSTPAID, 0, "Accepted"),
        (POSTPAID | {"spendable": 0}, 0, "out"),  # the credit is used up
        (POSTPAID | {"spendable": 0}, 100_00, "out"),  # what is lent is for prepaid cards
        (POSTPAID | {"blocked": True}, 0, "Blocked"),
        (POSTPAID | {"blocked": True, "spendable": -5}, 0, "Blocked"),
        (POSTPAID | {"expires_at": NOW}, 0, "out"),
        (POSTPAID | {"expires_at": NOW + timedelta(seconds=1)}, 0, "Accepted"),
        ({"spendable": 500_00}, 0, "out"),  # prepaid cards stay out …
        ({"spendable": 500_00}, 1, "Accepted"),  # … unless the station lends them something
        ({"spendable": 0}, 50_00, "Accepted"),
        ({"spendable": -49_99}, 50_00, "Accepted"),
        ({"spendable": -50_00}, 50_00, "out"),  # what was lent is used up
        ({"spendable": 500_00, "blocked": True}, 0, "out"),
        ({"spendable": 500_00, "blocked": True}, 50_00, "Blocked"),
    ],
)
def test_who_is_in_the_list(fields: dict[str, Any], credit: int, expected: str) -> None:
    assert said(Candidate("A", **fields), credit) == expected


def test_an_entry_says_its_end_and_its_group() -> None:
    card = Candidate("A", "FAMILY", NOW + timedelta(days=1), **POSTPAID)
    assert cardlist.entry(card, 0, NOW) == {
        "status": "Accepted",
        "expiryDate": "2026-11-21T12:00:00.000Z",
        "parentIdTag": "FAMILY",
    }


def test_where_there_is_little_room_those_stay_who_may_charge_and_charged_last() -> None:
    cards = [
        Candidate("NEVER", **POSTPAID),
        Candidate("LONG", last_used=NOW - timedelta(days=90), **POSTPAID),
        Candidate("LATELY", last_used=NOW - timedelta(days=1), **POSTPAID),
        Candidate("STOLEN", blocked=True, last_used=NOW, **POSTPAID),
    ]
    assert list(cardlist.wanted(cards, 0, NOW, 2)[0]) == ["LATELY", "LONG"]
    assert cardlist.wanted(cards, 0, NOW, 2)[1] == 2
    assert list(cardlist.wanted(cards, 0, NOW, None)[0]) == ["LATELY", "LONG", "NEVER", "STOLEN"]


def test_a_difference_removes_first_and_repeats_nothing() -> None:
    ok, no = {"status": "Accepted"}, {"status": "Blocked"}
    held = {"GONE": ok, "SAME": ok, "OTHER": ok}
    new = {"NEW": ok, "SAME": ok, "OTHER": no}
    assert cardlist.difference(held, new) == [
        {"idTag": "GONE"},
        {"idTag": "NEW", "idTagInfo": ok},
        {"idTag": "OTHER", "idTagInfo": no},
    ]
    assert cardlist.difference(new, new) == []


_lists = st.dictionaries(
    st.sampled_from("ABCDEFGHIJ"),
    st.sampled_from([{"status": "Accepted"}, {"status": "Blocked"}]),
)


@given(held=_lists, new=_lists, size=st.integers(1, 4))
def test_parts_of_a_difference_lead_from_any_list_to_any_other(
    held: cardlist.Entries, new: cardlist.Entries, size: int
) -> None:
    for _ in range(len(held) + len(new) + 1):
        items = cardlist.difference(held, new)
        if not items:
            break
        held = cardlist.applied(held, items[:size], full=False)
    assert held == new


@given(held=_lists, new=_lists)
def test_a_whole_list_forgets_what_was_before(
    held: cardlist.Entries, new: cardlist.Entries
) -> None:
    assert cardlist.applied(held, cardlist.everything(new), full=True) == new
