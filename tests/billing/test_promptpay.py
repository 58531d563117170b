"""PromptPay codes against those of other people's programs, and what must hold for every code."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.promptpay import (
    MOST,
    BadPayload,
    BadProxy,
    BillPayment,
    Code,
    Kind,
    Slip,
    Transfer,
    check_digit,
    parse,
    parse_slip,
    payload,
    proxy,
)

pytestmark = pytest.mark.pure

SCB_ORDER = ("53", "58", "54")
# Of dtinth/promptpay-qr, jojoee/promptpay and maythiwat/promptparse.
VECTORS = {
    "phone": (
        payload(Transfer.to_phone("0801234567")),
        "00020101021129370016A000000677010111011300668012345675802TH530376463046197",
    ),
    "phone as dialled from abroad": (
        payload(Transfer.to_phone("+66-89-123-4567")),
        "00020101021129370016A000000677010111011300668912345675802TH5303764630429C1",
    ),
    "national id": (
        payload(Transfer.to_id("1-1111-11111-11-1")),
        "00020101021129370016A000000677010111021311111111111115802TH530376463047B5A",
    ),
    "tax id": (
        payload(Transfer.to_id("0123456789012")),
        "00020101021129370016A000000677010111021301234567890125802TH530376463040CBD",
    ),
    "phone and amount": (
        payload(Transfer.to_phone("000-000-0000"), 422),
        "00020101021229370016A000000677010111011300660000000005802TH530376454044.226304E469",
    ),
    "e-wallet and amount": (
        payload(Transfer.to_wallet("004999000288505"), 151575),
        "00020101021229390016A00000067701011103150049990002885055802TH530376454071515.756304522C",
    ),
    "amount, other order": (
        payload(Transfer.to_phone("0812223333"), 3000, order=SCB_ORDER),
        "00020101021229370016A0000006770101110113006681222333353037645802TH540530.0063043CAD",
    ),
    "bill with three references": (
        payload(BillPayment("0112233445566", "CUSTOMER001", "INV001", "SCB"), order=SCB_ORDER),
        "00020101021130620016A000000677010112011301122334455660211CUSTOMER0010306INV001"
        "53037645802TH62070703SCB6304780E",
    ),
    "bill with one reference": (
        payload(BillPayment("099999999999990", "111222333444"), order=SCB_ORDER),
        "00020101021130550016A00000067701011201150999999999999900212111222333444"
        "53037645802TH63043EE7",
    ),
    "bill and amount": (
        payload(BillPayment("099400016550100", "123456789012", "670429"), 364922, order=SCB_ORDER),
        "00020101021230650016A000000677010112011509940001655010002121234567890120306670429"
        "53037645802TH54073649.2263044534",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_codes_are_those_of_other_programs_byte_for_byte(name: str) -> None:
    made, expected = VECTORS[name]
    assert made == expected


def test_each_of_their_codes_can_be_read() -> None:
    read = {name: parse(text) for name, (_, text) in VECTORS.items()}
    assert read["phone"] == Code(Transfer(Kind.PHONE, "0066801234567"))
    assert read["e-wallet and amount"] == Code(
        Transfer(Kind.WALLET, "004999000288505"), 151575, once=True
    )
    assert read["amount, other order"].satang == 3000
    assert read["bill with three references"].payee == BillPayment(
        "0112233445566", "CUSTOMER001", "INV001", "SCB"
    )
    assert read["bill and amount"].satang == 364922


def test_a_bank_account_is_bank_code_and_number() -> None:
    text = payload(Transfer.to_account("014", "123-4-56789-0"), 100)
    assert "04130141234567890" in text
    assert parse(text).payee == Transfer(Kind.ACCOUNT, "0141234567890")


def test_a_slip_names_its_bank_and_transfer() -> None:
    slip = "004100060000010103014022000111222233344ABCD125102TH910417DF"
    assert parse_slip(slip) == Slip("014", "00111222233344ABCD12")
    with pytest.raises(BadPayload, match="damaged"):
        parse_slip(slip.replace("ABCD", "ABCE"))
    with pytest.raises(BadPayload):
        parse_slip(VECTORS["phone"][1])


# --- every code ------------------------------------------------------------------------------------

_alnum = st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)
_maybe = st.just("") | _alnum


def _number(least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(string.digits, min_size=least, max_size=most)


_payees = st.one_of(
    _number(9, 9).map(lambda d: Transfer(Kind.PHONE, f"0066{d}")),
    _number(13, 13).map(lambda d: Transfer(Kind.ID, d)),
    _number(15, 15).map(lambda d: Transfer(Kind.WALLET, d)),
    _number(4, 43).map(lambda d: Transfer(Kind.ACCOUNT, d)),
    st.builds(BillPayment, _number(15, 15), _alnum, _maybe, _maybe),
)
_codes = st.builds(
    Code,
    _payees,
    st.none() | st.integers(1, MOST),
    st.booleans(),
    st.text(string.ascii_letters + " .&", max_size=25),
    st.text(string.ascii_letters, max_size=15),
)


@given(_codes, st.permutations(("53", "54", "58")))
def test_what_is_written_is_read_again(code: Code, order: list[str]) -> None:
    text = payload(
        code.payee, code.satang, once=code.once, name=code.name, city=code.city, order=order
    )
    assert parse(text) == code


@given(_codes, st.data())
def test_one_wrong_character_is_always_noticed(code: Code, data: st.DataObject) -> None:
    text = payload(code.payee, code.satang, once=code.once)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(string.digits + "ABCDEFGHX").filter(lambda c: c != text[at]))
    with pytest.raises(BadPayload):
        parse(text[:at] + other + text[at + 1 :])


@given(st.text(max_size=120))
def test_any_text_is_a_code_or_a_clear_refusal(text: str) -> None:
    with pytest.raises(BadPayload):
        parse(text)
    with pytest.raises(BadPayload):
        parse_slip(text)


@pytest.mark.parametrize("satang", [0, -1, MOST + 1, True])
def test_no_code_asks_for_an_amount_that_cannot_be_paid(satang: int) -> None:
    with pytest.raises(BadPayload) as refused:
        payload(Transfer.to_phone("0801234567"), satang)
    assert refused.value.code == "amount"


@pytest.mark.parametrize(
    ("payee", "code"),
    [
        (Transfer.to_phone("12345"), "payee"),
        (Transfer.to_id("123456789012"), "payee"),
        (Transfer.to_wallet("abc"), "payee"),
        (BillPayment("12", "A"), "payee"),
        (BillPayment("099999999999990", ""), "reference"),
        (BillPayment("099999999999990", "A B"), "reference"),
        (BillPayment("099999999999990", "A", "x" * 21), "reference"),
    ],
)
def test_a_payee_that_no_bank_knows_is_refused(payee: Transfer | BillPayment, code: str) -> None:
    with pytest.raises(BadPayload) as refused:
        payload(payee)
    assert refused.value.code == code


def test_a_name_is_plain_and_short() -> None:
    for name in ("ร้านกาแฟ", "x" * 26):
        with pytest.raises(BadPayload) as refused:
            payload(Transfer.to_phone("0801234567"), name=name)
        assert refused.value.code == "name"


def _crc_again(text: str) -> str:
    """``text`` up to 6304 with the check sum that fits."""
    from billing.promptpay import _sealed

    return _sealed(text, "63")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("00020101021129370016A000000677010111011300668012345675802TH5303840", "currency"),
        ("0002010102115802TH5303764", "not_promptpay"),
        ("00020101021129370016A000000677010114011300668012345675802TH5303764", "not_promptpay"),
        ("01021100020129370016A000000677010111011300668012345675802TH5303764", "format"),
        ("00020101021329370016A000000677010111011300668012345675802TH5303764", "format"),
        ("00020101021129370016A000000677010111011300668012345675802TH530376454041.5x", "amount"),
        ("00020101021129370016A000000677010111011300668012345675802TH530376454040.00", "amount"),
        ("000201000201", "format"),
        (
            "00020129540016A00000067701011101130066801234567021312345678901235802TH5303764",
            "ambiguous",
        ),
    ],
)
def test_a_sound_check_sum_makes_no_promptpay(text: str, code: str) -> None:
    with pytest.raises(BadPayload) as refused:
        parse(_crc_again(text))
    assert refused.value.code == code


# --- what people type ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "0812345678",
        "081-234-5678",
        " 081 234 5678 ",
        "๐๘๑-๒๓๔-๕๖๗๘",
        "812345678",
        "66812345678",
        "+66812345678",
        "+66 (0)81 234 5678",
        "0066812345678",
        "00660812345678",
        "tel:+66812345678",
        "(081) 234.5678",
    ],
)
def test_every_thai_way_to_write_a_mobile_number_is_the_same_number(typed: str) -> None:
    found = proxy(typed)
    assert (found.kind, found.number, found.masked) == (Kind.PHONE, "0812345678", "xxx-xxx-5678")
    assert found.payee.number == "0066812345678"


def test_a_national_id_is_taken_by_its_check_digit() -> None:
    found = proxy("1-1037-02071-81-" + check_digit("110370207181"))
    assert (found.kind, found.number[:12]) == (Kind.ID, "110370207181")
    assert found.masked == f"x-xxxx-xxxxx-81-{found.number[12]}"
    assert found.payee == Transfer(Kind.ID, found.number)


@given(st.text(string.digits, min_size=12, max_size=12), st.data())
def test_one_wrong_digit_of_an_id_is_noticed(first: str, data: st.DataObject) -> None:
    number = first + check_digit(first)
    wrong = str((int(number[12]) + data.draw(st.integers(1, 9))) % 10)
    if not number.startswith("0066"):
        with pytest.raises(BadProxy) as refused:
            proxy(first + wrong)
        assert refused.value.code == "check_digit"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("02 123 4567", "phone"),
        ("0112345678", "phone"),
        ("12345", "number"),
        ("", "number"),
        ("somchai", "number"),
        ("+4915112345678", "number"),
        ("1" * 13, "check_digit"),
        ("²812345678", "number"),
    ],
)
def test_what_is_no_promptpay_number_is_refused(typed: str, code: str) -> None:
    with pytest.raises(BadProxy) as refused:
        proxy(typed)
    assert refused.value.code == code
