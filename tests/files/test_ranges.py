"""Which bytes a request wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evbilling.files.ranges import Span, Unsatisfiable, still_same, wanted

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-99", Span(0, 99)),
        ("bytes=100-", Span(100, 999)),
        ("bytes=-100", Span(900, 999)),
        ("bytes=-5000", Span(0, 999)),
        ("bytes=990-2000", Span(990, 999)),
        ("Bytes = 5-5", Span(5, 5)),
        ("bytes=999-999", Span(999, 999)),
    ],
)
def test_one_range_is_answered_with_its_bytes(header: str, span: Span) -> None:
    assert wanted(header, 1000) == span


@pytest.mark.parametrize(
    "header",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=9-5", "items=0-5"),
        *("bytes=0-1,5-9", "bytes=0x1-5", "bytes=--5", "bytes=1-2-3", "bytes=" + "9" * 300 + "-"),
    ],
)
def test_what_is_no_single_range_is_answered_with_the_whole(header: str) -> None:
    assert wanted(header, 1000) is None


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_had(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        wanted(header, 1000)


@given(st.text(alphabet="bytes=-,0123456789 ", max_size=40), st.integers(1, 10_000))
def test_whatever_is_asked_stays_within_the_file(header: str, size: int) -> None:
    try:
        span = wanted(header, size)
    except Unsatisfiable:
        return
    assert span is None or 0 <= span.first <= span.last < size


def test_a_part_of_another_file_is_not_completed() -> None:
    assert still_same("", '"a"', "Mon")
    assert still_same('"a"', '"a"', "Mon")
    assert still_same("Mon", '"a"', "Mon")
    assert not still_same('"b"', '"a"', "Mon")
    assert not still_same('W/"a"', '"a"', "Mon")
