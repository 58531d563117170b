"""One stylesheet, one script, few kilobytes, and the tokens as they are decided."""

import gzip
import re

import pytest
from django.conf import settings

from evbilling.customer import drawing, styles
from tests.customer.phones import Phone, a_plug

STATIC = settings.BASE_DIR / "static"
BEFORE_USE = 40_000
FIRST_LOAD = 150_000


def weight(path: str) -> int:
    return len(gzip.compress((STATIC / path).read_bytes(), 9))


@pytest.mark.pure
def test_the_stylesheet_holds_exactly_the_tokens_it_uses() -> None:
    source = (styles.CSS / "customer.css").read_text()
    assert styles.built(source, (styles.CSS / "tokens.css").read_text()) == source


@pytest.mark.pure
def test_the_script_is_short_and_needs_no_new_engine() -> None:
    source = (STATIC / "js" / "customer.js").read_text()
    assert len(source.splitlines()) <= 290
    # ES2017: what came later would leave an old phone without its sums.
    assert not re.search(r"\?\.|\?\?|\bBigInt\b|\d_\d|\.flat\(|\.at\(|replaceAll|catch \{", source)


@pytest.mark.django_db
def test_what_stands_before_the_first_use_and_all_that_comes_after_is_light() -> None:
    page = Phone(a_plug(), language="th").get(HTTP_ACCEPT_ENCODING="gzip")
    assert page["Content-Encoding"] == "gzip"
    html = gzip.decompress(page.content).decode()
    assert len(re.findall(r'<link rel="stylesheet"', html)) == 1
    assert len(re.findall(r"<script[^>]* src=", html)) == 1
    first = len(page.content) + weight("css/customer.css") + weight("js/customer.js")
    assert first < BEFORE_USE
    css = (STATIC / "css" / "customer.css").read_text()
    fonts = set(re.findall(r'url\("\.\./(vendor/fonts/[^"]+)"\)', css))
    assert len(fonts) == 5
    assert first + sum((STATIC / font).stat().st_size for font in fonts) < FIRST_LOAD
    assert css.count("font-display: swap") == 5


@pytest.mark.pure
@pytest.mark.parametrize(
    ("kwh", "cells", "each"),
    [(1, 1, 1), (20, 20, 1), (40, 40, 1), (41, 21, 2), (100, 20, 5), (500, 25, 20)],
)
def test_one_cell_for_each_kwh_and_never_more_than_forty(kwh: int, cells: int, each: int) -> None:
    drawn = drawing.cells(500, kwh * 1000, "")
    assert drawn.count('class="cell"') == cells
    assert drawing.kwh_per_cell(kwh * 1000) == each


@pytest.mark.pure
def test_a_cell_fills_as_its_kwh_comes() -> None:
    widths = re.findall(
        r'class="full" x="[\d.]+%" width="([\d.]+)%"', drawing.cells(8_420, 20_000, "")
    )
    assert len(widths) == 9
    assert float(widths[-1]) == pytest.approx(float(widths[0]) * 0.42, abs=0.01)
