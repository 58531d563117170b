"""The line to a charger: who is let in, who holds it, who is told when it ends."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Fact, Lease
from stations.models import Charger, Command, Knock
from stations.services import commands, links
from stations.services.links import Attempt, Connected, Turned
from tests.factories import CHARGER_PASSWORD, a_charger, go_online

pytestmark = pytest.mark.django_db


def attempt(
    charger: Charger | str, password: str = CHARGER_PASSWORD, holder: str = "sockets_a"
) -> Attempt:
    name = charger if isinstance(charger, str) else charger.charge_point_id
    return Attempt(name, password, "127.0.0.1", holder)


def test_many_chargers_are_let_in_by_one_statement_each_kind(
    django_assert_max_num_queries: object,
) -> None:
    chargers = [a_charger(connectors=2) for _ in range(20)]
    with django_assert_max_num_queries(10):  # type: ignore[operator]
        found = links.connect([attempt(c) for c in chargers])
    assert [c.pk for c in found if isinstance(c, Connected)] == [c.pk for c in chargers]
    assert all(isinstance(c, Connected) and len(c.connectors) == 2 for c in found)


def test_the_epoch_grows_with_every_socket_and_an_old_end_touches_nothing() -> None:
    charger = a_charger()
    first = links.connect([attempt(charger)])[0]
    second = links.connect([attempt(charger, holder="sockets_b")])[0]
    assert isinstance(first, Connected)
    assert isinstance(second, Connected)
    assert second.epoch == first.epoch + 1
    links.disconnect([(charger.pk, first.epoch)])
    charger.refresh_from_db()
    assert charger.connection_holder == "sockets_b"
    links.disconnect([(charger.pk, second.epoch)])
    charger.refresh_from_db()
    assert charger.connection_holder == ""
    assert list(
        Fact.objects.filter(kind="charger_offline").values_list("subject_id", flat=True)
    ) == [charger.pk]


def test_strangers_and_wrong_passwords_are_told_apart_counted_and_create_nothing() -> None:
    charger = a_charger()
    found = links.connect([attempt("NOBODY"), attempt(charger, "wrong"), attempt("NOBODY")])
    assert [f.reason for f in found if isinstance(f, Turned)] == [
        "unknown",
        "wrong_password",
        "unknown",
    ]
    assert Knock.objects.get(charge_point_id="NOBODY").attempts == 2
    assert Knock.objects.get(charger=charger).reason == "wrong_password"
    assert Charger.objects.count() == 1


def test_a_charger_without_a_password_or_in_the_trash_stays_out() -> None:
    bare = a_charger()
    Charger.objects.filter(pk=bare.pk).update(password_hmac="")
    trashed = a_charger()
    Charger.objects.filter(pk=trashed.pk).update(deleted_at=timezone.now())
    assert all(isinstance(f, Turned) for f in links.connect([attempt(bare, ""), attempt(trashed)]))


def test_the_same_password_at_another_charger_has_another_digest() -> None:
    assert links.password_digest("A", "x") != links.password_digest("B", "x")
    assert links.password_digest("cp-1", "x") == links.password_digest("CP-1", "x")
    assert len(links.new_password()) == 40


def test_a_process_that_dies_takes_its_chargers_offline() -> None:
    charger = a_charger(online=True)
    assert links.drop_dead_holders() == 0
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert links.drop_dead_holders() == 1
    charger.refresh_from_db()
    assert charger.connection_holder == ""


def test_what_waited_for_a_charger_whose_line_ends_was_never_seen_by_it() -> None:
    charger = a_charger(online=True)
    command = commands.request(charger, "ClearCache", {}, by="test")
    assert command.status == "queued"
    links.disconnect([(charger.pk, 1)])
    assert Command.objects.get().status == "offline"


def test_an_order_is_claimed_once_and_only_by_the_newest_line() -> None:
    charger = a_charger(online=True)
    command = commands.request(charger, "ClearCache", {}, by="test")
    assert commands.claim(command.pk, "sockets_test", epoch=0) is None
    assert commands.claim(command.pk, "sockets_other", epoch=1) is None
    assert commands.claim(command.pk, "sockets_test", epoch=1) is not None
    assert commands.claim(command.pk, "sockets_test", epoch=1) is None


def test_the_same_key_is_the_same_order() -> None:
    charger = a_charger(online=True)
    first = commands.request(charger, "ClearCache", {}, by="test", key="k")
    assert commands.request(charger, "ClearCache", {}, by="test", key="k").pk == first.pk


def test_an_order_that_nobody_fetched_ends_by_itself() -> None:
    charger = a_charger(online=True)
    commands.request(charger, "ClearCache", {}, by="test")
    sent = commands.request(charger, "Reset", {"type": "Soft"}, by="test")
    commands.claim(sent.pk, "sockets_test", epoch=1)
    late = timezone.now() - timedelta(minutes=5)
    Command.objects.update(expires_at=late)
    Command.objects.filter(pk=sent.pk).update(sent_at=late)
    assert commands.expire_overdue() == 2
    assert set(Command.objects.values_list("status", flat=True)) == {"timeout"}
    go_online(charger)
