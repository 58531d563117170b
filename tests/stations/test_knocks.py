"""Strangers at the door: what is remembered of them, and what a flood of them cannot do."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from core.audit import SYSTEM
from core.models import AuditEntry
from stations.models import Charger, Commissioning, Knock
from stations.selectors import strangers
from stations.services import adoption, chargers, knocks, links
from stations.services.links import Attempt, Connected
from tests.factories import a_charger, a_company, a_station, an_admin
from users.models import Level

pytestmark = pytest.mark.django_db
PASSWORD = "it-has-one-of-its-own"


def knock(name: str, password: str = "", address: str = "198.51.100.1", agent: str = "") -> None:
    links.connect([Attempt(name, password, address, "test", user_agent=agent)])


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def test_what_is_known_of_a_stranger_is_kept_but_never_its_password() -> None:
    knock("NEW-1", PASSWORD, agent="ACME-Wallbox/2.1 (S/N 77)")
    row = Knock.objects.get()
    assert (row.reason, row.address, row.user_agent) == (
        "unknown",
        "198.51.100.1",
        "ACME-Wallbox/2.1 (S/N 77)",
    )
    assert (row.password, row.password_hmac) == ("usable", links.password_digest("NEW-1", PASSWORD))
    assert PASSWORD not in str(Knock.objects.values())
    assert not Charger.objects.exists()


@pytest.mark.parametrize(
    ("password", "kind"),
    [("", "none"), ("short", "short"), ("x" * 65, "short"), ("รหัสผ่านของตู้ชาร์จ", "short")],
)
def test_a_password_that_no_charger_may_have_is_not_kept(password: str, kind: str) -> None:
    knock("NEW-1", password)
    row = Knock.objects.get()
    assert (row.password, row.password_hmac) == (kind, "")


def test_bytes_that_are_no_text_are_a_wrong_password_and_nothing_worse() -> None:
    knock("NEW-1", "\udcff\udcfe" * 10)
    assert Knock.objects.get().password == "short"


def test_an_id_that_knocks_on_and_on_is_counted_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = timezone.now()
    at(monkeypatch, start)
    for _ in range(50):
        knock("NEW-1")
    assert Knock.objects.get().attempts == knocks.HAMMERING
    at(monkeypatch, start + timedelta(seconds=2))
    knock("NEW-1")
    assert Knock.objects.get().attempts == knocks.HAMMERING + 1


def test_a_flood_of_made_up_ids_from_one_address_fills_nothing_and_pushes_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = timezone.now()
    at(monkeypatch, start - timedelta(hours=20))
    knock("HONEST-FAR", address="203.0.113.9")
    for minute in range(3):  # at the very address of the flood, trying again and again
        at(monkeypatch, start - timedelta(minutes=30 - minute))
        knock("HONEST-NEAR")
    for second in range(400):
        at(monkeypatch, start + timedelta(seconds=second))
        knock(f"FAKE-{second}")
    of_flood = Knock.objects.filter(network="198.51.100.1")
    assert of_flood.count() == knocks.MOST_PER_NETWORK
    assert Knock.objects.filter(charge_point_id="HONEST-FAR").exists()
    assert Knock.objects.filter(charge_point_id="HONEST-NEAR").exists()
    # A newcomer from elsewhere is seen in the middle of it.
    knock("NEW-ELSEWHERE", address="192.0.2.5")
    assert Knock.objects.filter(charge_point_id="NEW-ELSEWHERE").exists()


def test_no_more_than_some_new_ids_a_minute_are_remembered_of_one_network() -> None:
    for n in range(knocks.MOST_NEW_PER_MINUTE + 30):
        knock(f"FAKE-{n}")
    assert Knock.objects.count() == knocks.MOST_NEW_PER_MINUTE


def test_a_whole_range_of_ipv6_is_one_network() -> None:
    for n in range(knocks.MOST_NEW_PER_MINUTE + 5):
        knock(f"FAKE-{n}", address=f"2001:db8:1:2::{n:x}")
    assert Knock.objects.count() == knocks.MOST_NEW_PER_MINUTE
    assert knocks.network_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::"
    assert knocks.network_of("::ffff:198.51.100.1") == "198.51.100.1"
    assert knocks.network_of("nonsense") == ""


def test_a_flood_from_everywhere_is_bounded_and_only_the_quiet_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(knocks, "MOST_KNOCKS", 20)
    start = timezone.now()
    at(monkeypatch, start - timedelta(hours=3))
    knock("QUIET", address="203.0.113.1")
    at(monkeypatch, start)
    knock("HONEST", address="203.0.113.2")
    for n in range(60):
        knock(f"FAKE-{n}", address=f"10.0.{n}.1")
    assert Knock.objects.count() == 20
    assert not Knock.objects.filter(charge_point_id="QUIET").exists()
    assert Knock.objects.filter(charge_point_id="HONEST").exists()


def test_the_spellings_of_one_of_our_ids_are_one_row() -> None:
    charger = a_charger(charge_point_id="ABC")
    for name in ("abc", "Abc", "aBC", "ABC"):
        knock(name, "wrong")
    row = Knock.objects.get()
    assert (row.charger, row.charge_point_id, row.attempts) == (charger, "ABC", 4)
    assert row.password_hmac == ""
    assert AuditEntry.objects.filter(action="connect", refused=True).count() == 1


def test_an_address_that_a_proxy_made_up_does_no_harm() -> None:
    knock("NEW-1", address="not an address")
    assert Knock.objects.get().address is None


# --- adopting --------------------------------------------------------------------------------------


def test_an_adopted_charger_comes_in_with_the_password_it_has() -> None:
    knock("NEW-1", PASSWORD)
    station = a_station()
    fields = chargers.ChargerFields(name="Bay 1", connector_count=2)
    adopted = adoption.adopt(Knock.objects.get(), station, fields, actor=SYSTEM)
    assert adopted.password == ""
    assert not Knock.objects.exists()
    assert adopted.charger.connectors.count() == 2
    run = Commissioning.objects.get(charger=adopted.charger)
    assert (run.state, run.renew_password) == ("waiting", True)
    assert isinstance(links.connect([Attempt("new-1", PASSWORD, "", "t")])[0], Connected)
    assert PASSWORD not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("password", ["", "short"])
def test_one_without_a_usable_password_gets_one_to_type_in(password: str) -> None:
    knock("NEW-1", password)
    adopted = adoption.adopt(Knock.objects.get(), a_station(), {}, actor=SYSTEM)
    assert len(adopted.password) == 40
    assert not Commissioning.objects.get().renew_password
    assert isinstance(links.connect([Attempt("NEW-1", adopted.password, "", "t")])[0], Connected)
    assert adopted.password not in str(list(AuditEntry.objects.values()))


def test_an_id_that_no_charger_may_have_is_said_so() -> None:
    knock("ตู้ 1", PASSWORD)
    with pytest.raises(chargers.BadId):
        adoption.adopt(Knock.objects.get(), a_station(), {}, actor=SYSTEM)
    assert Knock.objects.exists()
    assert not Charger.objects.exists()


def test_two_admins_cannot_both_adopt() -> None:
    knock("NEW-1", PASSWORD)
    row = Knock.objects.get()
    adoption.adopt(row, a_station(), {}, actor=SYSTEM)
    with pytest.raises(adoption.NobodyThere):
        adoption.adopt(row, a_station(), {}, actor=SYSTEM)
    assert Charger.objects.count() == 1


def test_who_may_see_strangers() -> None:
    knock("NEW-1")
    company = a_company()
    owner = an_admin(company)
    limited = an_admin(company, Level.MANAGER, all_stations=False)
    operator = an_admin(company, Level.OPERATOR)
    platform = an_admin(None, Level.PLATFORM)
    assert [strangers.seen_by(who).count() for who in (owner, limited, operator, platform)] == [
        1,
        0,
        0,
        1,
    ]
    assert strangers.sees_all(owner)
    a_company()
    assert not strangers.sees_all(owner)
    assert [strangers.seen_by(who).count() for who in (owner, platform)] == [0, 1]
    assert [strangers.seen_by(who, "new-1").count() for who in (owner, limited, operator)] == [
        1,
        1,
        0,
    ]
    assert strangers.seen_by(owner, "NEW").count() == 0
