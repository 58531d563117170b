"""What a message looks like in LINE: every kind, both languages, within LINE's limits."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from tests.line.samples import BILLED, PAYLOADS, VARIANTS
from users.messages import flex, texts
from users.messages.said import Said

pytestmark = pytest.mark.pure
URL = "https://charge.example.co.th"


def said(kind: str, payload: dict[str, Any], language: str = "en") -> Said:
    with translation.override(language):
        return texts.KINDS[kind].words(payload)


def texts_in(node: Any) -> list[str]:
    """Everything a person reads in a Flex message."""
    if isinstance(node, list):
        return [text for each in node for text in texts_in(each)]
    if not isinstance(node, dict):
        return []
    own = [str(node[key]) for key in ("text", "label", "altText") if key in node]
    return own + [text for each in node.values() for text in texts_in(each)]


def test_every_kind_has_a_sample_here() -> None:
    assert set(PAYLOADS) == set(texts.KINDS)


@pytest.mark.parametrize("language", ["th", "en"])
@pytest.mark.parametrize(("kind", "payload"), VARIANTS)
def test_every_kind_is_within_the_limits_of_line(
    kind: str, payload: dict[str, Any], language: str
) -> None:
    words = said(kind, payload, language)
    made = flex.message(words, URL, "บริษัท สุขใจ มาร์เก็ต จำกัด")
    assert made["altText"] == words.sentence
    assert len(json.dumps(made, ensure_ascii=False).encode()) < 4_000
    assert len(words.button) <= flex.MOST_LABEL
    everything = texts_in(made)
    assert all(everything)
    assert not [text for text in everything if "%(" in text or "None" in text]


@given(st.text(max_size=3_000), st.text(max_size=900))
def test_no_name_of_a_place_makes_a_message_that_line_refuses(station: str, charger: str) -> None:
    payload = {**BILLED, "station": station, "charger": charger}
    made = flex.message(said("session_billed", payload), URL, station)
    assert 0 < len(made["altText"]) <= flex.MOST_ALT
    assert all(texts_in(made["contents"]["body"]))


def test_what_would_be_refused_is_an_error_of_ours() -> None:
    long = Said(sentence="x", title="t", link="/" + "a" * 1_000, button="b")
    with pytest.raises(flex.TooLarge, match="button"):
        flex.message(long, URL, "")
    with pytest.raises(flex.TooLarge, match="bubble"):
        flex.message(Said(sentence="x", title="t" * 40_000), URL, "")


def test_the_end_of_a_charge_says_energy_time_money_refund_and_leads_to_the_receipt() -> None:
    made = flex.message(said("session_billed", BILLED), URL, "Sukjai Market")
    read = texts_in(made["contents"])
    assert "Sukjai Market" in read
    assert "17.36 kWh" in read  # 17.364 is cut, never rounded up
    assert "20:42–21:05 · 23 min" in read
    assert "฿133.67" in read
    assert "฿20.33" in read
    button = made["contents"]["footer"]["contents"][0]["action"]
    assert button == {"type": "uri", "label": "Open the receipt", "uri": URL + BILLED["link"]}


def test_a_fault_is_said_first_and_that_only_the_energy_is_paid() -> None:
    words = said("session_billed", {**BILLED, "fault": True, "refund": None})
    assert words.title == "Stopped by a fault"
    assert words.sentence.startswith("The charger at ตลาดสุขใจ บางนา stopped because of a fault")
    assert words.note == "You pay only for what came into the car."


def test_the_penalty_is_named_with_its_time_and_price() -> None:
    words = said("grace_ending", PAYLOADS["grace_ending"])
    assert words.title == "Move the car before 21:20"
    assert "(in 10 minutes)" in words.sentence
    assert "฿3.00 per minute" in words.sentence


def test_years_are_buddhist_in_thai_only() -> None:
    assert "15 Dec 2026" in said("statement_issued", PAYLOADS["statement_issued"]).sentence
    rows = said("statement_issued", PAYLOADS["statement_issued"], "th").rows
    assert rows[-1].value == "15 ธ.ค. 2569"


def test_amounts_are_the_amounts_of_the_payload_to_the_satang() -> None:
    for kind in ("refund_done", "refund_link", "money_back", "statement_due"):
        amount = Decimal(PAYLOADS[kind]["amount"])
        assert f"{amount:,.2f} baht" in said(kind, PAYLOADS[kind]).sentence
        assert said(kind, PAYLOADS[kind]).figure == f"฿{amount:,.2f}"
