"""Every way Thais write a telephone number becomes the same one."""

import pytest

from users.services import phones

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    "written",
    [
        "0812345678",
        "081-234-5678",
        "081 234 5678",
        " (081) 234.5678 ",
        "๐๘๑๒๓๔๕๖๗๘",
        "๐๘๑-๒๓๔-๕๖๗๘",
        "+66812345678",
        "+66 81 234 5678",
        "+66 (0) 81-234-5678",
        "66812345678",
        "0066812345678",
        "00660812345678",
        "812345678",
        "tel:+66812345678",
        "081\u200b234\u00a05678",
        "081–234–5678",
    ],
)
def test_every_thai_form_is_the_same_number(written: str) -> None:
    assert phones.normalise(written) == "+66812345678"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0612345678", "+66612345678"),
        ("0912345678", "+66912345678"),
        ("0681234567", "+66681234567"),
        ("+65 9123 4567", "+6591234567"),
        ("006591234567", "+6591234567"),
    ],
)
def test_other_mobiles_and_visitors_are_welcome(written: str, number: str) -> None:
    assert phones.normalise(written) == number


@pytest.mark.parametrize("written", ["021234567", "+6621234567", "053-123-456", "1800123456"])
def test_a_line_without_messages_is_refused(written: str) -> None:
    with pytest.raises(phones.BadPhone) as refused:
        phones.normalise(written)
    assert (refused.value.code, refused.value.field) == ("not_mobile", "phone")


@pytest.mark.parametrize(
    "written",
    ["", " ", "abc", "081234567", "08123456789", "0512345678", "+", "0812345678 ต่อ 2", "1" * 40],
)
def test_what_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(phones.BadPhone) as refused:
        phones.normalise(written)
    assert refused.value.code == "bad_phone"


def test_a_number_is_shown_as_its_country_writes_it() -> None:
    assert phones.national("+66812345678") == "081 234 5678"
    assert phones.national("+6591234567") == "+65 9123 4567"
