"""Pages by key: stable while rows come, the same both ways, calm about nonsense."""

from datetime import UTC, datetime, timedelta

import pytest

from core.models import AuditEntry
from stations.selectors import keyset
from stations.selectors.keyset import Cursor

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def rows(n: int, *, same_moment: bool = False) -> list[int]:
    made = [
        AuditEntry.objects.create(
            actor_kind="x", action="x", at=START if same_moment else START + timedelta(seconds=k)
        )
        for k in range(n)
    ]
    return [row.pk for row in reversed(made)]


def page(cursor: str = "", size: int = 3) -> keyset.Page[AuditEntry]:
    return keyset.page(AuditEntry.objects.all(), "at", keyset.parse(cursor), size)


def keys(found: keyset.Page[AuditEntry]) -> list[int]:
    return [row.pk for row in found.rows]


@pytest.mark.django_db
@pytest.mark.parametrize("same_moment", [False, True])
def test_pages_follow_each_other_and_lead_back(same_moment: bool) -> None:
    wanted = rows(8, same_moment=same_moment)
    first = page()
    second = page(first.older)
    third = page(second.older)
    assert keys(first) + keys(second) + keys(third) == wanted
    assert (first.newer, third.older) == ("", "")
    assert keys(page(third.newer)) == keys(second)
    assert keys(page(second.newer)) == keys(first)
    assert page(second.newer).newer == ""


@pytest.mark.django_db
def test_a_page_stays_the_same_while_new_rows_come() -> None:
    rows(6)
    second = page(page().older)
    AuditEntry.objects.create(actor_kind="x", action="x", at=START + timedelta(hours=1))
    assert keys(page(page().older)) != keys(second)  # the first page moved on
    assert keys(page(str(Cursor(second.rows[0].at + timedelta(seconds=1), 0)))) == keys(second)


@pytest.mark.django_db
def test_nothing_is_one_empty_page() -> None:
    assert page() == keyset.Page([])


def test_a_cursor_survives_the_url() -> None:
    cursor = Cursor(START + timedelta(microseconds=7), 42, newer=True)
    assert keyset.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "x", "o", "o1", "o1-", "o-1", "oa-1", "o1-b", "o" + "9" * 40 + "-1"]
)
def test_a_cursor_that_is_none_means_the_first_page(text: str) -> None:
    assert keyset.parse(text) is None
