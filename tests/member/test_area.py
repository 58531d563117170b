"""The member's own pages: money, history, cards, favourites, profile; and nobody else's."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stations.models import SessionStatus
from tests.factories import a_card, a_charger, a_company, a_customer, a_session, a_station
from tests.member.phones import MemberPhone, Outbox
from users.models import Customer

pytestmark = pytest.mark.django_db
NUMBER = "081 234 5678"


def a_member(outbox: Outbox, balance: int = 109_343, **fields: object) -> tuple[MemberPhone, Customer]:
    company = a_company(name="Sirin Charge")
    member = a_customer(company, balance=balance, phone="+66812345678", **fields)
    phone = MemberPhone(company, outbox)
    phone.sign_in(NUMBER)
    return phone, member


def test_all_pages_open(outbox: Outbox) -> None:
    phone, member = a_member(outbox)
    a_card(member)
    plug = a_charger(a_station(phone.company), online=True).connectors.get()
    session = a_session(plug, customer=member, wh=5_000)
    session.status = SessionStatus.ENDED
    session.stopped_at = timezone.now()
    session.energy_wh = 5_000
    session.save()
    assert "฿1,093.43" in phone.see()
    for path in (
        "history",
        f"history/{session.pk}",
        "documents",
        "top-up",
        "cards",
        "favourites",
        "profile",
        "number",
        "phones",
        "data",
        "notice",
    ):
        phone.see(path)
