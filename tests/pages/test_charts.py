"""Small pictures: their numbers."""

import re

import pytest

from evbilling import charts, qr
from evbilling.charts import Bar

pytestmark = pytest.mark.pure


def widths(svg: str) -> list[str]:
    return re.findall(r'width="([\d.]+%)"', svg)


def test_a_load_bar_is_as_long_as_the_power_and_never_longer_than_its_scale() -> None:
    assert widths(charts.load_bar(30_000, 120_000, None, "chg", "x")) == ["100%", "25.0%"]
    assert widths(charts.load_bar(200_000, 120_000, None, "chg", "x")) == ["100%", "100.0%"]
    assert widths(charts.load_bar(5, 0, None, "chg", "x")) == ["100%", "0.0%"]


def test_the_tick_stands_at_the_limit_and_is_left_out_at_the_end_of_the_scale() -> None:
    assert 'class="tick" x="90.0%"' in charts.load_bar(0, 100, 90, "chg", "x")
    assert "tick" not in charts.load_bar(0, 100, 100, "chg", "x")


def test_the_words_of_a_bar_cannot_break_out_of_it() -> None:
    assert 'aria-label="&lt;b&gt;"' in charts.load_bar(1, 2, None, "chg", "<b>")


@pytest.mark.parametrize(
    ("wh", "target", "tenths"),
    [
        (0, 3_000, [0, 0, 0]),
        (1_500, 3_000, [10, 5, 0]),
        (3_000, 3_000, [10, 10, 10]),
        (1_999, 2_500, [10, 9, 0]),  # what is shown has been delivered
        (4_000, 3_000, [10, 10, 10, 10]),  # beyond what was bought
        (400, None, [4] + [0] * 9),  # open-ended: the next ten
        (12_000, None, [10] * 12 + [0] * 8),
    ],
)
def test_cells_fill_one_by_one(wh: int, target: int | None, tenths: list[int]) -> None:
    assert charts.cells_of(wh, target) == tenths


def test_a_large_charge_takes_more_than_a_kwh_to_a_cell() -> None:
    found = charts.cells_of(50_000, 100_000)
    assert len(found) <= charts.MOST_CELLS
    assert sum(found) == pytest.approx(len(found) * 5, abs=5)


def test_bars_stand_on_the_ground_the_tallest_fills_the_height_and_the_last_still_grows() -> None:
    drawn = charts.bars(
        [Bar("00:00", 0), Bar("01:00", 50), Bar("02:00", 100, True)], ["0", "1", "2"]
    )
    assert re.findall(r'y="([\d.]+)%" width="[\d.]+%" height="([\d.]+)%"', drawn) == [
        ("100.0", "0.0"),
        ("50.0", "50.0"),
        ("0.0", "100.0"),
    ]
    assert drawn.count('class="bar now"') == 1
    assert "<title>02:00 2</title>" in drawn


def test_no_bars_are_drawn_of_nothing() -> None:
    assert charts.bars([], []).count("<g>") == 0
    assert "NaN" not in charts.bars([Bar("a", 0)], ["0"])


@pytest.mark.parametrize(
    ("value", "before", "words"),
    [
        (108, 100, "+8 %"),
        (97, 100, "−3 %"),
        (100, 100, "same"),
        (5, 0, ""),
        (3_000, 10, "+29,900 %"),
    ],
)
def test_a_change_is_a_percentage_of_what_was(value: int, before: int, words: str) -> None:
    from django.utils.translation import override

    with override("en"):
        assert charts.change(value, before) == words


def test_a_qr_code_is_one_path_without_styles() -> None:
    drawn = qr.svg("otpauth://totp/evbilling:a?secret=ABC", "<for the app>")
    assert "style" not in drawn
    assert 'aria-label="&lt;for the app&gt;"' in drawn
    assert re.search(r'viewBox="0 0 (\d+) \1"', drawn)
    # the three corner marks: seven dark modules, after the quiet zone
    assert "M4 4h7v1h-7z" in drawn
