"""Which phone speaks for which charge."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core.audit import Actor
from core.errors import Conflict
from stations.models import Authorisation, Connector, TapMode, Visit, VisitStage
from stations.selectors import visits as reads
from stations.services import visits
from tests.customer.phones import a_member, a_plug, plug_in, refused, start, tap, tapped_and_started
from tests.factories import a_connector

pytestmark = pytest.mark.django_db
SOMEBODY = Actor("visitor", "abc")
MINE, THEIRS = "m" * 43, "t" * 43


def visit_of(connector: Connector, visitor: str) -> Visit:
    return Visit.objects.get(connector=connector, visitor=visitor)


def test_the_one_phone_that_waits_speaks_for_the_charge() -> None:
    plug = a_plug()
    visits.wait(plug, MINE)
    session = tapped_and_started(plug, a_member(plug))
    mine = visit_of(plug, MINE)
    assert (mine.stage, mine.session_id) == (VisitStage.BOUND, session.pk)


def test_of_two_phones_that_wait_none_is_bound() -> None:
    plug = a_plug()
    visits.wait(plug, MINE)
    visits.wait(plug, THEIRS)
    tapped_and_started(plug, a_member(plug))
    assert not Visit.objects.filter(stage=VisitStage.BOUND).exists()


def test_a_phone_that_waited_too_long_is_not_bound() -> None:
    plug = a_plug()
    visits.wait(plug, MINE)
    with time_machine.travel(timezone.now() + timedelta(minutes=4)):
        tapped_and_started(plug, a_member(plug))
    assert visit_of(plug, MINE).stage == VisitStage.WAITING


def test_a_phone_recognised_by_one_card_is_not_bound_to_the_charge_of_another() -> None:
    plug = a_plug(tap_mode=TapMode.CONFIRM_FIRST)
    visits.wait(plug, MINE)
    tap(plug, a_member(plug))
    other = a_member(plug)
    assert tap(plug, other).status == "Accepted"
    start(plug, other)
    assert visit_of(plug, MINE).stage == VisitStage.RECOGNISED


def test_confirm_first_answers_invalid_once_and_knows_the_card() -> None:
    plug = a_plug(tap_mode=TapMode.CONFIRM_FIRST)
    card = a_member(plug)
    visits.wait(plug, MINE)
    assert tap(plug, card).status == "Invalid"
    mine = visit_of(plug, MINE)
    assert (mine.stage, mine.card_id) == (VisitStage.RECOGNISED, card.pk)
    assert mine.waiting_until > timezone.now() + timedelta(minutes=4)
    assert tap(plug, card).status == "Accepted"


def test_confirm_first_without_a_page_lets_the_card_start() -> None:
    plug = a_plug(tap_mode=TapMode.CONFIRM_FIRST)
    assert tap(plug, a_member(plug)).status == "Accepted"


def test_confirm_first_with_two_phones_asks_both_whose_card_it_was() -> None:
    plug = a_plug(tap_mode=TapMode.CONFIRM_FIRST)
    card = a_member(plug, id_tag="04AABB7993")
    visits.wait(plug, MINE)
    visits.wait(plug, THEIRS)
    assert tap(plug, card).status == "Invalid"
    assert {v.stage for v in Visit.objects.all()} == {VisitStage.WAITING}
    with pytest.raises(visits.WrongDigits):
        visits.claim_tap(visit_of(plug, THEIRS), "0000", actor=SOMEBODY)
    visits.claim_tap(visit_of(plug, MINE), "7993", actor=SOMEBODY)
    assert visit_of(plug, MINE).stage == VisitStage.RECOGNISED
    assert visit_of(plug, THEIRS).waiting_until <= timezone.now()
    with pytest.raises(Conflict):
        visits.claim_tap(visit_of(plug, THEIRS), "7993", actor=SOMEBODY)


def test_of_two_plugs_the_page_where_a_car_is_plugged_in_is_meant() -> None:
    first = a_plug(tap_mode=TapMode.CONFIRM_FIRST)
    second = a_connector(first.charger, 2)
    plug_in(second)
    visits.wait(first, MINE)
    visits.wait(second, THEIRS)
    tap(first, a_member(first))
    assert visit_of(first, MINE).stage == VisitStage.WAITING
    assert visit_of(second, THEIRS).stage == VisitStage.RECOGNISED


def test_a_page_that_waits_learns_why_the_charger_said_no() -> None:
    plug = a_plug()
    visits.wait(plug, MINE)
    assert tap(plug, a_member(plug, 0)).status == "Blocked"
    found = reads.refused_tap(visit_of(plug, MINE))
    assert found is not None
    assert found.reason == "no_money"


def test_a_page_that_waits_learns_of_a_start_that_was_refused() -> None:
    plug = a_plug()
    visits.wait(plug, MINE)
    start(plug, a_member(plug, 0))
    found = reads.refused_tap(visit_of(plug, MINE))
    assert found is not None
    assert found.reason == "Blocked"


def test_of_two_pages_that_wait_none_learns_of_a_refused_card() -> None:
    plug = a_plug()
    visits.wait(plug, MINE)
    visits.wait(plug, THEIRS)
    tap(plug, a_member(plug, 0))
    assert reads.refused_tap(visit_of(plug, MINE)) is None


def test_the_last_four_characters_bind_a_phone_whatever_their_case_and_spaces() -> None:
    plug = a_plug()
    session = tapped_and_started(plug, a_member(plug, id_tag="04aabb7e9f"))
    visits.claim_session(session, MINE, " 7e 9F", actor=SOMEBODY)
    assert visit_of(plug, MINE).session_id == session.pk


def test_five_wrong_tries_lock_the_charge_for_a_quarter_of_an_hour_for_every_phone() -> None:
    plug = a_plug()
    session = tapped_and_started(plug, a_member(plug, id_tag="04AABB7993"))
    for n in range(4):
        with pytest.raises(visits.WrongDigits) as no:
            visits.claim_session(session, MINE, "0000", actor=SOMEBODY)
        assert no.value.params["left"] == 4 - n
    with pytest.raises(visits.TriesUsedUp):
        visits.claim_session(session, MINE, "0000", actor=SOMEBODY)
    with pytest.raises(visits.TriesUsedUp):
        visits.claim_session(session, THEIRS, "7993", actor=SOMEBODY)
    assert refused("claim") == 5
    assert refused("claim_locked") == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        visits.claim_session(session, THEIRS, "7993", actor=SOMEBODY)
    assert visit_of(plug, THEIRS).session_id == session.pk


def test_an_incomplete_answer_is_no_try() -> None:
    plug = a_plug()
    session = tapped_and_started(plug, a_member(plug))
    with pytest.raises(visits.WrongDigits):
        visits.claim_session(session, MINE, "79", actor=SOMEBODY)
    assert refused("claim") == 0


def test_waiting_again_does_not_take_a_phone_from_its_charge() -> None:
    plug = a_plug()
    visits.wait(plug, MINE)
    session = tapped_and_started(plug, a_member(plug))
    assert visits.wait(plug, MINE).session_id == session.pk


def test_a_phone_that_gives_up_takes_its_leave_back() -> None:
    plug = a_plug(tap_mode=TapMode.CONFIRM_FIRST)
    card = a_member(plug)
    visits.wait(plug, MINE)
    tap(plug, card)
    leave = Authorisation.objects.create(
        connector=plug,
        card=card,
        customer=card.customer,
        id_tag=card.id_tag,
        expires_at=timezone.now() + timedelta(minutes=3),
    )
    visits.cancel(plug, MINE)
    leave.refresh_from_db()
    assert leave.cancelled_at is not None
    assert not Visit.objects.exists()
