"""The figures of documents, without a database: words, check digits, VAT once, shares of lines."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import documents
from billing.documents import Item
from billing.services.buyers import BadBuyer, checked
from billing.thai_words import baht_words, number_words
from tests.documents.sales import ACME, SOMCHAI
from users import tax_ids

RATE = Decimal("0.07")
DIGITS = ["หนึ่ง", "สอง", "สาม", "สี่", "ห้า", "หก", "เจ็ด", "แปด", "เก้า"]


@pytest.mark.parametrize(
    ("satang", "words"),
    [
        (0, "ศูนย์บาทถ้วน"),
        (25, "ศูนย์บาทยี่สิบห้าสตางค์"),
        (1, "ศูนย์บาทหนึ่งสตางค์"),
        (11_00, "สิบเอ็ดบาทถ้วน"),
        (21_00, "ยี่สิบเอ็ดบาทถ้วน"),
        (101_00, "หนึ่งร้อยเอ็ดบาทถ้วน"),
        (165_00, "หนึ่งร้อยหกสิบห้าบาทถ้วน"),
        (330_50, "สามร้อยสามสิบบาทห้าสิบสตางค์"),
        (1_000_001_00, "หนึ่งล้านเอ็ดบาทถ้วน"),
        (21_000_000_21, "ยี่สิบเอ็ดล้านบาทยี่สิบเอ็ดสตางค์"),
    ],
)
def test_a_sum_is_spelt_as_thais_write_it(satang: int, words: str) -> None:
    assert baht_words(satang) == words


def read_back(words: str) -> int:
    """The number that Thai words say: the other way round, so that no two numbers are spelt alike."""
    if "ล้าน" in words:
        high, _, low = words.rpartition("ล้าน")
        return read_back(high) * 1_000_000 + (read_back(low) if low else 0)
    total, digit = 0, 0
    places = {"แสน": 100_000, "หมื่น": 10_000, "พัน": 1_000, "ร้อย": 100, "สิบ": 10}
    known = {word: n for n, word in enumerate(DIGITS, 1)} | {"ยี่": 2, "เอ็ด": 1, "ศูนย์": 0}
    while words:
        for word, value in (known | places).items():
            if words.startswith(word):
                words = words.removeprefix(word)
                if word in places:
                    total, digit = total + (digit or 1) * value, 0
                else:
                    digit = value
                break
        else:
            raise AssertionError(words)
    return total + digit


@given(st.integers(min_value=0, max_value=10**14))
def test_words_say_exactly_their_number(number: int) -> None:
    assert read_back(number_words(number)) == number


def test_the_check_digit_is_that_of_numbers_in_use() -> None:
    """PTT 0107544000108 by hand: 1·12+7·10+5·9+4·8+4·7+1·3 = 190; 190 mod 11 = 3; 11 − 3 = 8."""
    assert tax_ids.is_tax_id("0107544000108")
    assert tax_ids.is_tax_id("0994000165501")
    assert not tax_ids.is_tax_id("0107544000109")
    assert not tax_ids.is_tax_id("0107544000180")
    assert not tax_ids.is_tax_id("0000000000000")
    assert not tax_ids.is_tax_id("๐๑๐๗๕๔๔๐๐๐๑๐๘")
    assert tax_ids.plain("๐-1075-44000 10.8") == "0107544000108"
    assert tax_ids.grouped("0107544000108") == "0 1075 44000 10 8"


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 9))
def test_a_wrong_digit_is_noticed_wherever_the_official_rule_can(
    twelve: str, place: int, change: int
) -> None:
    """The third digit weighs 11, so modulo 11 it weighs nothing; the remainders 0 and 10 both give 1."""
    right = twelve + str(tax_ids.check_digit(twelve))
    mistyped = f"{right[:place]}{(int(right[place]) + change) % 10}{right[place + 1 :]}"
    before, after = (
        sum(int(d) * (13 - n) for n, d in enumerate(t[:12])) % 11 for t in (right, mistyped)
    )
    assert tax_ids.is_tax_id(mistyped) == (place == 2 or {before, after} == {0, 10})


@pytest.mark.parametrize(
    ("total", "vat", "base"),
    [
        (165_00, 10_79, 154_21),
        (330_00, 21_59, 308_41),
        (7_70, 50, 7_20),
        (59_99, 3_92, 56_07),
        (1, 0, 1),
    ],
)
def test_vat_is_split_once_half_up(total: int, vat: int, base: int) -> None:
    """165.00 × 7 ÷ 107 = 10.7943… → 10.79; the rest is the value."""
    sums = documents.summed([an_item(total)], RATE)
    assert (sums.vat, sums.base, sums.total) == (vat, base, total)


def an_item(amount: int) -> Item:
    return Item("ก", "a", Decimal(1), "ครั้ง", "C62", Decimal(amount).scaleb(-2), amount)


def test_lines_share_the_vat_by_largest_remainder() -> None:
    """100.01 + 50.00 = 150.01; VAT 9.8137… → 9.81, value 140.20. Shares of 140.20: 93.4698… and
    46.7301…: cut to 93.46 and 46.73 one satang is left, which goes to the larger rest, the first."""
    sums = documents.summed([an_item(100_01), an_item(50_00)], RATE)
    assert (sums.vat, sums.base) == (9_81, 140_20)
    assert [(line["base"], line["vat"]) for line in sums.lines] == [(93_47, 6_54), (46_73, 3_27)]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=12), st.sampled_from([0, 1, 7, 10]))
def test_lines_always_add_up_to_their_document(amounts: list[int], percent: int) -> None:
    sums = documents.summed([an_item(amount) for amount in amounts], Decimal(percent) / 100)
    assert sum(line["base"] for line in sums.lines) == sums.base
    assert sum(line["vat"] for line in sums.lines) == sums.vat
    assert sums.base + sums.vat == sums.total == sum(amounts)
    assert all(line["base"] >= 0 and line["vat"] >= -1 for line in sums.lines)


def test_what_a_bill_took_less_than_its_lines_stands_as_a_discount() -> None:
    row = {
        "part": "energy",
        "period": "on_peak",
        "quantity": 22_000,
        "unit_price": "7.50",
        "amount": 165_00,
    }
    energy, discount = documents.items_of_bill([row], 164_00)
    assert (energy.name, energy.quantity, energy.unit_code) == (
        "ค่าบริการชาร์จไฟฟ้า On-Peak",
        Decimal(22),
        "KWH",
    )
    assert (discount.name, discount.amount) == ("ส่วนลด", -1_00)
    assert documents.summed([energy, discount], RATE).total == 164_00


def test_numbers_carry_branch_and_buddhist_month() -> None:
    assert documents.number("ABB", "00001", documents.period(date(2026, 11, 30)), 123) == (
        "ABB-00001-256911-000123"
    )


def test_a_buyer_is_kept_as_it_has_to_be_printed() -> None:
    kept = checked(ACME)
    assert (kept["tax_id"], kept["id_scheme"], kept["branch_code"]) == (
        "0107544000108",
        "TXID",
        "00000",
    )
    assert kept["address"]["line"].endswith("จังหวัดตาก 63000")
    person = checked(SOMCHAI)
    assert (person["tax_id"], person["id_scheme"], person["branch_code"]) == ("", "OTHR", "")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "ก" * 161}, "name"),
        ({"address": "-"}, "address"),
        ({"tax_id": ""}, "tax_id"),
        ({"tax_id": "01075440001"}, "tax_id"),
        ({"tax_id": "0107544000109"}, "tax_id"),
        ({"tax_id": "x" * 13}, "tax_id"),
        ({"branch_code": "1"}, "branch_code"),
        ({"postcode": "1234"}, "postcode"),
    ],
)
def test_a_slip_in_the_buyers_data_is_told_beside_its_field(
    wrong: dict[str, str], field: str
) -> None:
    from dataclasses import replace

    with pytest.raises(BadBuyer) as refused:
        checked(replace(ACME, **wrong))  # type: ignore[arg-type]
    assert refused.value.field == field
