"""The ground of papers: Thai that can be read and copied, and the same bytes for the same data."""

from datetime import UTC, datetime

import pytest

from core.pdf import MissingFont, Paper, font_file
from tests.core.papers import pages

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
HARD = "ที่ ปิ่น ฟื้น น้ำ ผู้ ญี่ปุ่น ฝั่ง ปู่"


def a_paper(text: str, at: datetime = AT) -> bytes:
    paper = Paper("Test", at)
    paper.add_page()
    paper.write_at(10, 10, text, size=16)
    paper.write_at(10, 30, text, size=16, style="B")
    paper.tick(10, 50)
    return paper.bytes()


def test_thai_can_be_copied_out_again_alone_and_among_english() -> None:
    for text in (HARD, f"Connector 1 {HARD} (OCPP)"):
        (page,) = pages(a_paper(text))
        assert page.split("\n").count(text) == 2


def test_tone_marks_over_vowels_are_shaped_not_overprinted() -> None:
    """The mark of ที่ stands higher than that of ท่: another glyph, or another place."""
    plain, stacked = a_paper("ท่"), a_paper("ที่")
    paper = Paper("x", AT)
    paper.set_text_shaping(False)
    paper.add_page()
    paper.write_at(10, 10, "ที่", size=16)
    paper.write_at(10, 30, "ที่", size=16, style="B")
    paper.tick(10, 50)
    assert paper.bytes() != stacked
    assert plain != stacked


def test_the_same_data_is_the_same_file_and_another_date_is_not() -> None:
    assert a_paper(HARD) == a_paper(HARD)
    assert a_paper(HARD) != a_paper(HARD, datetime(2026, 11, 21, tzinfo=UTC))


def test_a_font_that_is_not_there_is_said_by_name() -> None:
    with pytest.raises(MissingFont, match=r"vendor/fonts/Nothing\.ttf is missing"):
        font_file("Nothing.ttf")


def test_a_long_thai_word_is_never_broken_between_a_consonant_and_its_marks() -> None:
    paper = Paper("x", AT)
    text = "ที่ปิ่นฟื้นน้ำผู้เปิดเครื่อง" * 5 + " connector"
    lines = paper.lines(text, 25, 12)
    assert len(lines) > 5
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    marks = set("ะัาำิีึืฺุู็่้๊๋์ํ๎")
    assert not any(line[0] in marks or line[-1] in "เแโใไ" for line in lines)
    assert paper.lines("", 25, 12) == []
