"""Curves as numbers: within their box, no peak lost, round moments on the wall."""

from datetime import UTC, datetime, timedelta

import pytest

from evbilling.backoffice import curves
from evbilling.backoffice.moments import LOCAL

pytestmark = pytest.mark.pure
START = datetime(2026, 11, 20, 6, 48, tzinfo=UTC)  # 13:48 in Bangkok


def numbers(line: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in line.split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_a_curve_fills_its_box_from_left_to_right() -> None:
    end = START + timedelta(minutes=40)
    points = [(START + timedelta(minutes=n), 40.0) for n in range(41)]
    found = curves.curve(points, START, end, zone=LOCAL, ceiling=60)
    assert found is not None
    xy = numbers(found.line)
    assert (xy[0][0], xy[-1][0]) == (0, 1000)
    assert all(0 <= y <= 100 for _, y in xy)
    assert found.ceiling is not None
    assert found.ceiling.at == "25.00"  # 60 of 80
    assert [tick.label for tick in found.x_ticks] == ["13:50", "14:00", "14:10", "14:20"]


def test_a_curve_that_has_not_begun_is_not_drawn() -> None:
    assert curves.curve([(START, 1.0)], START, START, zone=LOCAL) is None
    assert curves.curve([], START, START + timedelta(hours=1), zone=LOCAL) is None


def test_thinning_keeps_the_peak_the_first_and_the_last() -> None:
    points = [(START + timedelta(seconds=n), 1.0) for n in range(5000)]
    points[2345] = (points[2345][0], 99.0)
    kept = curves.thin(points)
    assert len(kept) <= curves.MOST_POINTS + 2
    assert max(value for _, value in kept) == 99.0
    assert (kept[0], kept[-1]) == (points[0], points[-1])


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.3, 0.3), (1, 1), (7.4, 8), (60, 60), (61, 80)]
)
def test_the_axis_ends_at_a_round_number_that_holds_the_value(value: float, top: float) -> None:
    assert curves.nice_top(value) == pytest.approx(top)


def test_bands_and_marks_lie_where_their_time_is() -> None:
    end = START + timedelta(hours=1)
    half = START + timedelta(minutes=30)
    found = curves.curve(
        [(START, 0.0), (end, 1.0)],
        START,
        end,
        zone=LOCAL,
        bands=[("on", START, half, "On-Peak"), ("offp", half, end, "Off-Peak")],
        marks=[(half, "14:18")],
    )
    assert found is not None
    assert [(band.x, band.width) for band in found.bands] == [
        ("0.000", "50.000"),
        ("50.000", "50.000"),
    ]
    assert found.marks[0].at == "50.000"
