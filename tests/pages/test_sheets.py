"""QR sheets: what hangs on the wall leads to the right plug and says who gets the money."""

import io
import re
import zlib

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from PIL import Image

from evbilling import qr
from evbilling.sheets import pdf, svg
from evbilling.sheets.layout import Paper, Sticker, sheets
from evbilling.sheets.shapes import Code, Sheet, Text
from stations.models import Charger
from tests.core.papers import pages
from tests.factories import a_charger, a_company, a_station, an_admin
from tests.pages.people import signed_in

PLAIN = Sticker(
    charger="SJ-01",
    connector=2,
    plug="CCS2",
    power="60",
    station="Suksan Market",
    station_th="ตลาดสุขใจ",
    payee="บริษัท สุขใจ พลังงาน จำกัด",
    url="https://ev.example.co.th/c/7KQ4MXBZ3W",
)


def words_of(sheet: Sheet) -> list[str]:
    return [shape.text for shape in sheet.shapes if isinstance(shape, Text)]


@pytest.mark.pure
def test_a_sheet_says_where_it_leads_and_who_gets_the_money() -> None:
    (sheet,) = sheets([PLAIN], Paper.A6, "en")
    words = words_of(sheet)
    assert "ev.example.co.th/c/7KQ4MXBZ3W" in words
    assert any("บริษัท สุขใจ พลังงาน จำกัด" in word for word in words)
    assert any("ev.example.co.th?" in word for word in words)
    assert "SJ-01 · Plug 2" in words
    (code,) = [shape for shape in sheet.shapes if isinstance(shape, Code)]
    assert code.modules == qr.matrix(PLAIN.url, qr.PAPER)


@pytest.mark.pure
def test_nothing_of_a_sheet_lies_outside_its_paper_however_long_the_names() -> None:
    long = Sticker(
        "C" * 48, 1, "Type 2", "22", "S" * 120, "ก" * 120, "P" * 160, f"https://{'h' * 60}.th/c/X"
    )
    for paper in Paper:
        for sheet in sheets([long, PLAIN], paper, "th"):
            drawn = svg.drawn(sheet).decode()
            texts = re.findall(r'<path aria-label[^>]* d="([^"]*)"', drawn)
            at = [float(n) for d in texts for n in re.findall(r"-?\d+\.\d+", d)]
            assert min(at) >= 0
            assert max(at[::2]) <= sheet.width
            assert max(at[1::2]) <= sheet.height


@pytest.mark.pure
def test_five_stickers_are_five_pages_or_two_to_cut() -> None:
    five = [PLAIN] * 5
    assert [s.width for s in sheets(five, Paper.A6, "th")] == [105] * 5
    assert [s.width for s in sheets(five, Paper.A4, "th")] == [210] * 5
    four, rest = sheets(five, Paper.FOUR, "th")
    assert sum(isinstance(shape, Code) for shape in four.shapes) == 4
    assert sum(isinstance(shape, Code) for shape in rest.shapes) == 1


def test_the_paper_holds_the_words_and_is_the_same_each_time() -> None:
    drawn = sheets([PLAIN, PLAIN], Paper.A4, "th")
    made = pdf.drawn(drawn, "qr", "th")
    assert made == pdf.drawn(drawn, "qr", "th")
    first, second = pages(made)
    assert "ev.example.co.th/c/7KQ4MXBZ3W" in first
    assert second == first


@pytest.mark.pure
def test_a_tone_mark_over_a_vowel_stands_higher_on_both_papers() -> None:
    """ที่ against ท่: unshaped, the mark of ที่ lies in the vowel and cannot be seen."""

    def drawn(word: str) -> Sheet:
        return Sheet("x", 105, 148, (Text(10, 20, word, 9, bold=True),))

    def top(word: str) -> float:
        found = re.findall(r"[ML]\S+ (\S+?)(?=[A-Z])", svg.drawn(drawn(word)).decode())
        return min(float(y) for y in found)

    assert top("ที่") < top("ที") < top("ท")
    (page, *_) = re.findall(
        rb"stream\n(.*?)\nendstream", pdf.drawn([drawn("ที่")], "x", "th"), re.DOTALL
    )
    assert zlib.decompress(page).count(b" Tm (") == 2  # each mark is placed by itself


@pytest.mark.pure
def test_a_code_as_png_is_what_was_asked_for_pixel_by_pixel() -> None:
    text = "00020101021129370016A000000677010111011300668012345675802TH530376463046197"
    picture = Image.open(io.BytesIO(qr.png(text)))
    modules = qr.matrix(text)
    scale = picture.width // len(modules)
    assert picture.size == (scale * len(modules),) * 2
    assert picture.width >= qr.PNG_PIXELS
    read = [
        [picture.getpixel((x * scale + scale // 2, y * scale + scale // 2)) == 0 for x in range(n)]
        for y, n in enumerate([len(modules)] * len(modules))
    ]
    assert read == modules
    assert not any(list(modules[0]) + list(modules[3]))  # the quiet zone is white


def test_a_picture_that_the_phone_has_is_not_sent_again() -> None:
    ask = RequestFactory()
    first = qr.image(ask.get("/"), "x", "svg", label="<Pay>")
    assert b"&lt;Pay&gt;" in first.content
    assert "private" in first["Cache-Control"]
    again = qr.image(
        ask.get("/", headers={"if-none-match": first["ETag"]}), "x", "svg", label="<Pay>"
    )
    assert (again.status_code, again.content) == (304, b"")
    kept = qr.image(ask.get("/"), "x", "png", save_as="pay-7")
    assert kept["Content-Disposition"] == 'attachment; filename="pay-7.png"'


@pytest.fixture
def charger() -> Charger:
    return a_charger(a_station(a_company()), connectors=2)


@pytest.fixture
def client(charger: Charger) -> Client:
    return signed_in(an_admin(charger.station.company, "viewer"), "en")


@pytest.mark.django_db
def test_a_charger_has_a_sheet_for_each_plug(client: Client, charger: Charger) -> None:
    page = client.get(reverse("charger-sheets", args=[charger.charge_point_id]))
    told = page.content.decode()
    assert "Print 2 sheets (PDF)" in told
    for connector in charger.connectors.all():
        assert connector.code in told
        found = client.get(
            reverse("charger-sheet-svg", args=[charger.charge_point_id, connector.connector_id])
        )
        assert found["Content-Type"] == "image/svg+xml"
        assert f"/c/{connector.code}" in found.content.decode()
    missing = client.get(reverse("charger-sheet-svg", args=[charger.charge_point_id, 7]))
    assert missing.status_code == 404


@pytest.mark.django_db
def test_a_station_prints_all_its_plugs_at_once(client: Client, charger: Charger) -> None:
    station = charger.station
    a_charger(station)
    address = reverse("station-sheets-pdf", args=[station.pk])
    made = client.get(f"{address}?paper=a4&language=en")
    told = pages(made.content)
    assert len(told) == 3
    assert station.tax_entity is not None
    payee = station.tax_entity.name
    assert all("Scan to charge" in page and payee in page for page in told)
    assert client.get(reverse("station-sheets", args=[station.pk])).status_code == 200
    empty = a_station(station.company)
    assert client.get(reverse("station-sheets-pdf", args=[empty.pk])).status_code == 404
    assert (
        "No plug heard of yet"
        in client.get(reverse("station-sheets", args=[empty.pk])).content.decode()
    )
