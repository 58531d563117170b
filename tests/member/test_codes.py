"""One-time codes: what may be asked for, how often, and what is said to whom. Time stands still."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from core.errors import DomainError
from tests.factories import a_company
from tests.member.phones import Outbox
from users.models import CodePurpose, CodeState, OneTimeCode
from users.services import codes
from users.services.codes import Wish

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SIGN_IN = CodePurpose.SIGN_IN


def a_wish(n: int = 0, *, flow: str = "", **fields: Any) -> Wish:
    values: dict[str, Any] = {
        "phone": f"+668{n:08d}",
        "address": f"10.0.{n // 250 % 250}.{n % 250}",
    }
    return Wish(flow=flow or f"flow{n}", **values | fields)


def refused(code: str) -> Any:
    return pytest.raises(DomainError, check=lambda error: error.code == code)


@pytest.fixture
def at() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def test_a_code_has_six_digits_and_the_message_carries_its_letters(at: Any, outbox: Outbox) -> None:
    row = codes.ask(a_wish(12345678, language="en"))
    codes.send(row.pk)
    ((number, text),) = outbox
    assert number == "+66812345678"
    assert f"{codes.digits(row)} is your code (ref {row.reference})" in text
    assert "http" not in text
    assert len(text) <= 160
    assert codes.say("flow12345678", SIGN_IN, codes.digits(row)).pk == row.pk


def test_the_digits_stand_in_no_column_and_no_log(
    at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    row = codes.ask(a_wish())
    digits = codes.digits(row)
    codes.send(row.pk)
    with refused("wrong_code"):
        codes.say("flow0", SIGN_IN, f"{(int(digits) + 1) % 10**6:06d}")
    codes.say("flow0", SIGN_IN, digits)
    assert digits not in [str(value) for value in OneTimeCode.objects.values_list().get()]
    assert digits not in caplog.text


def test_a_code_is_good_once_for_five_minutes_on_the_phone_that_asked(at: Any) -> None:
    row = codes.ask(a_wish())
    with refused("code_over"):
        codes.say("another phone", SIGN_IN, codes.digits(row))
    with refused("code_over"):
        codes.say("flow0", CodePurpose.NEW_NUMBER, codes.digits(row))
    codes.say("flow0", SIGN_IN, codes.digits(row))
    with refused("code_over"):
        codes.say("flow0", SIGN_IN, codes.digits(row))
    late = codes.ask(a_wish(1))
    at.shift(timedelta(minutes=5))
    with refused("code_over"):
        codes.say("flow1", SIGN_IN, codes.digits(late))


def test_five_wrong_tries_end_a_code_even_for_the_right_digits(at: Any) -> None:
    row = codes.ask(a_wish())
    wrong = f"{(int(codes.digits(row)) + 1) % 10**6:06d}"
    for left in (4, 3, 2, 1):
        with pytest.raises(codes.WrongCode) as told:
            codes.say("flow0", SIGN_IN, wrong)
        assert told.value.params["left"] == left
    with refused("code_over"):
        codes.say("flow0", SIGN_IN, wrong)
    with refused("code_over"):
        codes.say("flow0", SIGN_IN, codes.digits(row))


def test_thai_digits_and_spaces_are_digits_too(at: Any) -> None:
    row = codes.ask(a_wish())
    thai = " ".join(chr(ord("๐") + int(d)) for d in codes.digits(row))
    assert codes.say("flow0", SIGN_IN, thai).pk == row.pk


def test_a_new_code_after_a_minute_ends_the_one_before(at: Any) -> None:
    first = codes.ask(a_wish())
    with pytest.raises(codes.TooSoon, check=lambda e: e.params["seconds"] == 61):
        codes.ask(a_wish())
    at.shift(timedelta(seconds=60))
    second = codes.ask(a_wish())
    assert second.reference != first.reference or second.pk != first.pk
    with refused("wrong_code"):
        codes.say("flow0", SIGN_IN, codes.digits(first))
    codes.say("flow0", SIGN_IN, codes.digits(second))


def test_somebody_elses_wish_for_my_number_does_not_end_my_code(at: Any) -> None:
    mine = codes.ask(a_wish())
    at.shift(timedelta(seconds=61))
    codes.ask(a_wish(flow="a stranger's phone"))
    assert codes.say("flow0", SIGN_IN, codes.digits(mine)).pk == mine.pk


def test_a_number_gets_five_codes_an_hour_and_ten_a_day(at: Any) -> None:
    for _hour in range(2):
        for n in range(5):
            codes.ask(a_wish(flow=f"f{n}", address=f"10.1.1.{n}"))
            at.shift(timedelta(seconds=61))
        with refused("too_many_codes"):
            codes.ask(a_wish(address="10.2.2.2"))
        at.shift(timedelta(hours=1))
    with refused("too_many_codes"):
        codes.ask(a_wish())
    at.shift(timedelta(days=1))
    codes.ask(a_wish())


def test_an_address_is_slowed_after_twenty_numbers_and_others_are_not(at: Any) -> None:
    for n in range(20):
        codes.ask(a_wish(n, address="10.0.0.1"))
    with refused("too_many_codes"):
        codes.ask(a_wish(20, address="10.0.0.1"))
    codes.ask(a_wish(20, address="10.0.0.2"))
    at.shift(timedelta(minutes=10))
    codes.ask(a_wish(21, address="10.0.0.1"))


def test_a_flood_from_everywhere_ends_at_the_days_ceiling_and_raises_the_alarm(
    at: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SMS_PER_DAY = 3
    for n in range(3):
        codes.ask(a_wish(n))
    with refused("no_sms"):
        codes.ask(a_wish(3))
    assert "ceiling" in caplog.text
    assert codes.used_today() == 3
    at.shift(timedelta(days=1, seconds=1))
    codes.ask(a_wish(3))


def test_limits_hold_for_numbers_that_nobody_has_too(at: Any, outbox: Outbox) -> None:
    row = codes.ask(a_wish(silent=True))
    codes.send(row.pk)
    assert (row.state, outbox) == (CodeState.SILENT, [])
    with refused("too_soon"):
        codes.ask(a_wish(silent=True))
    with refused("wrong_code"):  # nobody has been told; a lucky guess is a wrong one
        codes.say("flow0", SIGN_IN, codes.digits(row))


@pytest.mark.parametrize("phone", ["+8562055512345", "+12025550123", "+819012345678"])
def test_no_message_goes_abroad(at: Any, phone: str) -> None:
    with refused("foreign_number"):
        codes.ask(a_wish(phone=phone))


def test_without_a_way_to_send_nobody_is_promised_a_code(at: Any, settings: Any) -> None:
    settings.SMS_BACKEND = ""
    with refused("no_sms"):
        codes.ask(a_wish())
    assert not OneTimeCode.objects.exists()


def test_a_message_goes_out_once_however_often_the_job_runs(at: Any, outbox: Outbox) -> None:
    row = codes.ask(a_wish())
    codes.send(row.pk)
    codes.send(row.pk)
    codes.send_due()
    assert len(outbox) == 1


def test_what_the_queue_lost_the_sweep_sends_but_never_late(at: Any, outbox: Outbox) -> None:
    codes.ask(a_wish(0))
    assert codes.send_due() == 1 == len(outbox)
    codes.ask(a_wish(1))
    at.shift(timedelta(minutes=6))
    codes.send_due()
    assert len(outbox) == 1
    assert OneTimeCode.objects.filter(state=CodeState.FAILED, failure="too_late").count() == 1


def test_a_failed_message_is_said_and_a_sender_that_died_on_the_way_too(
    at: Any, outbox: Outbox
) -> None:
    outbox.failing = "no_credit"
    row = codes.ask(a_wish(0))
    codes.send(row.pk)
    row.refresh_from_db()
    assert (row.state, row.failure, codes.failed(row)) == (CodeState.FAILED, "no_credit", True)
    nobody = codes.ask(a_wish(1, silent=True))
    assert codes.failed(nobody)  # while messages fail they fail for all
    dead = codes.ask(a_wish(2))
    OneTimeCode.objects.filter(pk=dead.pk).update(state=CodeState.SENDING)
    at.shift(timedelta(seconds=31))
    codes.send_due()
    dead.refresh_from_db()
    assert (dead.state, dead.failure) == (CodeState.FAILED, "lost")


def test_two_companies_do_not_share_a_code(at: Any) -> None:
    one, two = a_company(), a_company()
    first = codes.ask(a_wish(0, company=one, flow="f"))
    at.shift(timedelta(seconds=1))
    second = codes.ask(a_wish(1, company=two, flow="f"))
    assert codes.digits(first) != codes.digits(second)
    assert codes.say("f", SIGN_IN, codes.digits(second)).company == two
